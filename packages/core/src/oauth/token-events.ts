// What a token cache tells whoever runs it. Nothing here holds a token or a secret.

/** A new token is in use. */
export interface TokenRenewed {
  /** Tells the events apart. */
  readonly type: 'renewed';
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  /** Epoch milliseconds from which it will be renewed in turn. */
  readonly renewAt: number;
  /** Another process had renewed it: no request was made. */
  readonly fromStore: boolean;
  /** Milliseconds by which the issuer's clock is ahead of ours, where it told its time. */
  readonly clockSkew: number | undefined;
}

/** An attempt to get a token failed: one event each attempt. Loud, because sends may go on without a sign of it. */
export interface TokenRenewalFailed {
  /** Tells the events apart. */
  readonly type: 'renewal-failed';
  /** Why: a TokenError, or a TypeError where the source returned no token. */
  readonly error: Error;
  /** Attempts that failed since the last success, this one included. */
  readonly failures: number;
  /** Epoch milliseconds before which no other attempt is made. */
  readonly nextAttemptAt: number;
  /** Epoch milliseconds until which the old token still serves; `undefined` when there is none and sends fail. */
  readonly usableUntil: number | undefined;
}

/** A server refused a token before its time. */
export interface TokenRefused {
  /** Tells the events apart. */
  readonly type: 'refused';
  /** Epoch milliseconds the token should have lasted until. */
  readonly expiresAt: number;
}

/** The store shared with other processes failed; the cache goes on without it. */
export interface TokenStoreFailed {
  /** Tells the events apart. */
  readonly type: 'store-failed';
  /** What the store threw. */
  readonly error: unknown;
}

/** What a token cache tells: also published on `mailgrant:token:events` where a mailer made the cache. */
export type TokenEvent = TokenRenewed | TokenRenewalFailed | TokenRefused | TokenStoreFailed;

/** Called with each event; what it throws is ignored. */
export type TokenListener = (event: TokenEvent) => void;

/** Calls the listener so that nothing it does can break a send. */
export function tell(listener: TokenListener | undefined, event: TokenEvent): void {
  try {
    const result: unknown = listener?.(event);
    // An async listener is not in the type but will be passed.
    if (result instanceof Promise) result.catch(() => undefined);
  } catch {
    // The listener's trouble is its own: there is nobody to tell but the listener.
  }
}
