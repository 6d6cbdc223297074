// What a token endpoint answered, made into a token or an error (RFC 6749 sections 5.1 and 5.2). Pure.
import { type Redactor } from '../redact.ts';
import { Secret } from '../secret.ts';
import { httpTime } from './http-time.ts';
import { TokenEndpointError, type TokenEndpointErrorFacts } from './token-endpoint-error.ts';
import { accessToken, type AccessToken } from './token-source.ts';

/** A successful answer. */
export interface TokenResponse {
  readonly token: AccessToken;
  /** The refresh token to use from now on, where one was issued. */
  readonly refreshToken: Secret | undefined;
  /** What was granted, where it differs from what was asked for. */
  readonly scope: string | undefined;
}

/** An answer as it came from the network. */
export interface ReceivedResponse {
  /** The endpoint, as messages name it. */
  readonly endpoint: string;
  readonly status: number;
  readonly headers: Headers;
  /** The body, or why there is none. */
  readonly body: string | { readonly fault: string };
  /** Epoch milliseconds. */
  readonly requestedAt: number;
  readonly receivedAt: number;
  readonly redact: Redactor;
  /** What to add if the client is refused. */
  readonly clientHint?: string | undefined;
}

/**
 * Seconds a token is taken to last whose issuer does not say (RFC 6749 section 5.1 leaves that to documentation): short enough
 * that a wrong guess costs requests, not refusals.
 */
const UNSPOKEN_LIFETIME = 300;
/** Seconds; keeps what is a mistake from becoming a date no calendar has. */
const LONGEST_LIFETIME = 365 * 86_400;
const VISIBLE = /^[\x21-\x7e]+$/;
const LONGEST_DESCRIPTION = 1000;
const LONGEST_WORD = 100;

/** @throws TokenEndpointError `ERR_OAUTH_REFUSED`, `ERR_OAUTH_UNAVAILABLE` or `ERR_OAUTH_MALFORMED`. */
export function parseTokenResponse(received: ReceivedResponse): TokenResponse {
  const { endpoint, status, headers, body, requestedAt, receivedAt, redact } = received;
  const { clockSkew, retryAfter } = httpTime(headers, requestedAt, receivedAt);
  const facts = { status, clockSkew };
  const malformed = (what: string): TokenEndpointError =>
    new TokenEndpointError('ERR_OAUTH_MALFORMED', `${endpoint} answered ${status} ${what}`, facts);

  const answer = typeof body === 'string' ? parseObject(body) : undefined;
  const error = answer === undefined ? undefined : oauthError(answer, redact);
  const said = `${endpoint} answered ${status}${sentence(error)}`;
  if (status === 408 || status === 429 || status >= 500 || error?.error === 'temporarily_unavailable') {
    throw new TokenEndpointError('ERR_OAUTH_UNAVAILABLE', said, { ...facts, ...error, retryAfter });
  }
  if (status >= 300 && status < 400) throw malformed(redirection(headers, redact));
  if (typeof body !== 'string') throw malformed(body.fault);
  if (answer === undefined) throw malformed(`with ${contentType(headers, redact)} instead of a JSON object`);

  if (error !== undefined && (status >= 400 || answer['access_token'] === undefined)) {
    const hint = error.error === 'invalid_client' ? received.clientHint : undefined;
    throw new TokenEndpointError('ERR_OAUTH_REFUSED', said, { ...facts, ...error, retryAfter, hint });
  }
  if (status >= 400) throw malformed('without an OAuth error');

  const { access_token: value, token_type: type, refresh_token: refresh, scope } = answer;
  if (value === undefined) throw malformed('without an access_token');
  if (typeof value !== 'string' || !VISIBLE.test(value)) {
    throw malformed('with an access_token that is not a string of visible ASCII characters');
  }
  if (typeof type !== 'string' || type.toLowerCase() !== 'bearer')
    throw malformed('with a token that is no bearer token');
  if (refresh !== undefined && refresh !== null && (typeof refresh !== 'string' || !/^[\x20-\x7e]*$/.test(refresh))) {
    throw malformed('with a refresh_token that is not a string of ASCII characters');
  }
  const lifetime = Math.min(positive(answer['expires_in']) ?? UNSPOKEN_LIFETIME, LONGEST_LIFETIME);
  const refreshIn = positive(answer['refresh_in']);
  return {
    token: accessToken({
      value,
      // Counted from before the request: the issuer counts from a later moment.
      expiresAt: requestedAt + lifetime * 1000,
      refreshAt: refreshIn === undefined ? undefined : requestedAt + refreshIn * 1000,
      clockSkew,
    }),
    refreshToken: refresh ? new Secret(refresh) : undefined,
    scope: typeof scope === 'string' ? redact(scope).slice(0, LONGEST_DESCRIPTION) : undefined,
  };
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // The parser's message quotes the text, which may hold our secrets: it must not travel on as a cause.
  }
  return undefined;
}

/** The fields of an error answer (RFC 6749 section 5.2) and those Microsoft adds. */
function oauthError(answer: Readonly<Record<string, unknown>>, redact: Redactor): TokenEndpointErrorFacts | undefined {
  const text = (name: string, longest: number): string | undefined => {
    const value = answer[name];
    // Microsoft's older texts have line breaks between their parts.
    return typeof value === 'string' ? redact(value.replace(/\s+/g, ' ')).slice(0, longest) : undefined;
  };
  const error = text('error', LONGEST_WORD);
  if (!error) return undefined;
  const description = text('error_description', LONGEST_DESCRIPTION);
  const codes = answer['error_codes'];
  const code: unknown = Array.isArray(codes) ? codes[0] : /\bAADSTS(\d{1,9})\b/.exec(description ?? '')?.[1];
  return {
    error,
    suberror: text('suberror', LONGEST_WORD),
    description,
    aadsts: positive(code),
    traceId: text('trace_id', LONGEST_WORD),
    correlationId: text('correlation_id', LONGEST_WORD),
    timestamp: text('timestamp', LONGEST_WORD),
  };
}

function sentence(error: TokenEndpointErrorFacts | undefined): string {
  if (error === undefined) return '';
  return ` ${error.error}${error.description === undefined ? '' : `: ${error.description}`}`;
}

function redirection(headers: Headers, redact: Redactor): string {
  const location = headers.get('location');
  if (location === null) return 'which is no answer to a token request';
  // What follows the path may carry what was posted.
  return `to send us to ${redact(location.replace(/[?#].*$/s, '')).slice(0, 200)}, which is not followed`;
}

function contentType(headers: Headers, redact: Redactor): string {
  return redact(headers.get('content-type') ?? 'no content type').slice(0, LONGEST_WORD);
}

/** A positive number, also one written as a string; JSON of some issuers has them so. */
function positive(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d{1,15}(\.\d+)?$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && number > 0 ? number : undefined;
}
