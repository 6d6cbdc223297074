// The mail a caller hands over: what it may hold, and a copy of it that nodemailer may write into.
import { InputError } from '@mailgrant/core';
import type { SendMailOptions } from 'nodemailer';

/**
 * A mail as nodemailer knows it: `from`, `to`, `cc`, `bcc`, `replyTo`, `subject`, `text`, `html`, `attachments`,
 * `icalEvent`, `headers`, `list`, `priority`, `dsn` and the rest of its
 * [message configuration](https://nodemailer.com/message/), but what belongs to its own transports.
 */
export interface Mail extends Omit<SendMailOptions, 'auth' | 'ses' | 'signal'> {}

/**
 * Refuses a login in a mail: to ignore it would send the mail as somebody else.
 * @throws TypeError `ERR_INPUT_OPTION`.
 */
export function refuseLogin(mail: object): void {
  if ('auth' in mail && mail.auth) {
    throw new InputError('ERR_INPUT_OPTION', 'auth: a mail cannot bring its own login; use one mailer per mailbox');
  }
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
  if (typeof mail.inReplyTo === 'string') copy.inReplyTo = plainId(mail.inReplyTo);
  if (mail.references) copy.references = [mail.references].flat().map(plainId);
  return copy;
}

/**
 * Ids come out of other people's mails. What none may hold (RFC 5322 section 3.6.4) goes: a U+2028 in a long one ended up at
 * the start of a folded line, which then is neither a field nor the continuation of one.
 */
const plainId = (id: string): string => (typeof id === 'string' ? id.replace(/[^\t\r\n\x20-\x7e]/gu, '') : id);

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
