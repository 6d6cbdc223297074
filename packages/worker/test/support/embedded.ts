// Directories for embedded stores. Making a database from nothing takes seconds, copying one does not.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CACHE = fileURLToPath(new URL('../../.cache/', import.meta.url));
export const TEMPLATE: string = join(CACHE, `pglite-${pgliteVersion()}`);

export interface TestDirectory extends Disposable {
  readonly dir: string;
}

/** An empty directory, gone when it is disposed of. */
export function createDirectory(): TestDirectory {
  const dir = mkdtempSync(join(tmpdir(), 'mailgrant-store-'));
  return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }) };
}

/** A directory for `openStore()` in which the database is made, but nothing is in it yet. */
export async function createStoreDirectory(): Promise<TestDirectory> {
  await prepareTemplate();
  const directory = createDirectory();
  cpSync(TEMPLATE, join(directory.dir, 'data'), { recursive: true });
  return directory;
}

/** Makes what directories are copied from, where nobody has yet. */
export async function prepareTemplate(): Promise<void> {
  if (existsSync(TEMPLATE)) return;
  mkdirSync(CACHE, { recursive: true });
  const unfinished = mkdtempSync(join(CACHE, 'making-'));
  const { createData } = await import('../../src/store/embedded-files.ts'); // loads PGlite
  await createData(join(unfinished, 'data'));
  try {
    renameSync(join(unfinished, 'data'), TEMPLATE);
  } catch (error) {
    if (!existsSync(TEMPLATE)) throw error; // else another test file was first
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

function pgliteVersion(): string {
  const main = createRequire(import.meta.url).resolve('@electric-sql/pglite');
  const { version } = JSON.parse(readFileSync(join(dirname(main), '..', 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}
