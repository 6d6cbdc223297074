// The store in this process: PGlite in a directory, made fit for mail that must not be lost.
import { AsyncLocalStorage } from 'node:async_hooks';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { NodeFS } from '@electric-sql/pglite/nodefs';
import { Kysely, PGliteDialect } from 'kysely';
import { FileBlobStore } from '../blobs/file-blobs.ts';
import type { Tables } from '../schema/tables.ts';
import { EmbeddedDatabase } from './embedded-database.ts';
import { lockDirectory } from './lock.ts';
import { refuseNetworkDisk } from './network-disk.ts';
import { DURABLE_PARAMETERS, DurableNodeFS, flushDirectory, flushTree } from './pglite-durable-fs.ts';
import { prepareSchema } from './prepare-schema.ts';
import { type EmbeddedStoreOptions, SCHEMA, type Store, type StoreOptions } from './store.ts';
import { StoreError } from './store-error.ts';
import { transactionExecutor } from './transaction-executor.ts';

/** Opens the directory, or creates it. */
export async function openEmbeddedStore(options: EmbeddedStoreOptions & StoreOptions): Promise<Store> {
  const { durability = 'power-loss', migrate = true, onProblem = () => {} } = options;
  const dir = resolve(options.dir);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  await refuseNetworkDisk(dir);
  const lock = lockDirectory(dir);
  let database: EmbeddedDatabase | undefined;
  try {
    database = durability === 'power-loss' ? await openDurable(dir, onProblem) : await openFast(dir, onProblem);
    const db = new Kysely<Tables>({ dialect: new PGliteDialect({ pglite: database }) }).withSchema(SCHEMA);
    await prepareSchema(db, migrate);
    return storeOf(dir, database, db, () => lock.release());
  } catch (error) {
    await database?.close().catch(onProblem); // the first error is the one that counts
    lock.release();
    throw error;
  }
}

function storeOf(dir: string, database: EmbeddedDatabase, db: Kysely<Tables>, unlock: () => void): Store {
  const inside = new AsyncLocalStorage<{ open: boolean }>();
  const refuseInside = (): void => {
    if (inside.getStore()?.open !== true) return;
    throw new Error('use the transaction you are in: on the embedded store anything else would wait for its end');
  };
  let closing: Promise<void> | undefined;
  return {
    kind: 'embedded',
    get db() {
      refuseInside();
      return db;
    },
    blobs: new FileBlobStore(join(dir, 'blobs'), db),
    async transaction(run) {
      refuseInside();
      const mark = { open: true };
      try {
        return await db.transaction().execute((trx) => inside.run(mark, () => run(trx)));
      } finally {
        mark.open = false;
      }
    },
    executor(trx) {
      if (trx !== undefined) return transactionExecutor(trx);
      return {
        executeSql: (text, values) => {
          refuseInside();
          return database.executeSql(text, values);
        },
      };
    },
    listen: (channel, onNotify) => database.listen(channel, onNotify),
    async check() {
      await database.executeSql('select 1');
    },
    close() {
      closing ??= database.close().finally(unlock);
      return closing;
    },
  };
}

async function openDurable(dir: string, onProblem: (error: unknown) => void): Promise<EmbeddedDatabase> {
  await createData(dir);
  const fs = new DurableNodeFS(join(dir, 'data'));
  const pglite = await PGlite.create({ fs, startParams: [...DURABLE_PARAMETERS] });
  await proveDurable(pglite, fs);
  return new EmbeddedDatabase(pglite, () => fs.failure, onProblem);
}

async function openFast(dir: string, onProblem: (error: unknown) => void): Promise<EmbeddedDatabase> {
  await createData(dir);
  return new EmbeddedDatabase(await PGlite.create({ fs: new NodeFS(join(dir, 'data')) }), () => undefined, onProblem);
}

/** Without flushing each file as it comes, and under another name until all of it is on the disk. */
async function createData(dir: string): Promise<void> {
  if (existsSync(join(dir, 'data'))) return;
  const unfinished = join(dir, 'data.unfinished');
  rmSync(unfinished, { recursive: true, force: true });
  const pglite = await PGlite.create({ fs: new NodeFS(unfinished) });
  await pglite.close();
  flushTree(unfinished);
  renameSync(unfinished, join(dir, 'data'));
  flushDirectory(dir);
}

/** A commit has to have been flushed. With another PGlite than the one this was written for, it might not be. */
async function proveDurable(pglite: PGlite, fs: DurableNodeFS): Promise<void> {
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
