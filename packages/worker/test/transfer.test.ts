// A store moves: embedded to PostgreSQL, and back.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sql } from 'kysely';
import { SCHEMA, type Store } from '../src/store/store.ts';
import { exportStore } from '../src/transfer/export.ts';
import { importStore } from '../src/transfer/import.ts';
import { MOVED } from '../src/transfer/tables.ts';
import { createBase, createPlace, createRig, KINDS, type Kind, type Place } from './support/rig.ts';

const LARGE = Buffer.alloc(700_000, 'a large message \u{1f4e8} ');
const at = (minute: number) => new Date(Date.UTC(2026, 10, 20, 22, minute));

/** Something in every table. */
async function fill(store: Store): Promise<void> {
  const { sha256 } = await store.blobs.put(LARGE);
  const { db } = store;
  const mailbox = { id: 'noreply', connections: 3, rate_per_minute: 30, tat: at(1) };
  await db.insertInto('mailbox').values(mailbox).execute();
  await db.insertInto('mailbox_slot').values({ mailbox_id: 'noreply', slot: 0, holder: 'a worker' }).execute();
  await db
    .insertInto('mailbox_usage')
    .values({ mailbox_id: 'noreply', hour: at(0), recipients: 7 })
    .execute();
  await db
    .insertInto('schedule')
    .values({ id: 'digest', mailbox_id: 'noreply', definition: '{"cron":"0 9 * * *"}', cursor: at(2) })
    .execute();
  await db.insertInto('suppression').values({ key: 'domain:example.org', reason: 'left "us"\n' }).execute();
  const mails = Array.from({ length: 120 }, (_, n) => ({
    id: randomUUID(),
    mailbox_id: 'noreply',
    idempotency_key: `key ${n}`,
    state: n % 3 === 0 ? ('accepted' as const) : ('scheduled' as const),
    due_at: at(n % 60),
    next_at: at(n % 60),
    subject: `Grüße \\ "${n}" \u{1f4e8}`,
    envelope: JSON.stringify({ from: 'noreply@contoso.com' }),
    mime: n % 10 === 0 ? null : Buffer.from([0, 13, 10, 255, n]),
    mime_blob: n % 10 === 0 ? sha256 : null,
    mime_size: 5,
  }));
  await db.insertInto('mail').values(mails).execute();
  const recipients = mails.map(({ id }) => ({ mail_id: id, position: 0, address: 'a@contoso.com' }));
  await db.insertInto('mail_recipient').values(recipients).execute();
  const attempts = mails.map(({ id }) => ({ mail_id: id, n: 1, worker: 'w', phase: 'dot' as const, recipients: 1 }));
  await db.insertInto('mail_attempt').values(attempts).execute();
  await db
    .insertInto('mail_run')
    .values({ schedule_id: 'digest', occurrence: at(3), state: 'done' })
    .execute();
  await db.insertInto('event').values({ id: randomUUID(), type: 'mail.accepted', data: '{"a":[1]}' }).execute();
}

async function contentsOf(store: Store): Promise<Record<string, string[]>> {
  const contents: Record<string, string[]> = {};
  for (const table of MOVED) {
    const { rows } = await sql<{ row: string }>`
      select to_jsonb(t)::text as row from ${sql.id(SCHEMA, table)} t`.execute(store.db);
    contents[table] = rows.map(({ row }) => row).toSorted();
  }
  return contents;
}

async function bytesOf(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

const linesOf = async (store: Store) => {
  const lines: string[] = [];
  for await (const line of exportStore(store, () => 0)) lines.push(line);
  return lines;
};

async function* piecesOf(lines: readonly string[], size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(lines.join(''));
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}

const full: { place: Place; store: Store; lines: string[] }[] = [];

beforeAll(async () => {
  for (const kind of KINDS) {
    const place = await createPlace(kind);
    const store = await place.open();
    await fill(store);
    full.push({ place, store, lines: await linesOf(store) });
  }
});
afterAll(async () => {
  for (const { place, store } of full) {
    await store.close();
    await place[Symbol.asyncDispose]();
  }
});

const sourceOf = (kind: Kind) => full[KINDS.indexOf(kind)] ?? expect.unreachable();

/** An empty store to import into. */
async function withEmpty(kind: Kind, run: (store: Store) => Promise<void>): Promise<void> {
  await using place = await createPlace(kind);
  const store = await place.open();
  try {
    await run(store);
  } finally {
    await store.close();
  }
}

describe.each([
  ['embedded', 'postgres'],
  ['postgres', 'embedded'],
] as const)('from %s to %s', (from, to) => {
  test('everything arrives as it was', async () => {
    const { store: source, lines } = sourceOf(from);
    await withEmpty(to, async (target) => {
      await target.db.insertInto('mailbox').values({ id: 'noreply', connections: 1 }).execute(); // a worker looked in
      const imported = await importStore(target, piecesOf(lines, 10_007));
      expect(imported).toMatchObject({ bodies: 1, rows: { mailbox: 1, mail: 120, mail_attempt: 120, event: 1 } });
      expect(await contentsOf(target)).toEqual(await contentsOf(source));
      const { mime_blob: body } = await target.db
        .selectFrom('mail')
        .select('mime_blob')
        .where('mime_blob', 'is not', null)
        .executeTakeFirstOrThrow();
      expect((await bytesOf(target.blobs.get(body ?? ''))).equals(LARGE)).toBe(true);
    });
  });
});

test('mails that waited in a directory go out from PostgreSQL, large ones too', async () => {
  await using here = await createBase('embedded');
  await using there = await createBase('postgres');
  await using from = await createRig(here);
  await using to = await createRig(there);
  const mails = ['a', 'b', 'c'].map((subject) => ({ mailbox: 'noreply', mail: from.mail(subject) }));
  const large = { mailbox: 'noreply', mail: { ...from.mail('large'), text: 'A large mail. '.repeat(20_000) } };
  await from.worker().outbox.scheduleMails([...mails, large]);

  await importStore(to.store, exportStore(from.store));
  const worker = to.worker();
  await worker.start();
  await to.told('mail.accepted', 4);
  expect(to.sandbox.inbox.messages.map(({ subject }) => subject).toSorted()).toEqual(['a', 'b', 'c', 'large']);
  expect(from.sandbox.inbox.messages).toEqual([]);
});

describe('an import', () => {
  test.each([
    ['is cut off', (lines: string[]) => lines.slice(0, -1), 'is cut off'],
    ['is cut off within a line', (lines: string[]) => [...lines.slice(0, -2), '{"row":{'], 'not a JSON object'],
    ['lacks a row', (lines: string[]) => lines.toSpliced(-2, 1), 'rows and has'],
    ['has rows in the wrong table', (lines: string[]) => lines.toSpliced(-3, 1), 'rows of "mail_run" (23502)'],
    ['has another body', (lines: string[]) => lines.toSpliced(2, 1), 'is damaged in the export'],
    ['is something else', () => ['{"type":"json"}\n'], 'not an export'],
    [
      'is of another version',
      (lines: string[]) => [(lines[0] ?? '').replace('"version":1', '"version":2')],
      'version 2',
    ],
    [
      'has a column nobody knows',
      (lines: string[]) => lines.map((line) => line.replace('"columns":[', '"columns":["colour",')),
      '"mailbox.colour"',
    ],
    [
      'has a table nobody knows',
      (lines: string[]) => lines.map((line) => line.replace('"table":"mail"', '"table":"pg_authid"')),
      '"pg_authid"',
    ],
  ])('that %s leaves nothing behind', async (_what, change, words) => {
    await withEmpty('postgres', async (target) => {
      const failed = importStore(target, piecesOf(change(sourceOf('embedded').lines), 65_536));
      await expect(failed).rejects.toMatchObject({
        code: 'ERR_STORE_TRANSFER',
        message: expect.stringContaining(words),
      });
      expect(Object.values(await contentsOf(target)).flat()).toEqual([]);
    });
  });

  test('into a store with mails is refused', async () => {
    const { store, lines } = sourceOf('postgres');
    const before = await contentsOf(store);
    await expect(importStore(store, piecesOf(lines, 65_536))).rejects.toThrow('The store is not empty');
    expect(await contentsOf(store)).toEqual(before);
  });
});

test('an export holds no lease, and every table that is not left out on purpose', async () => {
  const { store, lines } = sourceOf('postgres');
  expect(lines.join('')).not.toContain('a worker');
  const { rows } = await store
    .executor()
    .executeSql(`select tablename from pg_tables where schemaname = '${SCHEMA}' and tablename !~ '^migration'`);
  const left = ['mailbox_slot', 'blob', 'blob_chunk'];
  expect(rows.map(({ tablename }) => String(tablename)).toSorted()).toEqual([...MOVED, ...left].toSorted());
});
