// MSAL's way to the endpoint of a managed identity: on this machine or beside it, over http, with a GET.
import { AsyncLocalStorage } from 'node:async_hooks';
import { TokenError, type TokenErrorFacts } from '@mailgrant/core';
import { shown } from '../input.ts';

interface MsalResponse<T> {
  readonly headers: Record<string, string>;
  readonly body: T;
  readonly status: number;
}

interface MsalRequest {
  readonly headers?: Record<string, string> | undefined;
  readonly body?: string | undefined;
}

/** One request, and why it failed. */
export interface IdentityRequest {
  readonly fetch: typeof globalThis.fetch;
  readonly timeout: number;
  failure: TokenError | undefined;
}

/** Bytes of an answer; a token answer has some 5 kB. */
const LARGEST_BODY = 256 * 1024;
/** What the endpoint answers while the machine starts or is moved, besides 5xx. */
const PASSING = [404, 408, 410, 429];

/** What a platform lets its own processes prove themselves with: App Service, Azure Arc, Service Fabric. */
const SECRET_HEADERS = /^(x-identity-header|authorization|secret)$/i;

const current = new AsyncLocalStorage<IdentityRequest>();

/** Runs `work` with `request` as what `identityNetwork` acts for. */
export function withIdentityRequest<T>(request: IdentityRequest, work: () => Promise<T>): Promise<T> {
  return current.run(request, work);
}

/** One for the process: MSAL keeps the first it is given for all applications that come later. */
export const identityNetwork = {
  sendGetRequestAsync: <T>(url: string, request?: MsalRequest): Promise<MsalResponse<T>> => send('GET', url, request),
  sendPostRequestAsync: <T>(url: string, request?: MsalRequest): Promise<MsalResponse<T>> => send('POST', url, request),
};

async function send<T>(
  method: string,
  url: string,
  { headers = {}, body }: MsalRequest = {},
): Promise<MsalResponse<T>> {
  const request = current.getStore() ?? { fetch: globalThis.fetch, timeout: 10_000, failure: undefined };
  try {
    const { origin, pathname } = checkedUrl(url);
    const endpoint = `identity endpoint ${origin}${pathname}`;
    const end = AbortSignal.timeout(request.timeout);
    try {
      const response = await request.fetch(url, {
        method,
        headers: { ...headers, 'accept-encoding': 'identity' },
        redirect: 'manual',
        signal: end,
        ...(body !== undefined && { body }),
      });
      const answer = parseObject(await readBody(response, endpoint));
      request.failure = response.ok ? undefined : refusal(endpoint, response, answer, headers);
      return { status: response.status, headers: Object.fromEntries(response.headers), body: answer as T };
    } catch (cause) {
      if (cause instanceof TokenError) throw cause;
      if (end.aborted) {
        throw new TokenError('ERR_OAUTH_TIMEOUT', `${endpoint} gave no whole answer within ${request.timeout} ms`);
      }
      // fetch says "fetch failed" and keeps what happened as its cause.
      const reason: unknown = cause instanceof TypeError && cause.cause !== undefined ? cause.cause : cause;
      const said = shown(reason instanceof Error ? reason.message : reason);
      throw new TokenError('ERR_OAUTH_UNREACHABLE', `${endpoint} could not be reached: ${said}`, { cause: reason });
    }
  } catch (error) {
    if (error instanceof TokenError) request.failure = error;
    throw error;
  }
}

/** Where a platform may put its endpoint; MSAL takes it from the environment. */
function checkedUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const near = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\]|169\.254\.\d+\.\d+|\[fe80:[\da-f:]*\])$/;
  if (url === undefined || (url.protocol !== 'https:' && !(url.protocol === 'http:' && near.test(url.hostname)))) {
    const where = url === undefined ? 'no URL' : url.origin;
    throw new TokenError(
      'ERR_OAUTH_SOURCE',
      `the identity endpoint is neither on this machine nor https: ${shown(where)}`,
    );
  }
  return url;
}

async function readBody(response: Response, endpoint: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > LARGEST_BODY) {
      const { status } = response;
      const message = `${endpoint} answered ${status} with more than ${LARGEST_BODY / 1024} kB`;
      throw new TokenError('ERR_OAUTH_MALFORMED', message, { status });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // The parser's message quotes the text; the status says enough.
  }
  return {};
}

function refusal(
  endpoint: string,
  response: Response,
  answer: Record<string, unknown>,
  sent: Readonly<Record<string, string>>,
): TokenError {
  const { status } = response;
  const secrets = Object.entries(sent).flatMap(([name, value]) => (SECRET_HEADERS.test(name) && value ? [value] : []));
  const text = (value: unknown): string | undefined =>
    typeof value === 'string'
      ? shown(secrets.reduce((all, secret) => all.replaceAll(secret, '[redacted]'), value))
      : undefined;
  const error = text(answer['error']);
  const description = text(answer['error_description']) ?? text(answer['message']);
  const retryAfter = waitOf(response.headers);
  const facts: TokenErrorFacts = { status, error, description, retryAfter };
  const code = PASSING.includes(status) || status >= 500 ? 'ERR_OAUTH_UNAVAILABLE' : 'ERR_OAUTH_REFUSED';
  const said = [error, description].filter((one) => one !== undefined).join(': ');
  return new TokenError(code, `${endpoint} answered ${status}${said && ` ${said}`}`, facts);
}

/** Milliseconds (RFC 9110 section 10.2.3: seconds, or a date, which is held against that of the answer). */
function waitOf(headers: Headers): number | undefined {
  const value = headers.get('retry-after') ?? '';
  if (/^\d{1,6}$/.test(value)) return Number(value) * 1000;
  const wait = Date.parse(value) - (Date.parse(headers.get('date') ?? '') || Date.now());
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}
