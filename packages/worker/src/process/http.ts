// /livez, /readyz and /metrics, for whoever looks after the process: an orchestrator, a load balancer, Prometheus.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CONTENT_TYPE } from './metrics.ts';
import { ProcessError } from './process-error.ts';

export interface HttpOptions {
  /** Where to listen. @default '127.0.0.1' */
  readonly host?: string | undefined;
  /** @default 9464 */
  readonly port?: number | undefined;
}

export interface Probes {
  /** Milliseconds since the process last did something: see {@link watchLoop}. */
  readonly age: () => number;
  /** What keeps it from working, in words; empty when it is ready. */
  readonly problems: () => Promise<readonly string[]>;
  readonly metrics: () => Promise<string>;
}

export interface HttpServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Milliseconds: a process whose loop has stood still for so long is to be started anew. */
const STUCK = 30_000;

/** @throws ProcessError `ERR_WORKER_PORT` when the port cannot be had */
export async function listenForProbes(
  { host = '127.0.0.1', port = 9464 }: HttpOptions,
  probes: Probes,
): Promise<HttpServer> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      reply(response, 405, 'GET only\n');
      return;
    }
    answer(path, probes, response).catch((error: unknown) => {
      reply(response, 503, `${error instanceof Error ? error.message : String(error)}\n`);
    });
  });
  server.headersTimeout = 5000;
  server.requestTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    const failed = (cause: Error): void => {
      const message = `Port ${port} on ${host} cannot be had (${cause.message}). Give another one as \`http.port\` in the configuration; \`http: false\` does without.`;
      reject(new ProcessError('ERR_WORKER_PORT', message, { cause }));
    };
    server.once('error', failed).listen(port, host, () => {
      server.off('error', failed);
      resolve();
    });
  });
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(path: string | undefined, probes: Probes, response: ServerResponse): Promise<void> {
  if (path === '/livez') {
    const age = probes.age();
    return reply(response, age < STUCK ? 200 : 503, age < STUCK ? 'ok\n' : `stuck for ${age} ms\n`);
  }
  if (path === '/readyz') {
    const problems = await probes.problems();
    return reply(
      response,
      problems.length === 0 ? 200 : 503,
      problems.length === 0 ? 'ok\n' : `${problems.join('\n')}\n`,
    );
  }
  if (path === '/metrics') return reply(response, 200, await probes.metrics(), CONTENT_TYPE);
  return reply(response, 404, 'There are /livez, /readyz and /metrics.\n');
}

function reply(response: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(text);
}

/** Notes once a second that the loop turns. */
export function watchLoop(now: () => number = Date.now): { readonly age: () => number; readonly stop: () => void } {
  let last = now();
  const timer = setInterval(() => (last = now()), 1000);
  timer.unref();
  return { age: () => now() - last, stop: () => clearInterval(timer) };
}
