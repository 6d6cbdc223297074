// pg-boss inside a transaction of ours.
import { CompiledQuery, type Transaction } from 'kysely';
import type { Tables } from '../schema/tables.ts';
import type { SqlExecutor } from './store.ts';

/** Runs SQL text as a part of a transaction, one statement at a time. */
export function transactionExecutor(trx: Transaction<Tables>): SqlExecutor {
  return {
    async executeSql(text, values = []) {
      const { rows } = await trx.executeQuery(CompiledQuery.raw(text, values));
      return { rows };
    },
  };
}
