// Everything in a store as lines of JSON: to move it to another one, and to keep.
import { sql, type Transaction } from 'kysely';
import type { Tables } from '../schema/tables.ts';
import { SCHEMA, type Store } from '../store/store.ts';
import { columnsOf, FORMAT, MOVED, VERSION } from './tables.ts';

const PAGE = 50; // rows
const ROW = '{"row":';

/** A line of an export. */
export type ExportLine =
  | { readonly format: typeof FORMAT; readonly version: typeof VERSION; readonly exportedAt: string }
  /** A body, by its SHA-256. Its bytes follow. */
  | { readonly body: string }
  | { readonly chunk: string }
  /** A table. Its rows follow. */
  | { readonly table: string; readonly columns: readonly string[] }
  | { readonly row: Readonly<Record<string, unknown>> }
  | { readonly end: true; readonly rows: number };

/**
 * Yields a store line by line, as it is at one moment. The lines hold addresses and messages: write them to a file that only
 * you can read. On the embedded store nothing else gets a turn meanwhile.
 */
export async function* exportStore(store: Store, now: () => number = Date.now): AsyncGenerator<string> {
  yield line({ format: FORMAT, version: VERSION, exportedAt: new Date(now()).toISOString() });
  let rows = 0;
  for await (const text of inSnapshot(store, (trx) => linesOf(store, trx))) {
    if (text.startsWith(ROW)) rows += 1;
    yield text;
  }
  yield line({ end: true, rows });
}

async function* linesOf(store: Store, trx: Transaction<Tables>): AsyncGenerator<string> {
  const named = trx.selectFrom('mail').select('mime_blob').where('mime_blob', 'is not', null).distinct();
  for (const { mime_blob: name } of await named.execute()) if (name !== null) yield* bodyLines(store, name);
  for (const table of MOVED) {
    const columns = await columnsOf(trx, table);
    yield line({ table, columns });
    yield* rowLines(trx, table);
  }
}

async function* bodyLines(store: Store, name: string): AsyncGenerator<string> {
  yield line({ body: name });
  for await (const chunk of store.blobs.get(name)) yield line({ chunk: Buffer.from(chunk).toString('base64') });
}

/** PostgreSQL writes the JSON: times to the microsecond, numbers of any size. */
async function* rowLines(trx: Transaction<Tables>, table: keyof Tables): AsyncGenerator<string> {
  const all = sql`select to_jsonb(t)::text as row from ${sql.id(SCHEMA, table)} t`;
  await sql`declare exported no scroll cursor for ${all}`.execute(trx);
  for (;;) {
    const { rows } = await sql<{ row: string }>`fetch ${sql.lit(PAGE)} from exported`.execute(trx);
    for (const { row } of rows) yield `${ROW}${row}}\n`;
    if (rows.length < PAGE) break;
  }
  await sql`close exported`.execute(trx);
}

/** Hands on what a transaction yields, while it is open. */
async function* inSnapshot<T>(store: Store, run: (trx: Transaction<Tables>) => AsyncIterable<T>): AsyncGenerator<T> {
  const trx = await store.db
    .startTransaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute();
  try {
    yield* run(trx);
  } finally {
    await trx.rollback().execute();
  }
}

const line = (value: ExportLine): string => `${JSON.stringify(value)}\n`;
