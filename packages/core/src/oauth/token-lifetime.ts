// When a token is renewed and when it is no longer presented; one pure function, so that every margin is decided here.
import { type AccessToken } from './token-source.ts';

/** How much of a token's end is left alone. */
export interface Margins {
  /** Milliseconds before its end from which a token is renewed; never more than half its lifetime. */
  readonly earlyBy: number;
  /** Milliseconds before its end from which a token is no longer presented; never more than a quarter of its lifetime. */
  readonly reserve: number;
}

/** A token with the moments that matter to a cache, all in epoch milliseconds. */
export interface HeldToken {
  readonly token: AccessToken;
  readonly obtainedAt: number;
  /** From here on a renewal runs in the background while the token is still used. */
  readonly renewAt: number;
  /** From here on callers wait for a new token. */
  readonly usableUntil: number;
}

/** Works out the moments of a token that was asked for at `obtainedAt`. */
export function heldToken(token: AccessToken, obtainedAt: number, { earlyBy, reserve }: Margins): HeldToken {
  const lifetime = Math.max(0, token.expiresAt - obtainedAt);
  const early = token.expiresAt - Math.min(earlyBy, lifetime / 2);
  return {
    token,
    obtainedAt,
    renewAt: Math.min(early, token.refreshAt ?? early),
    usableUntil: token.expiresAt - Math.min(reserve, lifetime / 4),
  };
}
