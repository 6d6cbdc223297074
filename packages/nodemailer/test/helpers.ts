import PostalMime, { type Email } from 'postal-mime';
import { compose, type ComposedMail, type ComposeOptions, type Mail } from '../src/index.ts';

/** A mail with the least a mail needs, and what a test cares about. */
export const mail = (fields: Mail = {}): Mail => ({
  from: 'Ada <ada@example.com>',
  to: 'grace@example.org',
  subject: 'Hello',
  text: 'Hi',
  ...fields,
});

/** All bytes of a composed message. */
export async function bytesOf({ message }: Pick<ComposedMail, 'message'>): Promise<Buffer> {
  if (message instanceof Uint8Array) return Buffer.from(message);
  const pieces: Uint8Array[] = [];
  for await (const piece of message) pieces.push(piece as Uint8Array);
  return Buffer.concat(pieces);
}

export interface Read extends Email {
  readonly source: string;
  readonly composed: ComposedMail;
}

/** Composes and reads the result with an independent parser. */
export async function composeAndRead(fields: Mail = {}, options?: ComposeOptions): Promise<Read> {
  const composed = await compose(mail(fields), options);
  const bytes = await bytesOf(composed);
  return { ...(await PostalMime.parse(bytes)), source: bytes.toString(), composed };
}
