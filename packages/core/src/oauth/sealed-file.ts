// A small file that only the holder of a key can read or change, replaced as a whole or not at all.
//
// Format 1: "MGTS", format, kind of key, salt (16), key check (8), nonce (12), tag (16), AES-256-GCM ciphertext.
// Everything before the tag is authenticated as well.
import {
  createCipheriv,
  createDecipheriv,
  hkdfSync,
  randomBytes,
  randomUUID,
  scrypt,
  timingSafeEqual,
} from 'node:crypto';
import { mkdir, open, readFile, readlink, realpath, rename, unlink, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';
import { TokenError } from '../errors.ts';
import type { CheckedKey } from './sealing-key.ts';

export interface SealedFile {
  /** @throws TokenError `ERR_OAUTH_SOURCE` when the key does not fit or the file is damaged. */
  read(): Promise<string | undefined>;
  /** Replaces the file, durably, if `unlessLost` still says so at the last moment. */
  replace(text: string, unlessLost: () => Promise<boolean>): Promise<void>;
}

const MAGIC = Buffer.from('MGTS\x01');
const RANDOM_KEY = 0;
const PASSPHRASE = 1;
const SALT = MAGIC.length + 1;
const CHECK = SALT + 16;
const NONCE = CHECK + 8;
const TAG = NONCE + 12;
const CIPHERTEXT = TAG + 16;
/** RFC 7914; 32 MB and three passes, OWASP's second choice of 2025. */
const SCRYPT = { N: 2 ** 15, r: 8, p: 3, maxmem: 64 * 1024 * 1024 };

const deriveByScrypt = promisify<string, Buffer, number, typeof SCRYPT, Buffer>(scrypt);

export function sealedFile(path: string, key: CheckedKey): SealedFile {
  const { kind, derive } = keyDerivation(key);
  let known: { readonly salt: Buffer; readonly material: Buffer } | undefined;
  const materialFor = async (salt: Buffer): Promise<Buffer> => {
    if (known?.salt.equals(salt) !== true) known = { salt, material: await derive(salt) };
    return known.material;
  };

  return {
    async read() {
      const sealed = await readFile(path).catch((error: unknown) => {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
        throw failure(path, 'cannot be read', error);
      });
      if (sealed === undefined) return undefined;
      if (sealed.length < CIPHERTEXT || !sealed.subarray(0, MAGIC.length).equals(MAGIC)) {
        throw failure(path, 'is no token store of a kind this version knows');
      }
      if (sealed[MAGIC.length] !== kind) {
        throw failure(
          path,
          kind === PASSPHRASE ? 'was made with a key, not a passphrase' : 'was made with a passphrase',
        );
      }
      const material = await materialFor(Buffer.from(sealed.subarray(SALT, CHECK)));
      if (!timingSafeEqual(material.subarray(32, 40), sealed.subarray(CHECK, NONCE))) {
        throw failure(path, 'was made with another key');
      }
      try {
        const decipher = createDecipheriv('aes-256-gcm', material.subarray(0, 32), sealed.subarray(NONCE, TAG));
        decipher.setAAD(sealed.subarray(0, TAG)).setAuthTag(sealed.subarray(TAG, CIPHERTEXT));
        return Buffer.concat([decipher.update(sealed.subarray(CIPHERTEXT)), decipher.final()]).toString();
      } catch (cause) {
        throw failure(path, 'is damaged: remove it to start afresh', cause);
      }
    },

    async replace(text, unlessLost) {
      const salt = known?.salt ?? randomBytes(16);
      const material = await materialFor(salt);
      const nonce = randomBytes(12);
      const head = Buffer.concat([MAGIC, Buffer.from([kind]), salt, material.subarray(32, 40), nonce]);
      const cipher = createCipheriv('aes-256-gcm', material.subarray(0, 32), nonce).setAAD(head);
      const ciphertext = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      try {
        await replaceFile(path, Buffer.concat([head, cipher.getAuthTag(), ciphertext]), unlessLost);
      } catch (cause) {
        throw cause instanceof TokenError ? cause : failure(path, 'cannot be written', cause);
      }
    },
  };
}

/** Where a link leads, also when nothing is there yet: a file in its place would part those who use the one and the other. */
export async function linkTarget(path: string): Promise<string> {
  const target = await readlink(path).catch(() => undefined); // most are no links
  if (target === undefined) return path;
  return realpath(path).catch(() => resolve(dirname(path), target));
}

function keyDerivation(key: CheckedKey): { kind: number; derive: (salt: Buffer) => Promise<Buffer> } {
  if ('phrase' in key) {
    const phrase = key.phrase.reveal().normalize('NFC');
    return { kind: PASSPHRASE, derive: (salt) => deriveByScrypt(phrase, salt, 64, SCRYPT) };
  }
  const { bytes } = key;
  return {
    kind: RANDOM_KEY,
    derive: async (salt) => Buffer.from(hkdfSync('sha256', bytes, salt, 'mailgrant store', 64)),
  };
}

async function replaceFile(path: string, bytes: Buffer, unlessLost: () => Promise<boolean>): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomUUID()}.tmp`;
  try {
    await writeFile(draft, bytes, { flag: 'wx', mode: 0o600, flush: true });
    if (!(await unlessLost())) throw failure(path, 'was not written: another process has taken over its lock');
    await rename(draft, path);
  } catch (error) {
    await unlink(draft).catch(() => undefined); // it may not have come to exist
    throw error;
  }
  // The new name must survive a power cut as well. Windows cannot open folders, and needs not.
  const folder = await open(directory, 'r').catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}

function failure(path: string, what: string, cause?: unknown): TokenError {
  return new TokenError('ERR_OAUTH_SOURCE', `the token store ${path} ${what}`, { cause });
}
