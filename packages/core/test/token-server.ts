// A token endpoint on this machine that answers as a test tells it, and remembers what it was sent.
import { createServer, type IncomingHttpHeaders, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo } from 'node:net';

interface TokenRequestSeen {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly form: URLSearchParams;
}

export type TokenAnswer = (response: ServerResponse, request: TokenRequestSeen) => void;

export interface TokenServer extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly TokenRequestSeen[];
  /** How to answer from now on. */
  answers(answer: TokenAnswer): void;
}

/** An answer with a status, a body (JSON unless it is text) and headers. */
export function answer(status: number, body: unknown, headers: Record<string, string> = {}): TokenAnswer {
  return (response) => {
    const text = typeof body === 'string';
    response.writeHead(status, { 'content-type': text ? 'text/html' : 'application/json', ...headers });
    response.end(text ? body : JSON.stringify(body));
  };
}

export const token = (value: string, more: Record<string, unknown> = {}): TokenAnswer =>
  answer(200, { token_type: 'Bearer', expires_in: 3600, access_token: value, ...more });

/** Starts on a free port, over TLS where it has a certificate; answers `token-1`, `token-2`, … until told otherwise. */
export async function createTokenServer(tls?: { cert: string; key: string }): Promise<TokenServer> {
  const requests: TokenRequestSeen[] = [];
  let current: TokenAnswer = (response, request) => {
    token(`token-${requests.length}`)(response, request);
  };
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const seen = { headers: request.headers, body, form: new URLSearchParams(body) };
      requests.push(seen);
      current(response, seen);
    });
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}/tenant/oauth2/v2.0/token`,
    requests,
    answers(next) {
      current = next;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
