// Reuses a token, renews it ahead of its end, and shares one request among all who wait for it.
import { InputError } from '../errors.ts';
import { type Attempts, attemptsBy, failedAttempt, NO_FAILURE } from './attempts.ts';
import { sharedToken } from './shared-token.ts';
import { tell, type TokenListener } from './token-events.ts';
import { type HeldToken, type Margins } from './token-lifetime.ts';
import { explained, requestToken } from './token-request.ts';
import { type AccessToken, type TokenRequest, type TokenSource } from './token-source.ts';
import { type TokenStore } from './token-store.ts';
import { abandonable, duration, within } from './waiting.ts';

/** When to renew, and with whom to share. */
export interface CacheOptions {
  /** Milliseconds before its end from which a token is renewed, never more than half its lifetime. Default 10 minutes. */
  readonly earlyBy?: number | undefined;
  /**
   * Milliseconds before its end from which a token is no longer handed out, never more than a quarter of its lifetime.
   * Default 10 seconds; more for servers that refuse tokens shortly before their end.
   */
  readonly reserve?: number | undefined;
  /** Milliseconds one attempt to get a token may take, the wait for other processes included. Default 20 seconds. */
  readonly timeout?: number | undefined;
  /** Shares the token with other processes; `key` says under which name. */
  readonly store?: TokenStore | undefined;
  /** Name of the identity in `store`, such as `tenant/client`. Required with `store`. */
  readonly key?: string | undefined;
  /** Called at every renewal, failure and refusal. What it throws is ignored. */
  readonly onEvent?: TokenListener | undefined;
  /** The time in epoch milliseconds. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
  /** From 0 to 1, for the jitter of waits. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** What whoever asks a cache for a token needs. */
export interface CachedTokenRequest extends TokenRequest {
  /** Ends this caller's wait, not the request it shares with others. */
  readonly signal?: AbortSignal | undefined;
}

/** What a cache knows, for health checks. Times in epoch milliseconds. */
export interface TokenState {
  /** `due`: in use and to be renewed; `unusable`: too near its end or past it. */
  readonly token: 'none' | 'fresh' | 'due' | 'unusable';
  /** When the token ends; `undefined` without one. */
  readonly expiresAt: number | undefined;
  /** When it is due for renewal; `undefined` without a token. */
  readonly renewAt: number | undefined;
  /** Milliseconds by which the issuer's clock is ahead of ours, where it told its time. */
  readonly clockSkew: number | undefined;
  /** A request is under way. */
  readonly renewing: boolean;
  /** Attempts that failed since the last success. */
  readonly failures: number;
  /** Why the last attempt failed; `undefined` since the last success. */
  readonly error: Error | undefined;
  /** Before which nothing is asked again after a failure; `undefined` when nothing failed. */
  readonly nextAttemptAt: number | undefined;
}

/** A token source with a memory. */
export interface CachedTokenSource {
  (request?: CachedTokenRequest): Promise<AccessToken>;
  /**
   * Says that a server refused this token. It is forgotten if it still is the cached one, the next request goes to the
   * source with `forceRefresh`, and the same value is never handed out again.
   */
  reject(token: AccessToken): void;
  /** How it stands, without a request. */
  state(): TokenState;
  /** Ends the pause after a failure: the next request goes to the source. */
  resume(): void;
}

/**
 * Caches the tokens of a source for all users of one identity.
 *
 * A fresh token is returned at once. From `earlyBy` before its end, or when its issuer would like it renewed, it is still
 * returned at once while one renewal runs behind it; when that fails, the token goes on serving and the renewal is tried
 * again later. Without a usable token all callers wait for the same request and share its outcome. A failure is not
 * cached, but until its back-off has passed (seconds, growing; `Retry-After` is honoured) it is thrown again without a request.
 *
 * The function it returns throws what the source threw if that is an error of this package, else TokenError
 * `ERR_OAUTH_SOURCE` with the original as its cause; `ERR_OAUTH_TIMEOUT` when the source took too long.
 * @throws TypeError `ERR_INPUT_OPTION` when a duration is not a positive number or `store` comes without `key`.
 */
export function cached(source: TokenSource, options: CacheOptions = {}): CachedTokenSource {
  const cache = new TokenCache(source, options);
  return Object.assign((request?: CachedTokenRequest) => cache.get(request), {
    reject: (token: AccessToken) => cache.reject(token),
    state: () => cache.state(),
    resume: () => cache.resume(),
  });
}

/** Whether this source caches already and need not be wrapped. */
export function isCached(source: TokenSource | CachedTokenSource): source is CachedTokenSource {
  return 'reject' in source && 'state' in source;
}

/** Refused tokens to remember; nobody gets that many refused in the life of one. */
const MOST_REFUSED = 100;

interface Renewal {
  readonly forced: boolean;
  readonly outcome: Promise<HeldToken>;
}

interface Wish {
  /** The source is to be asked past its own caches. */
  readonly bypass: boolean;
  /** What is in the store already will not do. */
  readonly afresh: boolean;
  /** When a token in the store must have been asked for at the earliest, epoch milliseconds. */
  readonly youngerThan: number;
}

class TokenCache {
  readonly #source: TokenSource;
  readonly #options: NormalisedOptions;
  #held: HeldToken | undefined;
  #renewal: Renewal | undefined;
  #attempts: Attempts = NO_FAILURE;
  /** Values servers refused, oldest first: the same one is never presented twice. */
  readonly #refused = new Set<string>();
  /** When the refused token had been asked for; what came before it will not do either. `undefined` once replaced. */
  #refusedSince: number | undefined;

  constructor(source: TokenSource, options: CacheOptions) {
    this.#source = source;
    this.#options = normalise(options);
  }

  async get({ forceRefresh = false, signal }: CachedTokenRequest = {}): Promise<AccessToken> {
    signal?.throwIfAborted();
    const held = this.#held;
    const now = this.#options.now();
    if (held === undefined || now >= held.usableUntil || forceRefresh) {
      return (await abandonable(this.#renewed(forceRefresh), signal)).token;
    }
    if (now >= held.renewAt && this.#renewal === undefined && !this.#pauses(now)) {
      this.#renew(false).catch(() => undefined); // told as an event, and the token in hand serves
    }
    return held.token;
  }

  reject(token: AccessToken): void {
    const value = token.value.reveal();
    const known = this.#refused.has(value);
    this.#refused.add(value);
    for (const oldest of this.#refused) if (this.#refused.size > MOST_REFUSED) this.#refused.delete(oldest);
    if (this.#held?.token.value.reveal() === value) {
      this.#refusedSince = this.#held.obtainedAt;
      this.#held = undefined;
    }
    if (!known) tell(this.#options.onEvent, { type: 'refused', expiresAt: token.expiresAt });
  }

  resume(): void {
    this.#attempts = NO_FAILURE;
  }

  state(): TokenState {
    const held = this.#held;
    const now = this.#options.now();
    const { failures, error, nextAttemptAt } = attemptsBy(now, this.#attempts);
    return {
      token: held === undefined ? 'none' : now < held.renewAt ? 'fresh' : now < held.usableUntil ? 'due' : 'unusable',
      expiresAt: held?.token.expiresAt,
      renewAt: held?.renewAt,
      clockSkew: held?.token.clockSkew,
      renewing: this.#renewal !== undefined,
      failures,
      error,
      nextAttemptAt: failures > 0 ? nextAttemptAt : undefined,
    };
  }

  /** Joins the request in flight or starts one. */
  async #renewed(forced: boolean): Promise<HeldToken> {
    // Who wants a new token cannot use a request that the source may answer with a copy.
    while (forced && this.#renewal?.forced === false) await this.#renewal.outcome.catch(() => undefined);
    if (this.#renewal !== undefined) return this.#renewal.outcome;
    const paused = this.#pauses(this.#options.now());
    if (paused && this.#attempts.error !== undefined) throw this.#attempts.error;
    return this.#renew(forced);
  }

  /** After a failure nothing is asked for a while. */
  #pauses(now: number): boolean {
    this.#attempts = attemptsBy(now, this.#attempts);
    return now < this.#attempts.nextAttemptAt;
  }

  #renew(forced: boolean): Promise<HeldToken> {
    const bypass = forced || this.#refusedSince !== undefined;
    const outcome = this.#attempt({ bypass, afresh: forced, youngerThan: this.#refusedSince ?? -Infinity });
    this.#renewal = { forced: bypass, outcome };
    return outcome;
  }

  /** One attempt, to its event. */
  async #attempt(wish: Wish): Promise<HeldToken> {
    const { timeout, now, random, onEvent } = this.#options;
    try {
      const { held, fromStore } = await within(timeout, 'the token source gave no token', () => this.#obtain(wish));
      this.#held = held;
      this.#renewal = undefined;
      this.#refusedSince = undefined;
      this.#attempts = NO_FAILURE;
      const { expiresAt, clockSkew } = held.token;
      tell(onEvent, { type: 'renewed', expiresAt, renewAt: held.renewAt, fromStore, clockSkew });
      return held;
    } catch (cause) {
      const error = explained(cause);
      const usableUntil = this.#held?.usableUntil ?? -Infinity;
      const at = now();
      this.#renewal = undefined;
      this.#attempts = failedAttempt(this.#attempts, error, { now: at, random, usableUntil });
      const { failures, nextAttemptAt } = this.#attempts;
      tell(onEvent, {
        type: 'renewal-failed',
        error,
        failures,
        nextAttemptAt,
        usableUntil: usableUntil > at ? usableUntil : undefined,
      });
      throw error;
    }
  }

  async #obtain({ bypass, afresh, youngerThan }: Wish): Promise<{ held: HeldToken; fromStore: boolean }> {
    const { shared, margins, timeout, now, onEvent } = this.#options;
    const request = (): Promise<HeldToken> =>
      requestToken(this.#source, { forceRefresh: bypass, margins, now, fault: (held) => this.#fault(held) });
    if (shared === undefined) return { held: await request(), fromStore: false };
    return sharedToken({
      ...shared,
      margins,
      lease: timeout / 2,
      afresh,
      request,
      serves: (held) =>
        held.obtainedAt > youngerThan &&
        this.#fault(held) === undefined &&
        // One that is due itself is better than none, and than nothing else.
        (now() < held.renewAt || this.#held === undefined || now() >= this.#held.usableUntil),
      refused: (held) => this.#refused.has(held.token.value.reveal()),
      onStoreError: (error) => tell(onEvent, { type: 'store-failed', error }),
    });
  }

  /** Why a token is of no use to us. */
  #fault(held: HeldToken): string | undefined {
    const now = this.#options.now();
    const value = held.token.value.reveal();
    if (this.#refused.has(value)) return 'the one a server refused';
    if (now >= held.usableUntil) return 'one that has ended by our clock';
    const current = this.#held;
    return current !== undefined && now >= current.renewAt && current.token.value.reveal() === value
      ? 'the one that was to be renewed'
      : undefined;
  }
}

interface NormalisedOptions {
  readonly margins: Margins;
  readonly timeout: number;
  readonly shared: { readonly store: TokenStore; readonly key: string } | undefined;
  readonly onEvent: TokenListener | undefined;
  readonly now: () => number;
  readonly random: () => number;
}

function normalise(options: CacheOptions): NormalisedOptions {
  const { store, key, onEvent, now = Date.now, random = Math.random } = options;
  if (store !== undefined && !key) throw new InputError('ERR_INPUT_OPTION', 'a token store needs the option key');
  return {
    margins: {
      earlyBy: duration('earlyBy', options.earlyBy, 600_000),
      reserve: duration('reserve', options.reserve, 10_000),
    },
    timeout: duration('timeout', options.timeout, 20_000),
    shared: store !== undefined && key ? { store, key: `${key}#access-token` } : undefined,
    onEvent,
    now,
    random,
  };
}
