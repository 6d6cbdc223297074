// What is done now and then: old things go, and mails that lost their job get another.
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { queueAgain } from '../outbox/changes.ts';
import { checkWhole } from '../outbox/checks.ts';
import { mailJobId, queueOf } from '../outbox/mail-job.ts';
import { type Context, mailFacts } from './context.ts';
import type { WorkerEvent } from './events.ts';

/** Milliseconds after a mail has come to its end. */
export interface Retention {
  /** Messages; addresses and results stay. Default 7 days. */
  readonly bodies: number;
  /** Whole mails, with attempts and idempotency keys, and what became of occurrences. Default 90 days. */
  readonly mails: number;
  /** Attempts, except those in doubt: these stay as long as their mail. Default 30 days. */
  readonly attempts: number;
  /** Events that were told, or that were given up. Default 7 days. */
  readonly events: number;
}

const DAY = 86_400_000;
export const DEFAULT_RETENTION: Retention = { bodies: 7 * DAY, mails: 90 * DAY, attempts: 30 * DAY, events: 7 * DAY };
const CENTURY = 36_525 * DAY;

/** What is left out is as by default. */
export type RetentionOptions = { readonly [Age in keyof Retention]?: number | undefined };

/** @throws TypeError `ERR_INPUT_OPTION` naming the age */
export function checkRetention(given: RetentionOptions = {}): Retention {
  const age = (name: keyof Retention): number =>
    checkWhole(given[name] === undefined ? DEFAULT_RETENTION[name] : given[name], 0, CENTURY, `retention.${name}`);
  return { bodies: age('bodies'), mails: age('mails'), attempts: age('attempts'), events: age('events') };
}

/** Rows of one statement: others wait for a short time only. */
const PORTION = 1_000;
const MINUTE = 60_000;

export interface Swept {
  readonly bodies: number;
  readonly mails: number;
  readonly attempts: number;
  readonly events: number;
}

/** Deletes what is old. Dead, held and waiting mails keep their message; dead ones go with `mails`, those in doubt never. */
export async function sweep({ store }: Pick<Context, 'store'>, retention: Retention): Promise<Swept> {
  const { db } = store;
  const before = (age: number) => sql`now() - make_interval(secs => ${age / 1000}::double precision)`;
  const bodies = await portions(() =>
    sql`update mailgrant.mail set mime = null, mime_blob = null where id in (
      select id from mailgrant.mail where finished_at < ${before(retention.bodies)} and state <> 'dead'
        and (mime is not null or mime_blob is not null) limit ${PORTION})`.execute(db),
  );
  const attempts = await portions(() =>
    sql`delete from mailgrant.mail_attempt where (mail_id, n) in (
      select a.mail_id, a.n from mailgrant.mail_attempt a join mailgrant.mail m on m.id = a.mail_id
      where a.ended_at < ${before(retention.attempts)} and m.finished_at is not null
        and a.outcome is distinct from 'in_doubt' limit ${PORTION})`.execute(db),
  );
  const mails = await portions(() =>
    sql`delete from mailgrant.mail where id in (
      select id from mailgrant.mail where finished_at < ${before(retention.mails)} limit ${PORTION})`.execute(db),
  );
  const events = await portions(() =>
    sql`delete from mailgrant.event where id in (
      select id from mailgrant.event where at < ${before(retention.events)} and next_at is null limit ${PORTION})`.execute(
      db,
    ),
  );
  await sql`delete from mailgrant.mailbox_usage where hour < now() - interval '26 hours'`.execute(db);
  await sql`delete from mailgrant.suppression where until < now()`.execute(db);
  // Which occurrences are decided about stands in the schedule's own row.
  await sql`delete from mailgrant.mail_run where ended_at < ${before(retention.mails)}`.execute(db);
  if (bodies + mails > 0) await store.blobs.sweep();
  return { bodies, mails, attempts, events };
}

async function portions(run: () => Promise<{ readonly numAffectedRows?: bigint }>): Promise<number> {
  for (let total = 0; ;) {
    const { numAffectedRows = 0n } = await run();
    total += Number(numAffectedRows);
    if (numAffectedRows < BigInt(PORTION)) return total;
  }
}

/** Ends what has expired while its mailbox did not send: nobody would claim it and find out. */
export async function expire(context: Pick<Context, 'transact'>): Promise<number> {
  const events: WorkerEvent[] = [];
  return context.transact(events, async (trx) => {
    const expired = await trx
      .updateTable('mail')
      .set({ state: 'expired', next_at: null, finished_at: sql<Date>`now()` })
      .where('id', 'in', (query) =>
        query
          .selectFrom('mail')
          .select('id')
          .where('state', 'in', ['scheduled', 'deferred'])
          .where('expires_at', '<=', sql<Date>`now()`)
          .limit(PORTION)
          .forUpdate()
          .skipLocked(),
      )
      .returning(['id', 'mailbox_id', 'message_id', 'tag', 'idempotency_key', 'dup_possible', 'due_at'])
      .execute();
    events.push(...expired.map((mail) => ({ ...mailFacts(mail), type: 'mail.expired' as const })));
    return expired.length;
  });
}

/**
 * Makes new jobs for mails whose job is gone: the engine was emptied, restored from a backup, or lost one. Returns how many.
 * It looks only at those due within the day; the others' turn comes.
 */
export async function reconcile({ store, engine }: Pick<Context, 'store' | 'engine'>): Promise<number> {
  let repaired = 0;
  for (let after = '00000000-0000-0000-0000-000000000000'; ;) {
    const mails = await store.db
      .selectFrom('mail')
      .select(['id', 'mailbox_id', 'turn'])
      .where('state', 'in', ['scheduled', 'deferred', 'sending'])
      .where('next_at', '<', sql<Date>`now() + interval '1 day'`)
      .where('id', '>', after)
      .orderBy('id')
      .limit(PORTION)
      .execute();
    const live = await engine.live(mails.map(({ id, turn }) => mailJobId(id, turn)));
    for (const mail of mails) {
      if (!live.has(mailJobId(mail.id, mail.turn)) && (await giveJob({ store, engine }, mail))) repaired += 1;
    }
    const last = mails.at(-1);
    if (last === undefined || mails.length < PORTION) return repaired;
    after = last.id;
  }
}

async function giveJob(
  { store, engine }: Pick<Context, 'store' | 'engine'>,
  { id, mailbox_id: mailbox, turn }: { readonly id: string; readonly mailbox_id: string; readonly turn: number },
): Promise<boolean> {
  await engine.openQueue(queueOf(mailbox));
  return store.transaction(async (trx) => {
    const mail = await trx
      .selectFrom('mail')
      .select(['id', 'mailbox_id', 'turn', 'priority', 'state', 'failures', 'next_at'])
      .where('id', '=', id)
      .where('turn', '=', turn)
      .where('state', 'in', ['scheduled', 'deferred', 'sending'])
      .forUpdate()
      .executeTakeFirst();
    // Its job may have ended with the mail while we looked.
    if (mail === undefined || mail.next_at === null) return false;
    const state = mail.failures > 0 ? 'deferred' : 'scheduled';
    await queueAgain(mail, { at: mail.next_at.getTime(), state, engine, trx, db: store.executor(trx) });
    return true;
  });
}

/** Sweeps each hour, reconciles each five minutes and expires each minute, until it is stopped. */
export class Housekeeper {
  readonly #context: Context;
  readonly #retention: Retention;
  readonly #stopping = new AbortController();
  #running: Promise<unknown> | undefined;

  constructor(context: Context, retention: Retention) {
    this.#context = context;
    this.#retention = retention;
  }

  start(): void {
    this.#running ??= Promise.all([
      this.#every(60 * MINUTE, 5 * MINUTE, () => sweep(this.#context, this.#retention)),
      this.#every(5 * MINUTE, 5 * MINUTE, () => reconcile(this.#context)),
      this.#every(MINUTE, MINUTE, () => expire(this.#context)),
    ]);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #every(pause: number, first: number, run: () => Promise<unknown>): Promise<void> {
    for (let wait = first; ; wait = pause) {
      await sleep(wait, undefined, { signal: this.#stopping.signal }).catch(() => {
        // Stopping is no failure.
      });
      if (this.#stopping.signal.aborted) return;
      await run().catch(this.#context.onProblem);
    }
  }
}
