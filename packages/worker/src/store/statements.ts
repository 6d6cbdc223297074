// SQL without a database: what is built here runs on a store, in one of its transactions, or in somebody else's.
import {
  type Compilable,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from 'kysely';
import type { Tables } from '../schema/tables.ts';
import { SCHEMA, type SqlExecutor } from './store.ts';

/** Builds statements that name the schema. */
export const build: Kysely<Tables> = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
}).withSchema(SCHEMA);

/** Runs a statement; its rows as its type says. */
export async function run<Row>(db: SqlExecutor, statement: Compilable<Row>): Promise<readonly Row[]> {
  const { sql, parameters } = statement.compile();
  return (await db.executeSql(sql, [...parameters])).rows;
}
