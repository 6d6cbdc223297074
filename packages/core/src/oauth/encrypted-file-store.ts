// A token store in one encrypted file, for the processes of one machine.
import { InputError } from '../errors.ts';
import { checkSealingKey, type SealingKey } from './sealing-key.ts';
import { type TokenStore } from './token-store.ts';

/** Where the file is, and what opens it. */
export interface EncryptedFileTokenStoreOptions {
  /** The file, or a link to it; missing folders are made. Beside it a folder `<path>.locks` comes to be. On a local disk, not on NFS. */
  readonly path: string;
  /** 32 random bytes, or `{ passphrase }`. Keep it elsewhere than the file. */
  readonly key: SealingKey;
  /** The time in epoch milliseconds. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
}

/**
 * A token store in a file that is encrypted (AES-256-GCM), readable by its owner only (mode 0600) and replaced as a whole, so
 * that no reader and no power cut ever sees half of it. Locks are released by release, by the end of their lease, or by the
 * death of their owner.
 *
 * Its methods throw TokenError `ERR_OAUTH_SOURCE` when the file was made with another key, is damaged or cannot be read,
 * written or locked, and `ERR_OAUTH_TIMEOUT` when another process keeps changing it.
 * @throws TypeError `ERR_INPUT_OPTION` when the key is neither 32 bytes nor a passphrase of 12 characters or more.
 */
export function encryptedFileTokenStore(options: EncryptedFileTokenStoreOptions): TokenStore {
  const { path, now = Date.now } = options;
  if (typeof path !== 'string' || path === '') throw new InputError('ERR_INPUT_OPTION', 'path must name a file');
  const key = checkSealingKey(options.key);
  let opened: Promise<TokenStore> | undefined;
  const store = (): Promise<TokenStore> =>
    (opened ??= import('./sealed-store.ts').then(({ sealedStore }) => sealedStore(path, key, now)));

  return {
    get: async (name) => (await store()).get(name),
    compareAndSet: async (name, expected, value) => (await store()).compareAndSet(name, expected, value),
    lock: async (name, wishes) => (await store()).lock(name, wishes),
  };
}
