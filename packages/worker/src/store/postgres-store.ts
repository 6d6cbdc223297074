// The store on a PostgreSQL server.
import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient, type Transaction } from 'kysely';
import { Client, type ClientConfig, Pool, type PoolClient } from 'pg';
import { PostgresBlobStore } from '../blobs/postgres-blobs.ts';
import type { Tables } from '../schema/tables.ts';
import { listenOnPostgres } from './postgres-listener.ts';
import { prepareSchema } from './prepare-schema.ts';
import { postgresTypes } from './sql-values.ts';
import { type PostgresStoreOptions, SCHEMA, type Store, type StoreOptions } from './store.ts';
import { StoreError } from './store-error.ts';
import { transactionExecutor } from './transaction-executor.ts';

const OLDEST = 13;

/** Opens a connection pool, or uses the one given, and brings the tables up to date. */
export async function openPostgresStore(options: PostgresStoreOptions & StoreOptions): Promise<Store> {
  const { onProblem = () => {}, migrate = true } = options;
  const pool =
    (options.pool as Pool | undefined) ?? new Pool({ ...connectionOf(options), max: options.connections ?? 10 });
  // An idle connection that the server drops would end the process otherwise.
  pool.on('error', onProblem);
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: sharedPool(pool) }) }).withSchema(SCHEMA);
  const letGo = async (): Promise<void> => {
    pool.off('error', onProblem);
    if (options.pool !== undefined) return;
    pool.on('error', () => {}); // connections are still closing when end() resolves, and nobody cares how
    await pool.end();
  };
  try {
    await refuseOldServer(pool);
    await prepareSchema(db, migrate);
  } catch (error) {
    await letGo();
    throw error;
  }
  const listeners = new Set<() => Promise<void>>();
  let closing: Promise<void> | undefined;
  return {
    kind: 'postgres',
    db,
    blobs: new PostgresBlobStore(db),
    transaction: (run) => db.transaction().execute(run),
    executor: (trx?: Transaction<Tables>) =>
      trx === undefined
        ? {
            executeSql: async (text, values) =>
              rowsOf(await pool.query({ text, values: values ?? [], types: postgresTypes })),
          }
        : transactionExecutor(trx),
    async listen(channel, onNotify) {
      const client = (): Client => new Client(options.pool === undefined ? connectionOf(options) : pool.options);
      const stop = await listenOnPostgres(client, channel, onNotify, onProblem);
      listeners.add(stop);
      return async () => {
        listeners.delete(stop);
        await stop();
      };
    },
    async check() {
      await pool.query('select 1');
    },
    close() {
      closing ??= Promise.all([...listeners].map((stop) => stop())).then(letGo);
      return closing;
    },
  };
}

const connectionOf = ({ url }: PostgresStoreOptions): ClientConfig => ({
  ...(url === undefined ? {} : { connectionString: url }),
  application_name: 'mailgrant',
  connectionTimeoutMillis: 30_000, // for a server that does not answer; without one, nobody would ever hear of it
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
});

/** One result, or one for each statement of the text. */
function rowsOf(result: { rows: unknown[] } | { rows: unknown[] }[]): { rows: unknown[] } {
  return Array.isArray(result) ? { rows: result.flatMap(({ rows }) => rows) } : result;
}

/** What Kysely takes its connections from. */
function sharedPool(pool: Pool): PostgresPool {
  const known = new WeakSet<PoolClient>();
  return {
    options: pool.options,
    end: async () => {}, // whoever opened the pool ends it
    async connect() {
      const client = await pool.connect();
      // A connection in use that breaks rejects its statement. It also emits, at any time until it is gone.
      if (!known.has(client)) client.on('error', () => {});
      known.add(client);
      const shared = {
        // Kysely also knows queries that are cursors; this package streams nothing that way.
        query: (text: string, values: readonly unknown[]) =>
          client.query({ text, values: [...values], types: postgresTypes }),
        release: () => client.release(isInTransaction(client)),
      };
      return shared as unknown as PostgresPoolClient;
    },
  };
}

/** Whoever gets the connection next must not find himself in a transaction that could not be ended. */
const isInTransaction = (client: PoolClient): boolean =>
  'getTransactionStatus' in client &&
  typeof client.getTransactionStatus === 'function' &&
  ![null, 'I'].includes(client.getTransactionStatus());

async function refuseOldServer(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ version: string; number: number }>(
    "select current_setting('server_version') as version, current_setting('server_version_num')::int as number",
  );
  const { version = 'unknown', number = 0 } = rows[0] ?? {};
  if (number >= OLDEST * 10_000) return;
  throw new StoreError('ERR_STORE_UNSUPPORTED', `The server runs PostgreSQL ${version}; ${OLDEST} or later is needed.`);
}
