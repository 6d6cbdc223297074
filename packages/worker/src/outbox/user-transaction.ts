// A transaction of the caller's, of whatever library, as something that runs SQL.
import { InputError } from '@mailgrant/core';
import type { SqlExecutor } from '../store/store.ts';
import { StoreError } from '../store/store-error.ts';

interface Rows {
  readonly rows: readonly unknown[];
}

/** What has a transaction open: shaped like a Kysely transaction, a client of `pg`, or pg-boss's adapters. */
export type UserTransaction =
  | { executeSql(text: string, values?: unknown[]): Promise<Rows> }
  | { executeQuery(query: never): Promise<Rows> }
  | { query(text: string, values?: unknown[]): Promise<Rows> };

/** Milliseconds. */
const LONGEST_WAIT = 30_000;

/**
 * Waits for something that needs another connection than the transaction's: where all of a pool are in transactions that wait
 * for the same, none ever comes free.
 * @throws StoreError `ERR_STORE_BUSY`
 */
export async function inTime(needed: Promise<void>, db: SqlExecutor | undefined): Promise<void> {
  if (db === undefined) return needed;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `No connection came free in ${LONGEST_WAIT / 1000} s: all of the pool may be in transactions that wait for one more. Await the outbox's ready() before the first transaction.`;
    timer = setTimeout(() => reject(new StoreError('ERR_STORE_BUSY', message)), LONGEST_WAIT);
  });
  return Promise.race([needed, late]).finally(() => clearTimeout(timer));
}

/** @throws TypeError `ERR_INPUT_OPTION` for what is none of these. */
export function toExecutor(db: UserTransaction): SqlExecutor {
  const rows = (result: Rows) => ({ rows: [...result.rows] });
  if ('totalCount' in db) throw new InputError('ERR_INPUT_OPTION', 'db: a client with an open transaction, not a pool');
  if ('executeSql' in db) return { executeSql: async (text, values) => rows(await db.executeSql(text, values)) };
  if ('executeQuery' in db) {
    if ('isTransaction' in db && db.isTransaction === false) {
      throw new InputError('ERR_INPUT_OPTION', 'db: a Kysely transaction, not the database itself');
    }
    const execute = db.executeQuery.bind(db) as (query: object) => Promise<Rows>;
    const compiled = (sql: string, parameters: readonly unknown[]) => ({
      sql,
      parameters,
      query: { kind: 'RawNode', sqlFragments: [sql], parameters: [] },
      queryId: { queryId: 'mailgrant' },
    });
    return { executeSql: async (text, values = []) => rows(await execute(compiled(text, values))) };
  }
  if ('query' in db && typeof db.query === 'function') {
    return { executeSql: async (text, values) => rows(await db.query(text, values)) };
  }
  throw new InputError('ERR_INPUT_OPTION', 'db: a transaction of Kysely or pg, or an object with executeSql()');
}
