// Messages that are nobody's business, encrypted with AES-256-GCM: nonce, ciphertext, tag. The id of the mail is bound in, so
// that one mail's message cannot be put in place of another's.
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { InputError } from '@mailgrant/core';

/** 32 bytes, as bytes or in base64. With several, the first encrypts and all decrypt. */
export type EncryptionKey = string | Uint8Array | readonly (string | Uint8Array)[];

const NONCE = 12;
const TAG = 16;
const CIPHER = 'aes-256-gcm';

type Pieces = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** Encrypts and decrypts. Prints nothing of its keys. */
export interface Seal {
  /** Names the key that `close` uses. */
  readonly keyId: string;
  /** Encrypts piece by piece. */
  close(mailId: string, message: Pieces): AsyncGenerator<Uint8Array>;
  /**
   * Decrypts piece by piece. What was changed is found at the end: the iteration fails there, and a message that is being
   * sent is not sent.
   */
  open(mailId: string, keyId: string, sealed: Pieces): AsyncGenerator<Uint8Array>;
}

/** @throws TypeError `ERR_INPUT_OPTION` for keys that are not 32 bytes long. */
export function createSeal(key: EncryptionKey): Seal {
  const keys = new Map(
    (Array.isArray(key) ? key : [key]).map((one: string | Uint8Array) => {
      const bytes = typeof one === 'string' ? Buffer.from(one, 'base64') : Buffer.from(one);
      if (bytes.length !== 32) throw new InputError('ERR_INPUT_OPTION', 'encryptionKey: 32 bytes, or their base64');
      return [createHash('sha256').update('mailgrant key id').update(bytes).digest('hex').slice(0, 12), bytes];
    }),
  );
  const [first] = keys;
  if (first === undefined) throw new InputError('ERR_INPUT_OPTION', 'encryptionKey: at least one key');
  const [keyId, current] = first;
  return {
    keyId,
    async *close(mailId, message) {
      const nonce = randomBytes(NONCE);
      const cipher = createCipheriv(CIPHER, current, nonce).setAAD(Buffer.from(mailId));
      yield nonce;
      for await (const piece of message) yield cipher.update(piece);
      yield cipher.final();
      yield cipher.getAuthTag();
    },
    async *open(mailId, keyId, sealed) {
      const key = keys.get(keyId);
      if (key === undefined) {
        throw new Error(`the message is encrypted with a key this process does not have (id ${keyId})`);
      }
      // The last bytes are the tag, so as many are always held back.
      let held: Buffer = Buffer.alloc(0);
      let decipher: ReturnType<typeof start> | undefined;
      const start = (nonce: Uint8Array) => createDecipheriv(CIPHER, key, nonce).setAAD(Buffer.from(mailId));
      for await (const piece of sealed) {
        held = Buffer.concat([held, piece]);
        if (decipher === undefined && held.length >= NONCE) {
          decipher = start(held.subarray(0, NONCE));
          held = held.subarray(NONCE);
        }
        if (decipher !== undefined && held.length > TAG) {
          yield decipher.update(held.subarray(0, -TAG));
          held = held.subarray(-TAG);
        }
      }
      if (decipher === undefined || held.length < TAG) throw new Error('the stored message is cut off');
      decipher.setAuthTag(held);
      yield decipher.final();
    },
  };
}
