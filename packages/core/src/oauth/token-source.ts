// A token and anything that can produce one. Caching is a wrapper around any source: token-cache.ts.
import { InputError } from '../errors.ts';
import { Secret } from '../secret.ts';

/** An access token and how long it is good for (RFC 6749 section 5.1). */
export interface AccessToken {
  /** The token, as a type that does not print. */
  readonly value: Secret;
  /** Epoch milliseconds, by our clock, after which servers refuse it. */
  readonly expiresAt: number;
  /** Epoch milliseconds from which the issuer would like it renewed, where it said so. */
  readonly refreshAt?: number | undefined;
  /** Milliseconds by which the issuer's clock is ahead of ours, where it told its time (the `Date` of its answer). */
  readonly clockSkew?: number | undefined;
}

/** What a token source may return: the value as plain text, too. */
export interface AccessTokenInput {
  /** The token: visible ASCII, as it goes to the server. */
  readonly value: string | Secret;
  /** Epoch milliseconds, by our clock, after which servers refuse it. */
  readonly expiresAt: number;
  /** Epoch milliseconds from which the issuer would like it renewed, where it said so. */
  readonly refreshAt?: number | undefined;
  /** Milliseconds by which the issuer's clock is ahead of ours, where it told its time. */
  readonly clockSkew?: number | undefined;
}

/** What whoever asks for a token needs. */
export interface TokenRequest {
  /** The last token was refused by a server, or is to be renewed: a copy of it from some cache will not do. */
  readonly forceRefresh?: boolean;
}

/** Anything that can produce a token: a grant, MSAL, a constant in a test. It says nothing of caching. */
export type TokenSource = (request?: TokenRequest) => Promise<AccessToken | AccessTokenInput>;

/**
 * Checks a token and makes it one that does not print.
 * @throws TypeError `ERR_INPUT_TOKEN` when it is empty, holds anything but visible ASCII (RFC 6749 appendix A.12), or has no end.
 */
export function accessToken({ value, expiresAt, refreshAt, clockSkew }: AccessTokenInput): AccessToken {
  const secret = typeof value === 'string' ? new Secret(value) : value;
  if (!(secret instanceof Secret) || !/^[\x21-\x7e]+$/.test(secret.reveal())) {
    throw new InputError('ERR_INPUT_TOKEN', 'an access token is a non-empty string of visible ASCII characters');
  }
  if (typeof expiresAt !== 'number' || Number.isNaN(expiresAt)) {
    throw new InputError('ERR_INPUT_TOKEN', 'an access token needs expiresAt, in epoch milliseconds');
  }
  return { value: secret, expiresAt, refreshAt, clockSkew };
}
