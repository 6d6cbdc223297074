// The stored message as it is sent.
import { type Envelope, InputError, type OutgoingMail, type Recipient } from '@mailgrant/core';
import { dateLine } from '../outbox/date-line.ts';
import type { Attempt } from './begin.ts';
import type { Context } from './context.ts';

/** Throws where the message is not there any more or cannot be decrypted. */
export function outgoing({ store, seal }: Context, { mail, recipients }: Attempt): OutgoingMail {
  const { mime, mime_blob: blob, sealed_with: sealedWith } = mail;
  if (mime === null && blob === null) {
    throw new InputError('ERR_INPUT_MESSAGE', 'mail: the stored message was deleted');
  }
  const stored = mime === null ? store.blobs.get(blob ?? '') : [mime];
  if (sealedWith !== null && seal === undefined) throw new Error('the message is encrypted; set encryptionKey');
  const plain = sealedWith === null || seal === undefined ? stored : seal.open(mail.id, sealedWith, stored);
  const date = mail.dated_at === null ? undefined : dateLine(mail.dated_at);
  return {
    envelope: envelopeOf(mail.envelope, recipients),
    message: mime !== null && sealedWith === null ? joined(date, mime) : withDate(date, plain),
    size: mail.mime_size,
  };
}

function envelopeOf(envelope: Attempt['mail']['envelope'], recipients: Attempt['recipients']): Envelope {
  const to = recipients.map(({ address, wishes }) =>
    wishes === null ? address : ({ address, ...wishes } as Recipient),
  );
  return { ...envelope, to };
}

const joined = (date: Uint8Array | undefined, mime: Uint8Array): Uint8Array =>
  date === undefined ? mime : Buffer.concat([date, mime]);

async function* withDate(
  date: Uint8Array | undefined,
  message: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (date !== undefined) yield date;
  yield* message;
}
