// A mail as it is kept: composed once, so that every attempt sends the same bytes.
import { randomUUID } from 'node:crypto';
import { type Envelope, InputError, type MessageBody, type OutgoingMail } from '@mailgrant/core';
import { compose, type ComposeOptions } from '@mailgrant/nodemailer';
import type { BlobRef } from '../blobs/blob-store.ts';
import type { StoredEnvelope } from '../schema/tables.ts';
import { dateLine, withoutDate } from './date-line.ts';
import type { ScheduledMail } from './outbox.ts';
import type { Seal } from './seal.ts';

/** Bytes up to which a message is kept in its row. */
const SMALL = 64 * 1024;

export interface FreezeOptions {
  /** Keeps what is too large for a row. */
  readonly put: (body: AsyncIterable<Uint8Array>) => Promise<BlobRef>;
  readonly seal: Seal | undefined;
  readonly compose: ComposeOptions;
  /** Bytes. */
  readonly maxSize: number;
}

interface FrozenRecipient {
  readonly address: string;
  readonly wishes: string | null;
}

export interface FrozenMail {
  readonly id: string;
  readonly envelope: StoredEnvelope;
  readonly recipients: readonly FrozenRecipient[];
  readonly messageId: string | null;
  readonly subject: string | null;
  /** The Date that goes before the message; null where the message brings its own. */
  readonly datedAt: Date | null;
  readonly mime: Uint8Array | null;
  readonly blob: string | null;
  /** Bytes as they are sent. */
  readonly size: number;
  readonly sealedWith: string | null;
}

/**
 * Composes and keeps the message; nothing is in the tables yet.
 * @throws TypeError `ERR_INPUT_…` for a mail that cannot be sent as it is.
 */
export async function freeze(
  { mail, sensitive = false }: ScheduledMail,
  sendAt: number,
  { put, seal, compose: composeOptions, maxSize }: FreezeOptions,
): Promise<FrozenMail> {
  if (sensitive && seal === undefined) {
    throw new InputError('ERR_INPUT_OPTION', 'sensitive: set encryptionKey to keep messages encrypted');
  }
  const id = randomUUID();
  const finished = 'message' in mail;
  const { envelope, message, messageId } = finished
    ? { ...(mail as OutgoingMail), messageId: undefined }
    : await compose(mail, composeOptions);
  // A date of the caller's, and one that is signed, stay as they are.
  const dates =
    !finished && !('date' in mail && mail.date) && !('raw' in mail && mail.raw) && !('dkim' in mail && mail.dkim);
  const datedAt = dates ? new Date(sendAt) : null;
  let size = datedAt === null ? 0 : dateLine(datedAt).length;
  const counted = async function* (): AsyncGenerator<Uint8Array> {
    for await (const piece of datedAt === null ? bytesOf(message) : withoutDate(bytesOf(message))) {
      size += piece.length;
      if (size > maxSize)
        throw new InputError('ERR_INPUT_MESSAGE', `mail: more than the ${maxSize} bytes of maxMessageSize`);
      yield piece;
    }
  };
  const pieces = sensitive && seal !== undefined ? seal.close(id, counted()) : counted();
  const kept = await keep(pieces, put);
  const subject = !sensitive && 'subject' in mail && typeof mail.subject === 'string' ? mail.subject : null;
  return {
    id,
    ...parts(envelope),
    messageId: messageId ?? null,
    subject: subject === null ? null : printable(subject),
    datedAt,
    ...kept,
    size,
    sealedWith: sensitive ? (seal?.keyId ?? null) : null,
  };
}

async function keep(
  pieces: AsyncGenerator<Uint8Array>,
  put: FreezeOptions['put'],
): Promise<{ readonly mime: Uint8Array | null; readonly blob: string | null }> {
  const start: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { value, done } = await pieces.next();
    if (done === true) return { mime: Buffer.concat(start), blob: null };
    start.push(value);
    size += value.length;
    if (size > SMALL) break;
  }
  const all = async function* (): AsyncGenerator<Uint8Array> {
    yield* start;
    yield* pieces;
  };
  return { mime: null, blob: (await put(all())).sha256 };
}

async function* bytesOf(message: MessageBody): AsyncGenerator<Uint8Array> {
  if (typeof message === 'string') yield Buffer.from(message);
  else if (message instanceof Uint8Array) yield message;
  else for await (const piece of message) yield typeof piece === 'string' ? Buffer.from(piece) : piece;
}

function parts({ from, to, notify, return: ret, envelopeId, requireTls, recipients }: Envelope): {
  readonly envelope: StoredEnvelope;
  readonly recipients: readonly FrozenRecipient[];
} {
  if (recipients === 'all') {
    throw new InputError(
      'ERR_INPUT_OPTION',
      "recipients: 'all' is not kept; recipients who were put off are tried again",
    );
  }
  if (typeof from !== 'string' || (from !== '' && !isAddress(from))) throw addressError('from', from);
  if (!Array.isArray(to) || to.length === 0) throw new InputError('ERR_INPUT_ADDRESS', 'to: at least one recipient');
  return {
    envelope: {
      from,
      ...(notify !== undefined && { notify }),
      ...(ret !== undefined && { return: ret }),
      ...(envelopeId !== undefined && { envelopeId }),
      ...(requireTls !== undefined && { requireTls }),
    },
    recipients: to.map((recipient: Envelope['to'][number]) => {
      const { address, ...wishes } = typeof recipient === 'string' ? { address: recipient } : recipient;
      if (!isAddress(address)) throw addressError('to', address);
      return { address, wishes: Object.values(wishes).some(Boolean) ? JSON.stringify(wishes) : null };
    }),
  };
}

/** Rough: the mailer looks at it in full before it sends. */
const isAddress = (text: unknown): boolean =>
  typeof text === 'string' &&
  text.length <= 998 &&
  !/\p{Surrogate}/u.test(text) &&
  // oxlint-disable-next-line no-control-regex -- what must not be in an address
  /^[^\u0000-\u0020<>]+@[^\u0000-\u0020<>@]+$/u.test(text);

const addressError = (field: string, value: unknown): InputError =>
  new InputError('ERR_INPUT_ADDRESS', `${field}: expected a plain address, got ${JSON.stringify(value)?.slice(0, 80)}`);

// oxlint-disable-next-line no-control-regex -- a NUL cannot be stored, the others garble a list
const printable = (text: string): string => text.replace(/[\u0000-\u001f\u007f]+/g, ' ').slice(0, 998);
