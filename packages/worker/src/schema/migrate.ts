// Brings the tables up to date, or says what that would take.
import { type Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { SCHEMA } from '../store/store.ts';
import { MIGRATIONS } from './migrations/index.ts';
import type { Tables } from './tables.ts';

/** Names of the migrations that are still to come; all of them where there are no tables yet. */
export async function pendingMigrations(db: Kysely<Tables>): Promise<readonly string[]> {
  const migrations = await migratorOf(db).getMigrations();
  return migrations.filter(({ executedAt }) => executedAt === undefined).map(({ name }) => name);
}

/** Brings the tables up to date. Several workers may do so at the same time: one does, the others wait. */
export async function migrate(db: Kysely<Tables>): Promise<readonly string[]> {
  const { error, results = [] } = await migratorOf(db).migrateToLatest();
  if (error !== undefined)
    throw error instanceof Error ? error : new Error('the tables could not be brought up to date', { cause: error });
  return results.map(({ migrationName }) => migrationName);
}

/**
 * The same as SQL for whoever does not let programs create tables: everything from the start, or what comes after
 * the migrations that are there already.
 */
export function migrationSql(done: readonly string[] = []): string {
  const due = Object.entries(MIGRATIONS).filter(([name]) => !done.includes(name));
  const table = `${SCHEMA}.migration`;
  const statements = [
    `create schema if not exists ${SCHEMA}`,
    `create table if not exists ${table} ("name" varchar(255) not null primary key, "timestamp" varchar(255) not null)`,
    `create table if not exists ${table}_lock ("id" varchar(255) not null primary key, "is_locked" integer not null default 0)`,
    `insert into ${table}_lock values ('migration_lock', 0) on conflict do nothing`,
    `set local search_path to ${SCHEMA}`,
    ...due.flatMap(([name, up]) => [
      ...up,
      `insert into ${table} values ('${name}', to_char(now(), 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))`,
    ]),
  ];
  return ['begin', ...statements, 'commit', ''].join(';\n\n').trimStart();
}

function migratorOf(db: Kysely<Tables>): Migrator {
  return new Migrator({
    db,
    provider: { getMigrations: async () => Object.fromEntries(Object.entries(MIGRATIONS).map(toMigration)) },
    migrationTableSchema: SCHEMA,
    migrationTableName: 'migration',
    migrationLockTableName: 'migration_lock',
  });
}

function toMigration([name, statements]: [string, readonly string[]]): [string, Migration] {
  return [
    name,
    {
      async up(db) {
        await sql.raw(`set local search_path to ${SCHEMA}`).execute(db);
        for (const statement of statements) await sql.raw(statement).execute(db);
      },
    },
  ];
}
