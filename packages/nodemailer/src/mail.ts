// The mail a caller hands over: what it may hold, and a copy of it that nodemailer may write into.
import { InputError } from '@mailgrant/core';
import type { SendMailOptions } from 'nodemailer';

/** Fields of nodemailer's message that only an SMTP transport of nodemailer's own understands. */
type TransportField = 'auth' | 'dsn' | 'requireTLSExtensionEnabled' | 'ses' | 'signal';

/**
 * A mail as nodemailer knows it: `from`, `to`, `cc`, `bcc`, `replyTo`, `subject`, `text`, `html`, `attachments`,
 * `icalEvent`, `headers`, `list`, `priority` and the rest of its
 * [message configuration](https://nodemailer.com/message/).
 */
export interface Mail extends Omit<SendMailOptions, TransportField> {}

/** What cannot be done must not look as if it had been. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  auth: 'a mail cannot bring its own login; use one mailer per mailbox',
  dsn: 'delivery status notifications are not supported yet',
  requireTLSExtensionEnabled: 'REQUIRETLS (RFC 8689) is not supported yet',
};

/**
 * Refuses fields of a mail and of its envelope that would have to be ignored.
 * @throws TypeError `ERR_INPUT_OPTION`.
 */
export function refuseUnsupported(mail: { readonly envelope?: object | undefined }): void {
  for (const [name, why] of Object.entries(UNSUPPORTED)) {
    if (isSet(mail, name)) throw new InputError('ERR_INPUT_OPTION', `${name}: ${why}`);
    if (mail.envelope && isSet(mail.envelope, name)) {
      throw new InputError('ERR_INPUT_OPTION', `envelope.${name}: ${why}`);
    }
  }
}

function isSet(object: object, name: string): boolean {
  return name in object && Boolean(object[name as keyof typeof object]);
}

/** A copy as deep as nodemailer writes: it sets content types, moves paths and adds attachments in what it is given. */
export function copyMail(mail: Mail): Mail {
  const copy = { ...mail };
  for (const field of ['text', 'html', 'watchHtml', 'amp', 'icalEvent'] as const) {
    if (mail[field]) copy[field] = copyPart(mail[field]);
  }
  if (mail.attachments) copy.attachments = [mail.attachments].flat().map(copyPart);
  if (mail.alternatives) copy.alternatives = [mail.alternatives].flat().map(copyPart);
  if (mail.headers) copy.headers = copyHeaders(mail.headers);
  return copy;
}

function copyPart<T>(part: T): T {
  if (typeof part !== 'object' || part === null || 'pipe' in part) return part;
  // nodemailer notes on the bytes of an invitation that it has read them; a view of the same memory takes the notes
  if (part instanceof Uint8Array) return Buffer.from(part.buffer, part.byteOffset, part.byteLength) as unknown as T;
  const copy: { headers?: unknown; content?: unknown } = { ...part };
  if (copy.headers) copy.headers = copyHeaders(copy.headers);
  if (copy.content) copy.content = copyPart(copy.content);
  return copy as T;
}

function copyHeaders<T>(headers: T): T {
  return (Array.isArray(headers) ? [...headers] : { ...headers }) as T;
}
