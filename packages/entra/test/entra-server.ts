// Entra as a test tells it to be: answers what it is told, and remembers what it was asked.
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { type EntraCloud } from '../src/index.ts';

interface Seen {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly form: Readonly<Record<string, string>>;
}

export type Answer = (response: ServerResponse, seen: Seen) => void;

export interface EntraServer extends AsyncDisposable {
  readonly origin: string;
  readonly cloud: EntraCloud;
  readonly seen: readonly Seen[];
  /** How to answer from now on; several: one each, the last from then on. */
  answers(...answers: Answer[]): void;
}

export const TENANT = '11111111-1111-4111-8111-111111111111';
export const CLIENT = '22222222-2222-4222-8222-222222222222';

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return (response) => {
    const text = typeof body === 'string';
    response.writeHead(status, { 'content-type': text ? 'text/html' : 'application/json', ...headers });
    response.end(text ? body : JSON.stringify(body));
  };
}

export const token = (value: string, more: Record<string, unknown> = {}): Answer =>
  json(200, { token_type: 'Bearer', expires_in: 3600, ext_expires_in: 3600, access_token: value, ...more });

export const refusal = (status: number, error: string, number: number, more: Record<string, unknown> = {}): Answer =>
  json(status, {
    error,
    error_description: `AADSTS${number}: Something is wrong. Trace ID: trace Correlation ID: correlation Timestamp: 2026-11-20 10:00:00Z`,
    error_codes: [number],
    timestamp: '2026-11-20 10:00:00Z',
    trace_id: 'trace',
    correlation_id: 'correlation',
    ...more,
  });

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** What a person's sign-in gives. */
export function personal(
  name: string,
  claims: Record<string, unknown> = {},
  more: Record<string, unknown> = {},
): Answer {
  const idToken = `${part({ alg: 'RS256', typ: 'JWT' })}.${part({
    oid: '33333333-3333-4333-8333-333333333333',
    tid: TENANT,
    sub: 'subject',
    preferred_username: name,
    ...claims,
  })}.c2lnbmF0dXJl`;
  return token('delegated-token', {
    scope: 'https://outlook.office.com/SMTP.Send',
    refresh_token: 'refresh-token-1',
    id_token: idToken,
    client_info: part({ uid: '33333333-3333-4333-8333-333333333333', utid: TENANT }),
    ...more,
  });
}

export async function createEntraServer(): Promise<EntraServer> {
  const seen: Seen[] = [];
  let queue: Answer[] = [token('token')];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const form = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()));
      const one = { path: request.url ?? '', headers: request.headers, form };
      seen.push(one);
      const answer = queue.length > 1 ? queue.shift() : queue[0];
      answer?.(response, one);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    cloud: {
      authority: origin,
      applicationScope: 'https://outlook.office365.com/.default',
      delegatedScope: 'https://outlook.office.com/SMTP.Send',
    },
    seen,
    answers(...answers) {
      queue = answers;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
