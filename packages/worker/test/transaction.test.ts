// Mails as a part of the caller's own transaction, and retention.
import { Kysely, PostgresDialect } from 'kysely';
import { Client, Pool } from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { checkRetention, DEFAULT_RETENTION, sweep } from '../src/delivery/housekeeping.ts';
import {
  createOutbox,
  createMailWorker,
  type MailWorker,
  type OutboxClient,
  type UserTransaction,
} from '../src/index.ts';
import { openStore } from '../src/store/open-store.ts';
import type { Store } from '../src/store/store.ts';
import { createDatabase, type TestDatabase } from './support/postgres.ts';

let database: TestDatabase;
let store: Store;
let worker: MailWorker;
let outbox: OutboxClient;
beforeAll(async () => {
  database = await createDatabase();
  store = await openStore({ kind: 'postgres', url: database.url });
  const mailer = (): never => {
    throw new Error('nothing is sent here');
  };
  worker = createMailWorker({ store, mailboxes: { noreply: { mailer } } });
  await worker.start();
  await worker.outbox.pause({ mailbox: 'noreply' });
  outbox = createOutbox({ store });
});
afterAll(async () => {
  await outbox.close();
  await worker.stop();
  await store.close();
  await database[Symbol.asyncDispose]();
});

const mail = (idempotencyKey: string) => ({
  mailbox: 'noreply',
  idempotencyKey,
  mail: { from: 'noreply@contoso.com', to: 'ada@example.com', text: 'x' },
});
const exists = async (idempotencyKey: string): Promise<boolean> => (await outbox.get({ idempotencyKey })) !== undefined;

async function withClient(end: 'commit' | 'rollback', run: (db: UserTransaction) => Promise<unknown>): Promise<void> {
  const client = new Client(database.url);
  await client.connect();
  await client.query('begin');
  await run(client);
  await client.query(end);
  await client.end();
}

test('with a client of pg: there if it commits, never there if it does not', async () => {
  await withClient('rollback', (db) => outbox.scheduleMail(mail('undone'), { db }));
  expect(await exists('undone')).toBe(false);
  await withClient('commit', async (db) => {
    await outbox.scheduleMail(mail('done'), { db });
    expect(await exists('done')).toBe(false);
  });
  expect(await exists('done')).toBe(true);
  const jobs = await store.executor().executeSql('select count(*)::integer as n from mailgrant_boss.job');
  expect(jobs.rows).toEqual([{ n: 1 }]);
});

test('a large message belongs to the transaction as well', async () => {
  const large = (key: string) => ({ ...mail(key), mail: { ...mail(key).mail, text: 'y\n'.repeat(60_000) } });
  const bodies = () => store.db.selectFrom('blob').select('sha256').execute();
  await withClient('rollback', (db) => outbox.scheduleMail(large('large undone'), { db }));
  expect(await bodies()).toEqual([]);
  await withClient('commit', (db) => outbox.scheduleMail(large('large'), { db }));
  expect(await bodies()).toHaveLength(1);
});

test('an outbox that is ready needs no other connection than the transaction’s', async () => {
  const pool = new Pool({ connectionString: database.url, max: 2 });
  pool.on('error', () => {}); // connections are still closing when end() resolves
  const small = await openStore({ kind: 'postgres', pool });
  const client = createOutbox({ store: small });
  await client.ready();
  const clients = [await pool.connect(), await pool.connect()];
  for (const db of clients) await db.query('begin');
  for (const text of ['x', 'y\n'.repeat(60_000)]) {
    const all = clients.map((db, n) => {
      const { mailbox, mail: content } = mail('pooled');
      return client.scheduleMail({ mailbox, mail: { ...content, text: `${n} ${text}` } }, { db });
    });
    expect(await Promise.all(all)).toMatchObject([{ created: true }, { created: true }]);
  }
  for (const db of clients) await db.query('rollback').finally(() => db.release());
  await client.close();
  await small.close();
  await pool.end();
});

test('an outbox that is not ready does not wait for ever for a connection', async () => {
  const pool = new Pool({ connectionString: database.url, max: 1 });
  pool.on('error', () => {}); // connections are still closing when end() resolves
  const small = await openStore({ kind: 'postgres', pool });
  const client = createOutbox({ store: small });
  const db = await pool.connect();
  await db.query('begin');
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const waiting = client.scheduleMail(mail('waiting'), { db }).catch((error: { code: unknown }) => error.code);
  await vi.advanceTimersByTimeAsync(30_000);
  vi.useRealTimers();
  expect(await waiting).toBe('ERR_STORE_BUSY');
  await db.query('rollback').finally(() => db.release());
  await client.close();
  await small.close();
  await pool.end();
});

test('with a transaction of Kysely', async () => {
  const kysely = new Kysely<object>({
    dialect: new PostgresDialect({ pool: new Pool({ connectionString: database.url }) }),
  });
  const undone = kysely.transaction().execute(async (db) => {
    await outbox.scheduleMail(mail('kysely undone'), { db });
    throw new Error('undo');
  });
  await expect(undone).rejects.toThrow('undo');
  await kysely.transaction().execute((db) => outbox.scheduleMail(mail('kysely'), { db }));
  expect([await exists('kysely undone'), await exists('kysely')]).toEqual([false, true]);
  await expect(outbox.scheduleMail(mail('no transaction'), { db: kysely })).rejects.toThrow('Kysely transaction');
  await kysely.destroy();
});

test('a pool, which would be a transaction for each statement, and what runs no SQL are refused', async () => {
  const pool = new Pool({ connectionString: database.url });
  await expect(outbox.scheduleMail(mail('pool'), { db: pool })).rejects.toMatchObject({ code: 'ERR_INPUT_OPTION' });
  await expect(outbox.scheduleMail(mail('nothing'), { db: {} as never })).rejects.toMatchObject({
    code: 'ERR_INPUT_OPTION',
  });
  await pool.end();
});

test('an outbox on a store where no worker ever ran says what is missing', async () => {
  await using empty = await createDatabase();
  const there = await openStore({ kind: 'postgres', url: empty.url });
  const client = createOutbox({ store: there });
  await expect(client.scheduleMail(mail('x'))).rejects.toMatchObject({ code: 'ERR_STORE_SCHEMA' });
  await client.close();
  await there.close();
});

test('an age that is left out is the usual one, and one that is no number is refused', () => {
  expect(checkRetention({ bodies: undefined, mails: 5 })).toEqual({ ...DEFAULT_RETENTION, mails: 5 });
  for (const age of ['30d', Number.NaN, -1, Infinity, null]) {
    const refused = () => checkRetention({ attempts: age as never });
    expect(refused).toThrow(expect.objectContaining({ code: 'ERR_INPUT_OPTION' }));
    expect(refused).toThrow('retention.attempts');
  }
});

test('what is old goes: messages first, attempts, then whole mails; what waits or is held stays', async () => {
  const ids = (await outbox.scheduleMails(['a', 'b', 'c', 'd'].map((key) => mail(`old ${key}`)))).map(({ id }) => id);
  const [done = '', old = '', dead = '', held = ''] = ids;
  const days = (count: number) => new Date(Date.now() - count * 86_400_000);
  const set = (id: string, state: 'accepted' | 'dead' | 'in_doubt', age: number | undefined) =>
    store.db
      .updateTable('mail')
      .set({ state, next_at: null, finished_at: age === undefined ? null : days(age) })
      .where('id', '=', id)
      .execute();
  await set(done, 'accepted', 8);
  await set(old, 'accepted', 91);
  await set(dead, 'dead', 8);
  await set(held, 'in_doubt', undefined);
  await store.db
    .insertInto('mail_attempt')
    .values({ mail_id: done, n: 1, worker: 'w', recipients: 1, ended_at: days(31) })
    .execute();
  const DAY = 86_400_000;
  const swept = await sweep({ store }, { bodies: 7 * DAY, attempts: 30 * DAY, mails: 90 * DAY, events: 7 * DAY });
  expect(swept).toEqual({ bodies: 2, attempts: 1, mails: 1, events: 0 });
  const rows = await store.db.selectFrom('mail').select(['id', 'mime']).where('id', 'in', ids).execute();
  const left = new Map(rows.map(({ id, mime }) => [id, mime !== null]));
  expect([left.get(done), left.get(old), left.get(dead), left.get(held)]).toEqual([false, undefined, true, true]);
  expect(await outbox.retry(done)).toBe('finished');
});
