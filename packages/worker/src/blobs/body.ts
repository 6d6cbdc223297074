// What both blob stores do with bodies.
import { createHash, type Hash } from 'node:crypto';
import { StoreError } from '../store/store-error.ts';

export type Body = Uint8Array | AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** In bytes. Large enough to be quick, small enough for a row. */
export const CHUNK: number = 256 * 1024;

/** How long a body may be without a row that names it, in milliseconds: many mails may become rows together, at their end. */
export const GRACE: number = 24 * 60 * 60_000;

/** The body in chunks of one size, the last one aside. */
export async function* chunksOf(body: Body): AsyncGenerator<Uint8Array> {
  if (body instanceof Uint8Array) {
    for (let at = 0; at < body.length; at += CHUNK) yield body.subarray(at, at + CHUNK);
    return;
  }
  let held: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body) {
    for (let at = 0; at < piece.length;) {
      const part = piece.subarray(at, at + CHUNK - length);
      held.push(part);
      length += part.length;
      at += part.length;
      if (length < CHUNK) continue;
      yield Buffer.concat(held);
      held = [];
      length = 0;
    }
  }
  if (length > 0) yield Buffer.concat(held);
}

export const sha256: () => Hash = () => createHash('sha256');

/**
 * Passes a body on and compares it with its name at the end.
 *
 * @throws StoreError `ERR_STORE_BODY` when it is another one
 */
export async function* verified(name: string, pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const hash = sha256();
  for await (const piece of pieces) {
    hash.update(piece);
    yield piece;
  }
  const found = hash.digest('hex');
  if (found !== name)
    throw new StoreError('ERR_STORE_BODY', `The stored message ${name} is damaged: it is ${found} by now.`);
}

/** A name that could be a path would be one in the file store. */
export function checkName(name: string): void {
  if (!/^[0-9a-f]{64}$/.test(name)) throw new TypeError('a body is named by its SHA-256 in 64 hexadecimal digits');
}

export const missing = (name: string, cause?: unknown): StoreError =>
  new StoreError('ERR_STORE_BODY', `The stored message ${name} is missing.`, { cause });
