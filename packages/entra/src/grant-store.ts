// What is kept of a person's consent, in core's token store: the refresh token and whose it is.
import { Secret, TokenError, type TokenStore } from '@mailgrant/core';
import { type EntraAccount } from './account.ts';

/** A person's consent. */
export interface StoredGrant {
  readonly refreshToken: Secret;
  readonly account: EntraAccount;
  /** The name of theirs that is the mailbox's, or among the delegates. */
  readonly allowedAs: string;
  /** Epoch milliseconds. */
  readonly connectedAt: number;
  /** When the refresh token was last used, which keeps it alive. */
  readonly usedAt: number;
}

/** The grant of one mailbox, as it is in the store. */
export interface GrantStore {
  read(): Promise<{ readonly grant: StoredGrant | undefined; readonly version: string | undefined }>;
  /** @returns whether it was written: not if somebody else wrote since `version`. */
  write(grant: StoredGrant | undefined, version: string | undefined): Promise<boolean>;
  /** Replaces whatever is there. */
  replace(grant: StoredGrant | undefined): Promise<void>;
  /** One process at a time. @throws TokenError `ERR_OAUTH_TIMEOUT` when another does not finish. */
  exclusively<T>(timeout: number, work: () => Promise<T>): Promise<T>;
}

/** What a key holds that has been forgotten: stores have no way to delete. */
const NOTHING = '{}';
const MOST_ATTEMPTS = 10;

export function grantStore(store: TokenStore, key: string): GrantStore {
  const name = `${key}#entra-grant`;
  const read: GrantStore['read'] = async () => {
    const stored = await store.get(name);
    return { grant: stored && decode(stored.value), version: stored?.version };
  };
  const write: GrantStore['write'] = async (grant, version) =>
    (await store.compareAndSet(name, version, encode(grant))) !== undefined;
  return {
    read,
    write,
    replace: (grant) => update(store, name, () => encode(grant)).then(() => undefined),
    async exclusively(timeout, work) {
      const lock = await store.lock(name, { lease: 2 * timeout, wait: timeout });
      if (lock === undefined) {
        throw new TokenError('ERR_OAUTH_TIMEOUT', `another process kept the grant locked for ${timeout} ms`);
      }
      try {
        return await work();
      } finally {
        await lock.release().catch(() => undefined); // the lease ends it anyway, and a token may be at stake
      }
    },
  };
}

/** Changes a value in the store whoever else does so at the same time. */
export async function update(
  store: TokenStore,
  name: string,
  change: (before: Secret | undefined) => Secret,
): Promise<void> {
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
    const stored = await store.get(name);
    if ((await store.compareAndSet(name, stored?.version, change(stored?.value))) !== undefined) return;
  }
  throw new TokenError('ERR_OAUTH_SOURCE', 'the token store could not be written: others kept changing it');
}

function encode(grant: StoredGrant | undefined): Secret {
  return new Secret(
    grant === undefined ? NOTHING : JSON.stringify({ ...grant, refreshToken: grant.refreshToken.reveal() }),
  );
}

/** What cannot be read is as good as nothing: somebody has to sign in again. */
function decode(value: Secret): StoredGrant | undefined {
  try {
    const { refreshToken, account, allowedAs, connectedAt, usedAt } = JSON.parse(value.reveal()) as Record<
      string,
      unknown
    >;
    if (typeof refreshToken !== 'string' || refreshToken === '') return undefined;
    if (typeof connectedAt !== 'number' || typeof usedAt !== 'number') return undefined;
    const { username, name, objectId, tenantId } = (account ?? {}) as Record<string, unknown>;
    const text = (one: unknown): string | undefined => (typeof one === 'string' ? one : undefined);
    return {
      refreshToken: new Secret(refreshToken),
      account: { username: text(username) ?? '', name: text(name), objectId: text(objectId), tenantId: text(tenantId) },
      allowedAs: text(allowedAs) ?? text(username) ?? '',
      connectedAt,
      usedAt,
    };
  } catch {
    return undefined;
  }
}
