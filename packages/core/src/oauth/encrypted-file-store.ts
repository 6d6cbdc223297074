// A token store in one encrypted file, for the processes of one machine.
import { createHash, randomUUID } from 'node:crypto';
import { InputError, TokenError } from '../errors.ts';
import { Secret } from '../secret.ts';
import { acquireFileLock, type FileLock } from './file-lock.ts';
import { sealedFile, type SealingKey } from './sealed-file.ts';
import { type TokenStore } from './token-store.ts';

export interface EncryptedFileTokenStoreOptions {
  /** The file; missing folders are made. Beside it a folder `<path>.locks` comes to be. On a local disk, not on NFS. */
  readonly path: string;
  /** 32 random bytes, or `{ passphrase }`. Keep it elsewhere than the file. */
  readonly key: SealingKey;
  /** Epoch milliseconds. */
  readonly now?: (() => number) | undefined;
}

type Entries = Map<string, { readonly version: string; readonly value: string }>;

/** Milliseconds for one change of the file, and to wait for others who change it. */
const CHANGE = 10_000;

/**
 * A token store in a file that is encrypted (AES-256-GCM), readable by its owner only (mode 0600) and replaced as a whole, so
 * that no reader and no power cut ever sees half of it. Locks are released by release, by the end of their lease, or by the
 * death of their owner.
 *
 * Its methods throw TokenError `ERR_OAUTH_SOURCE` when the file was made with another key, is damaged or cannot be read or
 * written, and `ERR_OAUTH_TIMEOUT` when another process keeps changing it.
 * @throws TypeError `ERR_INPUT_OPTION` when the key is neither 32 bytes nor a passphrase of 12 characters or more.
 */
export function encryptedFileTokenStore(options: EncryptedFileTokenStoreOptions): TokenStore {
  const { path, key, now = Date.now } = options;
  if (typeof path !== 'string' || path === '') throw new InputError('ERR_INPUT_OPTION', 'path must name a file');
  const file = sealedFile(path, key);
  const lock = (name: string, lease: number, wait: number): Promise<FileLock | undefined> =>
    acquireFileLock({ directory: `${path}.locks`, name, lease, wait, now });

  const read = async (): Promise<Entries> => parse((await file.read()) ?? '[]', path);

  return {
    async get(name) {
      const entry = (await read()).get(name);
      return entry && { value: new Secret(entry.value), version: entry.version };
    },

    async compareAndSet(name, expected, value) {
      const change = await lock('file', CHANGE, CHANGE);
      if (change === undefined) {
        throw new TokenError('ERR_OAUTH_TIMEOUT', `the token store ${path} was locked for ${CHANGE} ms`);
      }
      try {
        const entries = await read();
        if (entries.get(name)?.version !== expected) return undefined;
        const version = randomUUID();
        entries.set(name, { version, value: value.reveal() });
        await file.replace(JSON.stringify([...entries]), () => change.isHeld());
        return version;
      } finally {
        await change.release();
      }
    },

    // The name of a lock is seen by whoever may list the folder: not the name of a tenant or a mailbox.
    lock: (name, { lease, wait }) => lock(createHash('sha256').update(name).digest('hex').slice(0, 16), lease, wait),
  };
}

function parse(text: string, path: string): Entries {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list)) throw new TokenError('ERR_OAUTH_SOURCE', `the token store ${path} holds something else`);
  // Nobody without the key could have written anything but what compareAndSet wrote.
  return new Map(list as [string, { version: string; value: string }][]);
}
