// An export into an empty store: all of it, or nothing.
import { sql, type Transaction } from 'kysely';
import type { Tables } from '../schema/tables.ts';
import { SCHEMA, type Store } from '../store/store.ts';
import { StoreError } from '../store/store-error.ts';
import { type Line, LineReader } from './lines.ts';
import { columnsOf, FORMAT, MOVED, REPLACED, VERSION } from './tables.ts';

/** What goes into one statement. */
const BATCH = { rows: 200, characters: 1_000_000 };

/** How many rows of which table came, and how many bodies. */
export interface Imported {
  readonly rows: Readonly<Record<string, number>>;
  readonly bodies: number;
}

/**
 * Puts an export into a store that has no mails, runs and suppressions yet. Mails that were being sent when the first store
 * was closed are treated as after a crash: flagged where they may have been sent. A worker on the new store sees what is due
 * when it starts.
 *
 * @param source the lines of `exportStore()`, in pieces of any size
 * @throws StoreError `ERR_STORE_TRANSFER` when the store is not empty, or the export is damaged, cut off, or of a newer version;
 *   nothing was imported then
 */
export async function importStore(store: Store, source: AsyncIterable<string | Uint8Array>): Promise<Imported> {
  const lines = new LineReader(source);
  checkHeader(await lines.next());
  await store.transaction(refuseFull); // before the bodies are copied
  const bodies = await importBodies(store, lines);
  const rows = await store.transaction(async (trx) => {
    await refuseFull(trx);
    for (const table of REPLACED) await trx.deleteFrom(table).execute();
    return importTables(trx, lines);
  });
  return { rows, bodies };
}

function checkHeader(header: Line | undefined): void {
  if (header?.['format'] !== FORMAT) refuse('This is not an export of a store.');
  if (header['version'] !== VERSION)
    refuse(`This export has version ${String(header['version'])}; this is for ${VERSION}.`);
}

async function refuseFull(trx: Transaction<Tables>): Promise<void> {
  for (const table of MOVED) {
    if (REPLACED.includes(table) || table === 'mailbox_usage') continue;
    const { rows } = await sql`select 1 from ${sql.id(SCHEMA, table)} limit 1`.execute(trx);
    if (rows.length > 0) refuse(`The store is not empty: there are rows in "${table}". Import into a new one.`);
  }
}

async function importBodies(store: Store, lines: LineReader): Promise<number> {
  let bodies = 0;
  for (;;) {
    const name = (await lines.peek())?.['body'];
    if (typeof name !== 'string') return bodies;
    await lines.next();
    const { sha256 } = await store.blobs.put(chunksOf(lines));
    if (sha256 !== name) refuse(`The message ${name} is damaged in the export.`);
    bodies += 1;
  }
}

async function* chunksOf(lines: LineReader): AsyncGenerator<Uint8Array> {
  for (;;) {
    const chunk = (await lines.peek())?.['chunk'];
    if (typeof chunk !== 'string') return;
    await lines.next();
    yield Buffer.from(chunk, 'base64');
  }
}

async function importTables(trx: Transaction<Tables>, lines: LineReader): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  let total = 0;
  for (;;) {
    const line = await lines.next();
    if (line === undefined) refuse('The export is cut off.');
    if (line['end'] === true) {
      if (line['rows'] !== total) refuse(`The export should have ${String(line['rows'])} rows and has ${total}.`);
      return counts;
    }
    const { table, columns } = await tableOf(trx, line);
    counts[table] = await importRows(trx, { table, columns, lines });
    total += counts[table];
  }
}

interface MovedTable {
  readonly table: keyof Tables;
  readonly columns: readonly string[];
}

async function tableOf(trx: Transaction<Tables>, line: Line): Promise<MovedTable> {
  const table = MOVED.find((name) => name === line['table']);
  const { columns } = line;
  if (table === undefined || !Array.isArray(columns)) refuse(newer(String(line['table'])));
  const known = await columnsOf(trx, table);
  for (const column of columns) if (!known.includes(String(column))) refuse(newer(`${table}.${String(column)}`));
  return { table, columns: columns.map(String) };
}

const newer = (what: string): string => `The export has "${what}", which is unknown here: it is of a newer version.`;

async function importRows(
  trx: Transaction<Tables>,
  { table, columns, lines }: MovedTable & { readonly lines: LineReader },
): Promise<number> {
  let count = 0;
  let batch: string[] = [];
  let characters = 0;
  const flush = async (): Promise<void> => {
    if (batch.length > 0) await insert(trx, { table, columns }, `[${batch.join()}]`);
    count += batch.length;
    batch = [];
    characters = 0;
  };
  for (;;) {
    const row = (await lines.peek())?.['row'];
    if (row === undefined) break;
    await lines.next();
    const text = JSON.stringify(row);
    batch.push(text);
    characters += text.length;
    if (batch.length >= BATCH.rows || characters >= BATCH.characters) await flush();
  }
  await flush();
  return count;
}

async function insert(trx: Transaction<Tables>, { table, columns }: MovedTable, rows: string): Promise<void> {
  const into = sql.id(SCHEMA, table);
  const names = sql.join(columns.map((column) => sql.id(column)));
  const values = sql`select ${names} from jsonb_populate_recordset(null::${into}, ${rows}::jsonb)`;
  try {
    await sql`insert into ${into} (${names}) ${values}`.execute(trx);
  } catch (error) {
    // Without the error itself: PostgreSQL quotes the row, and that is somebody's mail.
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    refuse(`PostgreSQL refused rows of "${table}"${code}.`);
  }
}

function refuse(reason: string): never {
  throw new StoreError('ERR_STORE_TRANSFER', `${reason} Nothing was imported.`);
}
