// When a failed renewal may be tried again. No clock, no randomness of its own.
import { isTransient, TokenError } from '../errors.ts';

/** Milliseconds: the network and busy servers come back soon. */
const TRANSIENT = { first: 1000, most: 30_000 };
/** Milliseconds: a refused credential stays refused until somebody changes it, and endpoints punish loops. */
const REFUSED = { first: 5000, most: 120_000 };

/** What is remembered of renewals that failed since the last success. */
export interface Attempts {
  readonly failures: number;
  readonly error: Error | undefined;
  /** Epoch milliseconds of the last failure. */
  readonly failedAt: number;
  /** Epoch milliseconds before which no request is made. */
  readonly nextAttemptAt: number;
}

export const NO_FAILURE: Attempts = { failures: 0, error: undefined, failedAt: -Infinity, nextAttemptAt: 0 };

/** The same by a clock that may have been set back since: the pause begins anew, it does not grow by those hours. */
export function attemptsBy(now: number, attempts: Attempts): Attempts {
  const { failedAt, nextAttemptAt } = attempts;
  return now < failedAt ? { ...attempts, failedAt: now, nextAttemptAt: now + nextAttemptAt - failedAt } : attempts;
}

/**
 * Notes a failed attempt. The wait doubles with each and is drawn from its upper half, so that processes that failed
 * together do not come back together; `Retry-After` is honoured.
 */
export function failedAttempt(
  before: Attempts,
  error: Error,
  { now, random, usableUntil }: { now: number; random: () => number; usableUntil: number },
): Attempts {
  const failures = before.failures + 1;
  // Nothing was asked of anybody, and the moment somebody signs in it will work.
  if (isUnconnected(error)) return { failures, error, failedAt: now, nextAttemptAt: now };
  const { first, most } = isTransient(error) ? TRANSIENT : REFUSED;
  const wait = Math.min(most, first * 2 ** Math.min(failures - 1, 30)) * (0.5 + random() / 2);
  const retryAfter = error instanceof TokenError ? error.retryAfter : undefined;
  if (retryAfter !== undefined) {
    return { failures, error, failedAt: now, nextAttemptAt: now + Math.max(wait, retryAfter) };
  }
  // The end of the token that still served is worth an attempt of its own: from there on sends depend on it.
  const nextAttemptAt = usableUntil > now ? Math.min(now + wait, usableUntil) : now + wait;
  return { failures, error, failedAt: now, nextAttemptAt };
}

const isUnconnected = (error: Error): boolean =>
  error instanceof TokenError && error.code === 'ERR_OAUTH_NOT_CONNECTED';
