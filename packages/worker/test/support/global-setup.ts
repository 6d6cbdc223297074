// One PostgreSQL server for all test files of a run, started when the first of them asks for it.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { TestProject } from 'vitest/node';
import { type PostgresServer, startPostgres } from './postgres-server.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Answers with the URL of a PostgreSQL server. */
    postgres: string;
  }
}

/** @returns what is to be done when all tests are through */
export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  let server: Promise<PostgresServer> | undefined;
  const desk = createServer((_request, response) => {
    server ??= startPostgres();
    server.then(
      ({ url }) => response.end(url),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  }).listen(0, '127.0.0.1');
  await once(desk, 'listening');
  const address = desk.address();
  provide('postgres', typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : '');
  return async () => {
    desk.close();
    desk.closeAllConnections();
    await (await server)?.stop();
  };
}
