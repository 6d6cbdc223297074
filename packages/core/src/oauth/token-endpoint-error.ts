// What a token endpoint said when it gave no token.
import { type ErrorCode, TokenError, type TokenErrorFacts } from '../errors.ts';

export interface TokenEndpointErrorFacts extends TokenErrorFacts {
  readonly aadsts?: number | undefined;
  readonly traceId?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly timestamp?: string | undefined;
  readonly clockSkew?: number | undefined;
  readonly hint?: string | undefined;
}

/**
 * A token endpoint gave no token. All texts are the endpoint's own, with our secrets taken out, control characters shown and
 * their length limited.
 */
export class TokenEndpointError extends TokenError {
  /** Microsoft's number, such as 7000215. For people: Microsoft changes them, so decide by `error` and `suberror`. */
  readonly aadsts: number | undefined;
  /** What Microsoft's support finds the request by. */
  readonly traceId: string | undefined;
  /** What Microsoft's support finds all requests of one sign-in by. */
  readonly correlationId: string | undefined;
  /** When the endpoint made the answer, as written: `2026-11-20 18:52:07Z`. */
  readonly timestamp: string | undefined;
  /** Milliseconds by which the endpoint's clock is ahead of ours, where it told its time. */
  readonly clockSkew: number | undefined;
  /** A likely cause that only we can see. */
  readonly hint: string | undefined;

  constructor(
    code: Extract<ErrorCode, `ERR_OAUTH_${string}`>,
    message: string,
    { aadsts, traceId, correlationId, timestamp, clockSkew, hint, ...facts }: TokenEndpointErrorFacts = {},
  ) {
    super(code, hint === undefined ? message : `${message} (${hint})`, facts);
    this.aadsts = aadsts;
    this.traceId = traceId;
    this.correlationId = correlationId;
    this.timestamp = timestamp;
    this.clockSkew = clockSkew;
    this.hint = hint;
  }
}
