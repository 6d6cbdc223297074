// What an encrypted store does with its file. It brings the file system along, so it is loaded with the first use of a store.
import { createHash, randomUUID } from 'node:crypto';
import { TokenError } from '../errors.ts';
import { Secret } from '../secret.ts';
import { acquireFileLock, type FileLock } from './file-lock.ts';
import { linkTarget, sealedFile } from './sealed-file.ts';
import type { CheckedKey } from './sealing-key.ts';
import { type TokenStore } from './token-store.ts';

type Entries = Map<string, { readonly version: string; readonly value: string }>;

/** Milliseconds for one change of the file, and to wait for others who change it. */
const CHANGE = 10_000;

/** @param now epoch milliseconds */
export async function sealedStore(link: string, key: CheckedKey, now: () => number): Promise<TokenStore> {
  const path = await linkTarget(link);
  const file = sealedFile(path, key);
  const lock = async (name: string, lease: number, wait: number): Promise<FileLock | undefined> => {
    try {
      return await acquireFileLock({ directory: `${path}.locks`, name, lease, wait, now });
    } catch (cause) {
      throw new TokenError('ERR_OAUTH_SOURCE', `the token store ${path} cannot be locked`, { cause });
    }
  };

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
