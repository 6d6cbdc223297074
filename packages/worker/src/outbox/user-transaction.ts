// A transaction of the caller's, of whatever library, as something that runs SQL.
import { InputError } from '@mailgrant/core';
import type { SqlExecutor } from '../store/store.ts';

interface Rows {
  readonly rows: readonly unknown[];
}

/** What has a transaction open: shaped like a Kysely transaction, a client of `pg`, or pg-boss's adapters. */
export type UserTransaction =
  | { executeSql(text: string, values?: unknown[]): Promise<Rows> }
  | { executeQuery(query: never): Promise<Rows> }
  | { query(text: string, values?: unknown[]): Promise<Rows> };

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
