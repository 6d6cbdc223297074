// What is measured: ways to send mail, behind one face.
import type { Mail } from '@mailgrant/nodemailer';

export type ClientName = 'mailgrant' | 'nodemailer';

/** `one-flight`: envelope and message together (BDAT), which goes beyond the words of RFC 3030. */
export type Variant = ClientName | 'mailgrant one-flight';

/** A server on this machine. */
export interface Target {
  readonly port: number;
  /** PEM of the certificate to trust. */
  readonly ca: string;
  /** Connections at a time, at most. */
  readonly connections: number;
}

/** A message that needs no composing. */
export interface ReadyMail {
  readonly to: readonly string[];
  readonly message: Buffer;
}

export interface Client {
  /** Resolves when the server has accepted the message. */
  send(mail: ReadyMail): Promise<unknown>;
  /** Composes, then sends. */
  compose(mail: Mail): Promise<unknown>;
  close(): Promise<void>;
}

export const HOST = '127.0.0.1';
export const SENDER = 'reports@contoso.example';
/** The sink takes any. This one is as long as those of Entra ID, and as little alike in its parts: it is looked for in replies. */
export const TOKEN: string = `eyJ0eXAiOiJKV1QifQ.${scrambled(1_440)}.${scrambled(342)}`;

/** Loads a client; what others would need is not loaded. */
export async function openClient(name: Variant, target: Target): Promise<Client> {
  if (name === 'nodemailer') return (await import('./nodemailer.ts')).openNodemailer(target);
  const { openMailgrant } = await import('./mailgrant.ts');
  return openMailgrant(target, name === 'mailgrant one-flight' ? 'one-flight' : undefined);
}

export const recipients = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `recipient${i}@example.com`);

const LINE = 'The quick brown fox jumps over the lazy dog, and then it does so once again.\r\n';

/** A plain message of about this many bytes. */
export function readyMessage(size: number): Buffer {
  const head = [
    `From: Reports <${SENDER}>`,
    'To: recipient0@example.com',
    'Subject: The report of this morning',
    'Message-ID: <b7e3c1f0-6a52-4d0e-9d9e-3f1c2a@contoso.example>',
    'Date: Fri, 20 Nov 2026 08:00:00 +0000',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
  ].join('\r\n');
  const text = LINE.repeat(Math.ceil(size / LINE.length));
  return Buffer.from(`${head}\r\n\r\n${text}`.slice(0, size - 2).trimEnd() + '\r\n');
}

/** The same message for a composer. */
export function plainMail(size: number): Mail {
  const text = LINE.repeat(Math.ceil(size / LINE.length)).slice(0, size);
  return { from: `Reports <${SENDER}>`, to: 'recipient0@example.com', subject: 'The report of this morning', text };
}

/** So many characters of base64url, the same in each run: a linear congruential generator, the upper bits of each number. */
function scrambled(length: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  let state = length;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return alphabet[state >>> 26];
  }).join('');
}
