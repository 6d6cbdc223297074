// An application that acts for a person who agreed once (RFC 6749 section 6).
import { InputError, TokenError } from '../errors.ts';
import { Secret } from '../secret.ts';
import {
  authenticateClient,
  checkClient,
  type ClientOptions,
  readSecret,
  type SecretInput,
} from './client-authentication.ts';
import { askTokenEndpoint } from './token-endpoint.ts';
import { type TokenSource } from './token-source.ts';
import { type StoredValue, type TokenStore } from './token-store.ts';
import { within } from './waiting.ts';

/** A person who consented once (RFC 6749 section 6). */
export interface RefreshTokenOptions extends ClientOptions {
  /** The refresh token the person's consent gave, or a function that reads the current one. */
  readonly refreshToken: SecretInput;
  /** For Microsoft `https://outlook.office.com/SMTP.Send offline_access`. Default: what was consented to. */
  readonly scope?: string | undefined;
  /**
   * Keeps a refresh token that replaces the one before. Resolves when it is kept for good: only then the access token that
   * came with it is used.
   */
  readonly onRotate?: ((refreshToken: Secret) => void | Promise<void>) | undefined;
  /** Keeps rotated refresh tokens instead of `onRotate`, and has processes that share it refresh one after the other. */
  readonly store?: TokenStore | undefined;
  /** Name of the mailbox or account in `store`. Required with `store`. */
  readonly key?: string | undefined;
}

/** A refresh token and the configured one it descends from: a newly configured one (a new consent) puts an end to the line. */
interface Line {
  readonly seed: Secret;
  readonly current: Secret;
}

/** Where rotated refresh tokens live. */
interface Keeper {
  load(seed: Secret): Promise<Secret>;
  save(line: Line): Promise<void>;
  exclusively<T>(work: () => Promise<T>): Promise<T>;
}

/**
 * A token source that uses a refresh token (RFC 6749 section 6). When the server replaces that (rotation), the new one is kept before the access
 * token is used; calls of one source run one after the other, as using a replaced refresh token may end the consent.
 * With neither `onRotate` nor `store` a rotated refresh token is known to this process only.
 *
 * The source throws TokenError `ERR_OAUTH_REFUSED`, `ERR_OAUTH_UNAVAILABLE`, `ERR_OAUTH_UNREACHABLE`, `ERR_OAUTH_TIMEOUT` or
 * `ERR_OAUTH_MALFORMED` for what the endpoint did; the error `invalid_grant` says that the person must consent again. It throws
 * `ERR_OAUTH_SOURCE` when the new refresh token could not be kept (the next call tries that again first) and
 * `ERR_OAUTH_TIMEOUT` when another process keeps the lock of the store, or something it waits for never answers.
 * @throws TypeError `ERR_INPUT_OPTION` at once, naming the option.
 */
export function refreshToken(options: RefreshTokenOptions): TokenSource {
  checkClient(options);
  const { store, key, onRotate, extra, scope } = options;
  if (store !== undefined && onRotate !== undefined) throw bad('store and onRotate exclude each other');
  if (store !== undefined && !key) throw bad('a token store needs the option key');
  const { timeout = 10_000 } = options;
  // The wait for the lock, then its lease: from then on others may use the refresh token.
  const limit = Math.min(3 * timeout, 2 ** 31 - 1);
  const keeper =
    store !== undefined && key ? storeKeeper(store, `${key}#refresh-token`, timeout) : memoryKeeper(onRotate);

  let unsaved: Line | undefined;
  const save = async (): Promise<void> => {
    const line = unsaved;
    if (line === undefined) return;
    try {
      await keeper.save(line);
    } catch (cause) {
      throw new TokenError(
        'ERR_OAUTH_SOURCE',
        'the new refresh token could not be kept, so its access token is not used',
        {
          cause,
        },
      );
    }
    if (unsaved === line) unsaved = undefined;
  };

  const refresh = async (signal: AbortSignal) => {
    await save();
    const seed = await readSecret('refreshToken', options.refreshToken);
    const current = await keeper.load(seed);
    const { form, ...client } = await authenticateClient(options);
    signal.throwIfAborted(); // the next call may have used this refresh token meanwhile
    const response = await askTokenEndpoint({
      ...options,
      ...client,
      form: { ...extra, grant_type: 'refresh_token', refresh_token: current, scope: scope || undefined, ...form },
    });
    if (response.refreshToken !== undefined && response.refreshToken.reveal() !== current.reveal()) {
      unsaved = { seed, current: response.refreshToken };
      await save();
    }
    return response.token;
  };

  let last: Promise<unknown> = Promise.resolve();
  return () => {
    const next = last.then(() =>
      within(limit, 'the refresh token gave no access token', (signal) => keeper.exclusively(() => refresh(signal))),
    );
    last = next.catch(() => undefined);
    return next;
  };
}

function memoryKeeper(onRotate: RefreshTokenOptions['onRotate']): Keeper {
  let line: Line | undefined;
  return {
    async load(seed) {
      return line?.seed.reveal() === seed.reveal() ? line.current : seed;
    },
    async save(next) {
      // Remembered even if it cannot be kept: the one before may be worth nothing any more.
      line = next;
      await onRotate?.(next.current);
    },
    exclusively: (work) => work(),
  };
}

function storeKeeper(store: TokenStore, key: string, timeout: number): Keeper {
  let stored: StoredValue | undefined;
  return {
    async load(seed) {
      stored = await store.get(key);
      const line = stored && decode(stored.value);
      return line?.seed === (await fingerprint(seed)) ? new Secret(line.refreshToken) : seed;
    },
    async save({ seed, current }) {
      const line = { seed: await fingerprint(seed), refreshToken: current.reveal() };
      // Whoever was faster although the lock was ours (our lease ended) has the younger one.
      await store.compareAndSet(key, stored?.version, new Secret(JSON.stringify(line)));
    },
    async exclusively(work) {
      const lock = await store.lock(key, { lease: 2 * timeout, wait: timeout });
      if (lock === undefined) {
        throw new TokenError('ERR_OAUTH_TIMEOUT', `another process kept the refresh token locked for ${timeout} ms`);
      }
      try {
        return await work();
      } finally {
        await lock.release().catch(() => undefined); // the lease ends it anyway, and a token may be at stake
      }
    },
  };
}

async function fingerprint(secret: Secret): Promise<string> {
  const { createHash } = await import('node:crypto');
  return createHash('sha256').update(secret.reveal()).digest('base64url');
}

function decode(value: Secret): { seed: unknown; refreshToken: string } | undefined {
  try {
    const { seed, refreshToken } = JSON.parse(value.reveal()) as Record<string, unknown>;
    return typeof refreshToken === 'string' ? { seed, refreshToken } : undefined;
  } catch {
    return undefined; // written by another version of this package: the configured refresh token has to do
  }
}

function bad(message: string): InputError {
  return new InputError('ERR_INPUT_OPTION', message);
}
