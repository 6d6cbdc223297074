// The sandbox's own API below /api/: finds the route, and lets no page from elsewhere use it.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { readBody, sendJson } from './http.ts';

/** What a handler gets. */
interface Call<Source> {
  readonly source: Source;
  readonly response: ServerResponse;
  /** What the groups of the path matched. */
  readonly parameters: readonly string[];
  /** The body of a POST, an object. */
  readonly body: JsonObject;
}

export type JsonObject = Readonly<Record<string, unknown>>;

export type Route<Source> = readonly [
  method: 'GET' | 'POST' | 'DELETE',
  path: RegExp,
  handler: (call: Call<Source>) => void | Promise<void>,
];

/** A request that cannot be done, and why. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: 400 | 404 | 409;

  constructor(status: ApiError['status'], message: string) {
    super(message);
    this.status = status;
  }
}

const CODES = { 400: 'invalid_request', 404: 'not_found', 409: 'conflict' } as const;

export const notFound = (response: ServerResponse): void => sendJson(response, 404, { error: 'not_found' });

/** Answers a request below /api/; `false` when it is for somebody else. */
export async function handleApi<Source>(
  routes: readonly Route<Source>[],
  source: Source,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<boolean> {
  if (!url.pathname.startsWith('/api/')) return false;
  const matching = routes.filter(([, path]) => path.test(url.pathname));
  const route = matching.find(([method]) => method === request.method);
  if (route !== undefined) {
    const [, ...parameters] = route[1].exec(url.pathname) ?? [];
    try {
      checkOrigin(request);
      const body = route[0] === 'POST' ? await readJson(request) : {};
      await route[2]({ source, response, parameters, body });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      sendJson(response, error.status, { error: CODES[error.status], message: error.message });
    }
  } else if (matching.length > 0) {
    response.setHeader('Allow', matching.map(([method]) => method).join(', '));
    sendJson(response, 405, { error: 'method_not_allowed' });
  } else {
    notFound(response);
  }
  return true;
}

/** A browser sends `Origin` with all that changes something: only the sandbox's own page may. @throws ApiError */
function checkOrigin({ method, headers }: IncomingMessage): void {
  if (method === 'GET' || headers.origin === undefined) return;
  const own = URL.canParse(headers.origin) && new URL(headers.origin).host === headers.host;
  if (!own) throw new ApiError(400, `a page of ${headers.origin.slice(0, 100)} may not use the sandbox`);
}

/** @throws ApiError for a body that is no JSON object */
async function readJson(request: IncomingMessage): Promise<JsonObject> {
  // Another type would let a page from elsewhere post without being asked first.
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
    throw new ApiError(400, 'Content-Type: expected application/json');
  }
  const body = await readBody(request, 262_144);
  let value: unknown;
  try {
    value = JSON.parse(body?.toString('utf8') ?? '');
  } catch {
    throw new ApiError(400, 'the body is no JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ApiError(400, 'the body has to be a JSON object');
  }
  return value as JsonObject;
}
