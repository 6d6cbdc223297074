// For all test files of a run: an empty embedded database to copy, and one PostgreSQL server, started when the first asks.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { TEMPLATE } from './embedded.ts';
import { type PostgresServer, startPostgres } from './postgres-server.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Answers with the URL of a PostgreSQL server. */
    postgres: string;
  }
}

/** @returns what is to be done when all tests are through */
export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const template = fileURLToPath(new URL('make-template.ts', import.meta.url));
  if (!existsSync(TEMPLATE)) await promisify(execFile)(process.execPath, ['--conditions=@mailgrant/source', template]);
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
