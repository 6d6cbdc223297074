// One request to a token endpoint, with limits on everything the other side could do to us (RFC 6749 section 3.2).
import { InputError, TokenError } from '../errors.ts';
import { createRedactor, type Redactor } from '../redact.ts';
import { Secret } from '../secret.ts';
import { parseTokenResponse, type TokenResponse } from './token-response.ts';
import { abandonable } from './waiting.ts';

/** How requests are made; the same for all grants. */
export interface HttpOptions {
  /** Default: the `fetch` of Node.js. It must honour `redirect: 'manual'` and `signal`. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Milliseconds from the start of the request to the last byte of the answer. Default 10 seconds. */
  readonly timeout?: number | undefined;
  /** The time in epoch milliseconds. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
}

export interface TokenEndpointRequest extends HttpOptions {
  /** An https URL; plain http to this machine only. */
  readonly tokenEndpoint: string;
  /** The form to post. What is a Secret is kept out of every error. */
  readonly form: Readonly<Record<string, string | Secret | undefined>>;
  /** The value of the Authorization header, where the client authenticates by it. */
  readonly authorization?: Secret | undefined;
  /** Other secrets the form is made of, to keep out of errors. */
  readonly secrets?: readonly Secret[];
  /** What to add to the error if the client is refused. */
  readonly clientHint?: string | undefined;
}

/** Bytes of an answer; a token answer has some 5 kB. */
const LARGEST_BODY = 256 * 1024;

/**
 * Posts a form to a token endpoint. Redirects are not followed, compressed answers are not read, the time-out covers the whole
 * answer, and more than 256 kB of it are refused.
 * @throws TokenError `ERR_OAUTH_REFUSED` when the endpoint said no, `ERR_OAUTH_UNAVAILABLE` when it is busy or broken (408,
 *   429, 5xx; `retryAfter` where it asked for a pause), `ERR_OAUTH_UNREACHABLE` when the network or TLS failed (`cause` says
 *   how), `ERR_OAUTH_TIMEOUT`, and `ERR_OAUTH_MALFORMED` for a redirect or an answer that is none.
 * @throws TypeError `ERR_INPUT_OPTION` when the endpoint is no https URL.
 */
export async function askTokenEndpoint(request: TokenEndpointRequest): Promise<TokenResponse> {
  const { timeout = 10_000, form, authorization, secrets = [] } = request;
  const url = tokenEndpointUrl(request.tokenEndpoint);
  const endpoint = `token endpoint ${url.origin}${url.pathname}`;
  const redact = createRedactor(
    [...Object.values(form), authorization, ...secrets].filter((value) => value instanceof Secret),
  );
  const end = new AbortController();
  const timer = setTimeout(() => {
    end.abort(new TokenError('ERR_OAUTH_TIMEOUT', `${endpoint} gave no whole answer within ${timeout} ms`));
  }, timeout);
  try {
    // Also for a fetch that does not listen to its signal.
    return await abandonable(exchange(request, { url, endpoint, redact, signal: end.signal }), end.signal);
  } catch (cause) {
    if (cause instanceof TokenError) throw cause;
    throw unreachable(endpoint, cause, redact);
  } finally {
    clearTimeout(timer);
    end.abort(); // lets go of an answer that was not read to its end
  }
}

/**
 * The URL of a token endpoint.
 * @throws TypeError `ERR_INPUT_OPTION` unless it is https, or http to this machine, and free of a user name and password.
 */
export function tokenEndpointUrl(tokenEndpoint: string): URL {
  const url = URL.canParse(tokenEndpoint) ? new URL(tokenEndpoint) : undefined;
  const loopback = url !== undefined && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  if (url === undefined || (url.protocol !== 'https:' && !(url.protocol === 'http:' && loopback))) {
    throw new InputError('ERR_INPUT_OPTION', 'tokenEndpoint must be an https URL (http only to this machine)');
  }
  if (url.username !== '' || url.password !== '') {
    throw new InputError('ERR_INPUT_OPTION', 'tokenEndpoint must not hold a user name or a password');
  }
  return url;
}

interface Exchange {
  readonly url: URL;
  readonly endpoint: string;
  readonly redact: Redactor;
  readonly signal: AbortSignal;
}

async function exchange(
  request: TokenEndpointRequest,
  { url, endpoint, redact, signal }: Exchange,
): Promise<TokenResponse> {
  const { fetch = globalThis.fetch, now = Date.now, authorization, clientHint } = request;
  const requestedAt = now();
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      accept: 'application/json',
      // An answer of some kB needs no compression, and one that is compressed anyway could grow without end.
      'accept-encoding': 'identity',
      'content-type': 'application/x-www-form-urlencoded',
      ...(authorization && { authorization: authorization.reveal() }),
    },
    body: encodeForm(request.form),
    redirect: 'manual',
    signal,
  });
  // The second is what a fetch like the browsers' makes of a redirect.
  const redirect = (response.status >= 300 && response.status < 400) || response.type === 'opaqueredirect';
  return parseTokenResponse({
    endpoint,
    status: response.status === 0 ? 302 : response.status,
    headers: response.headers,
    body: redirect ? { fault: 'with a redirect' } : await readBody(response),
    requestedAt,
    receivedAt: now(),
    redact,
    clientHint,
  });
}

function encodeForm(form: TokenEndpointRequest['form']): string {
  const encoded = new URLSearchParams();
  for (const [name, value] of Object.entries(form)) {
    if (value !== undefined) encoded.append(name, typeof value === 'string' ? value : value.reveal());
  }
  return encoded.toString();
}

async function readBody(response: Response): Promise<string | { fault: string }> {
  const encoding = response.headers.get('content-encoding') ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') return { fault: 'with a compressed body that was not asked for' };
  const tooLarge = { fault: `with more than ${LARGEST_BODY / 1024} kB` };
  if (Number(response.headers.get('content-length')) > LARGEST_BODY) return tooLarge;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > LARGEST_BODY) return tooLarge;
    chunks.push(chunk);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    return { fault: 'with bytes that are no UTF-8' }; // the decoder knows no more than that
  }
}

function unreachable(endpoint: string, error: unknown, redact: Redactor): TokenError {
  // fetch says "fetch failed" and keeps what happened as its cause.
  const cause = harmless(error instanceof TypeError && error.cause !== undefined ? error.cause : error, redact);
  const { code, message } = cause;
  const said = code === undefined || message.includes(code) ? message : `${code} ${message}`;
  return new TokenError('ERR_OAUTH_UNREACHABLE', `${endpoint} could not be reached: ${said}`, { cause });
}

/** A copy of a network error with its facts. The original may hold what the server sent, and that may be our secret. */
function harmless(error: unknown, redact: Redactor): Error & { code?: string } {
  if (!(error instanceof Error)) return new Error(redact(String(error)).slice(0, 300));
  const { code, syscall, address, port, errors } = error as Error & Record<string, unknown>;
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined; // of several addresses tried
  const message = error.message === '' && first instanceof Error ? first.message : error.message;
  const copy = new Error(redact(message).slice(0, 300));
  copy.name = error.name;
  for (const [name, value] of Object.entries({ code, syscall, address, port })) {
    if (typeof value === 'string' || typeof value === 'number') Object.assign(copy, { [name]: value });
  }
  return copy;
}
