// Many mails go through an embedded store, which must not grow with them: the log, and what dead rows leave behind.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createEngine } from '../../src/engine.ts';
import { outboxOver } from '../../src/outbox/create-outbox.ts';
import { queueOf } from '../../src/outbox/mail-job.ts';
import type { Store } from '../../src/index.ts';
import { openStore } from '../../src/store/open-store.ts';
import { Maintenance } from '../../src/store/maintenance.ts';
import { createStoreDirectory } from '../support/embedded.ts';

export interface GrowthOptions {
  readonly mails: number;
  /** How many finished mails are kept: what retention does by age. */
  readonly kept: number;
}

/** Bytes, after so many mails. */
interface Size {
  readonly mails: number;
  readonly log: number;
  readonly tables: number;
}

export interface GrowthReport {
  readonly options: GrowthOptions;
  readonly sizes: readonly Size[];
  readonly seconds: number;
}

const BATCH = 100;
/** Of maintenance's clock: a batch every 15 seconds is a thousand mails a minute. */
const STEP = 15_000;

export async function grow(options: GrowthOptions): Promise<GrowthReport> {
  const started = Date.now();
  using directory = await createStoreDirectory();
  const store = await openStore({ kind: 'embedded', dir: directory.dir, durability: 'process-crash' });
  const onProblem = (error: unknown): never => {
    throw error;
  };
  const engine = createEngine({ store, claims: true, migrate: true, onProblem });
  await engine.start();
  await store.db.insertInto('mailbox').values({ id: 'noreply', connections: 3 }).execute();
  await engine.openQueue(queueOf('noreply'));
  const outbox = outboxOver(
    engine,
    { store },
    async () => {},
    () => {},
  );

  let now = 0;
  const maintenance = new Maintenance(store.executor(), () => now);
  const sizes: Size[] = [];
  const text = 'Of a mail that says something. '.repeat(130);
  for (let mails = 0; mails < options.mails; mails += BATCH) {
    const mail = { from: 'noreply@contoso.com', to: 'ada@example.com', subject: 'Hello', text };
    const made = await outbox.scheduleMails(Array.from({ length: BATCH }, () => ({ mailbox: 'noreply', mail })));
    await send(
      store,
      made.map(({ id }) => id),
    );
    for (;;) {
      const claims = await engine.claim(queueOf('noreply'), 50);
      if (claims.length === 0) break;
      for (const claim of claims) await engine.complete(claim);
    }
    await forget(store, options.kept);
    now += STEP;
    await maintenance.run();
    if ((mails + BATCH) % (options.mails / 10) === 0)
      sizes.push({ mails: mails + BATCH, ...(await sizeOf(store, directory.dir)) });
  }
  await engine.stop();
  await store.close();
  return { options, sizes, seconds: Math.round((Date.now() - started) / 1000) };
}

/** The changes to its rows that a mail goes through on its way out. */
async function send({ db }: Store, ids: readonly string[]): Promise<void> {
  const mails = (change: object) => db.updateTable('mail').set(change).where('id', 'in', ids).execute();
  await mails({ state: 'sending', attempts: 1 });
  const attempts = ids.map((id) => ({ mail_id: id, n: 1, worker: 'w', recipients: 1 }));
  await db.insertInto('mail_attempt').values(attempts).execute();
  await db.updateTable('mail_attempt').set({ phase: 'dot', dot_at: new Date() }).where('mail_id', 'in', ids).execute();
  await db.updateTable('mail_recipient').set({ state: 'accepted', code: 250 }).where('mail_id', 'in', ids).execute();
  await db
    .updateTable('mail_attempt')
    .set({ phase: 'done', ended_at: new Date() })
    .where('mail_id', 'in', ids)
    .execute();
  await mails({ state: 'accepted', finished_at: new Date(), next_at: null });
}

/** What retention and pg-boss do by age. */
async function forget(store: Store, kept: number): Promise<void> {
  await store.executor().executeSql(
    `delete from mailgrant.mail where id in
       (select id from mailgrant.mail order by created_at desc, id offset ${kept})`,
  );
  await store.executor().executeSql("delete from mailgrant_boss.job where state = 'completed'");
}

async function sizeOf(store: Store, dir: string): Promise<Omit<Size, 'mails'>> {
  const { rows } = await store
    .executor()
    .executeSql(
      "select sum(pg_total_relation_size(oid))::float8 as n from pg_class where relkind = 'r' and relnamespace::regnamespace::text like 'mailgrant%'",
    );
  const wal = join(dir, 'data', 'pg_wal');
  const log = readdirSync(wal).reduce((total, name) => total + statSync(join(wal, name)).size, 0);
  return { log, tables: Number(rows[0]?.n) };
}
