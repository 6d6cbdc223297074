// PGlite on its directory: made, opened, and asked for proof.
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { NodeFS } from '@electric-sql/pglite/nodefs';
import { EmbeddedDatabase } from './embedded-database.ts';
import { DURABLE_PARAMETERS, DurableNodeFS, flushDirectory, flushTree } from './pglite-durable-fs.ts';
import { StoreError } from './store-error.ts';

/** Maintenance makes checkpoints when they are due; what it does not need is removed then, not kept for later. */
const WAL_PARAMETERS = ['-c', 'min_wal_size=32MB', '-c', 'max_wal_size=128MB'];

/** Opens the database in a directory, or makes one there. */
export async function openDatabase(
  dir: string,
  durability: 'power-loss' | 'process-crash',
  onProblem: (error: unknown) => void,
): Promise<EmbeddedDatabase> {
  const path = join(dir, 'data');
  if (!existsSync(path)) await createData(path);
  chmodSync(path, 0o700); // PGlite's own files are for everybody to read and to write
  if (durability === 'process-crash') {
    const startParams = [...PGlite.defaultStartParams, ...WAL_PARAMETERS];
    return new EmbeddedDatabase(await PGlite.create({ fs: new NodeFS(path), startParams }), () => undefined, onProblem);
  }
  const fs = new DurableNodeFS(path);
  const pglite = await PGlite.create({ fs, startParams: [...DURABLE_PARAMETERS, ...WAL_PARAMETERS] });
  await proveDurable(pglite, fs);
  return new EmbeddedDatabase(pglite, () => fs.failure, onProblem);
}

/**
 * Makes an empty database, without flushing each file as it comes, and under another name until all of it is on the disk.
 */
export async function createData(path: string): Promise<void> {
  const unfinished = `${path}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true, mode: 0o700 });
  const pglite = await PGlite.create({ fs: new NodeFS(unfinished) });
  await dropTemplates(pglite);
  await pglite.close();
  flushTree(unfinished);
  renameSync(unfinished, path);
  flushDirectory(join(path, '..'));
}

/** Databases that nobody vacuums would stop this one after two billion transactions. */
async function dropTemplates(pglite: PGlite): Promise<void> {
  await pglite.exec('update pg_database set datistemplate = false where datname <> current_database()');
  const { rows } = await pglite.query<{ statement: string }>(
    "select format('drop database %I', datname) as statement from pg_database where datname <> current_database()",
  );
  for (const { statement } of rows) await pglite.exec(statement);
}

/**
 * A commit has to have been flushed. With another PGlite than the one this was written for, it might not be.
 * @throws StoreError `ERR_STORE_NOT_DURABLE`
 */
export async function proveDurable(pglite: PGlite, fs: DurableNodeFS): Promise<void> {
  const { rows } = await pglite.query<{ fsync: string; method: string }>(
    "select current_setting('fsync') as fsync, current_setting('wal_sync_method') as method",
  );
  const before = fs.flushes;
  await pglite.query("select pg_logical_emit_message(true, 'mailgrant', 'probe')");
  if (fs.flushes > before && rows[0]?.fsync === 'on' && rows[0].method === 'fsync') return;
  await pglite.close();
  throw new StoreError(
    'ERR_STORE_NOT_DURABLE',
    'A commit did not reach the disk, so mail could be lost when the power fails. This happens with another version of ' +
      "@electric-sql/pglite than this package was made for. `durability: 'process-crash'` does without.",
  );
}
