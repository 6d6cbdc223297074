// Where the mail is while workers die: a directory, or a PostgreSQL server that may die as well.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StoreOptions } from '../../src/index.ts';
import { createStoreDirectory } from '../support/embedded.ts';
import { startPostgres } from '../support/postgres-server.ts';

export interface CrashPlace extends AsyncDisposable {
  readonly store: StoreOptions;
  /** For files beside the store. */
  readonly dir: string;
  /** Kills the database and starts it again, where it is another process. */
  readonly killDatabase: (() => Promise<void>) | undefined;
}

export async function createCrashPlace(kind: 'embedded' | 'postgres'): Promise<CrashPlace> {
  if (kind === 'embedded') {
    const { dir, ...directory } = await createStoreDirectory();
    return {
      store: { kind, dir: join(dir) },
      dir,
      killDatabase: undefined,
      [Symbol.asyncDispose]: async () => directory[Symbol.dispose](),
    };
  }
  const dir = mkdtempSync(join(tmpdir(), 'mailgrant-crash-'));
  const server = await startPostgres();
  return {
    store: { kind, url: server.url },
    dir,
    async killDatabase() {
      await server.kill();
      await server.start();
    },
    async [Symbol.asyncDispose]() {
      await server.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
