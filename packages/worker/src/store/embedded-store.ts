// The store in this process: PGlite in a directory, made fit for mail that must not be lost.
import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Kysely, PGliteDialect } from 'kysely';
import { FileBlobStore } from '../blobs/file-blobs.ts';
import type { Tables } from '../schema/tables.ts';
import type { EmbeddedDatabase } from './embedded-database.ts';
import { openDatabase } from './embedded-files.ts';
import { lockDirectory } from './lock.ts';
import { maintain } from './maintenance.ts';
import { refuseNetworkDisk } from './network-disk.ts';
import { prepareSchema } from './prepare-schema.ts';
import { type EmbeddedStoreOptions, SCHEMA, type Store, type StoreOptions } from './store.ts';
import { transactionExecutor } from './transaction-executor.ts';

/** Opens the directory, or creates it. */
export async function openEmbeddedStore(options: EmbeddedStoreOptions & StoreOptions): Promise<Store> {
  const { durability = 'power-loss', migrate = true, onProblem = () => {} } = options;
  const dir = resolve(options.dir);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  await refuseNetworkDisk(dir, durability);
  const lock = lockDirectory(dir);
  let database: EmbeddedDatabase | undefined;
  try {
    database = await openDatabase(dir, durability, onProblem);
    const db = new Kysely<Tables>({ dialect: new PGliteDialect({ pglite: database }) }).withSchema(SCHEMA);
    await prepareSchema(db, migrate);
    const stopMaintenance = maintain(database, onProblem);
    return storeOf(dir, database, db, (last) =>
      stopMaintenance()
        .then(() => last.close())
        .finally(() => lock.release()),
    );
  } catch (error) {
    await database?.close().catch(onProblem); // the first error is the one that counts
    lock.release();
    throw error;
  }
}

function storeOf(
  dir: string,
  database: EmbeddedDatabase,
  db: Kysely<Tables>,
  close: (database: EmbeddedDatabase) => Promise<void>,
): Store {
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
      closing ??= close(database);
      return closing;
    },
  };
}
