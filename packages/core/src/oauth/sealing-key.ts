// The key of an encrypted store, checked at the door.
import { InputError } from '../errors.ts';
import { Secret } from '../secret.ts';

/** 32 random bytes, or a passphrase to derive them from (scrypt, some 0.2 seconds once per process). */
export type SealingKey = Uint8Array | { readonly passphrase: string | Secret };

/** A key that will do. */
export type CheckedKey = { readonly bytes: Buffer } | { readonly phrase: Secret };

const SHORTEST_PASSPHRASE = 12;

/** @throws TypeError `ERR_INPUT_OPTION` when the key is neither 32 bytes nor a passphrase of 12 characters or more. */
export function checkSealingKey(key: SealingKey): CheckedKey {
  if (key instanceof Uint8Array && key.length === 32) return { bytes: Buffer.from(key) };
  if (!(key instanceof Uint8Array) && typeof key === 'object' && key !== null) {
    const phrase = key.passphrase instanceof Secret ? key.passphrase.reveal() : key.passphrase;
    if (typeof phrase === 'string' && phrase.length >= SHORTEST_PASSPHRASE) return { phrase: new Secret(phrase) };
  }
  throw new InputError(
    'ERR_INPUT_OPTION',
    `key must be 32 bytes or { passphrase } of at least ${SHORTEST_PASSPHRASE} characters`,
  );
}
