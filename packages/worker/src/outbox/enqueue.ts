// From frozen mails to rows and jobs, on whatever runs the SQL: a transaction of ours or the caller's.
import { sql } from 'kysely';
import type { Engine } from '../engine.ts';
import type { NewMailRow } from '../schema/tables.ts';
import { build, run } from '../store/statements.ts';
import type { SqlExecutor, Store } from '../store/store.ts';
import type { FrozenMail } from './freeze.ts';
import { DUE_CHANNEL, mailJob, queueOf } from './mail-job.ts';
import type { Enqueued } from './outbox.ts';

/** A mail with everything that becomes of it, checked. */
export interface PreparedMail {
  readonly frozen: FrozenMail;
  readonly mailbox: string;
  readonly sendAt: number;
  readonly expiresAt: number | undefined;
  readonly idempotencyKey: string | undefined;
  readonly priority: number;
  readonly tag: string | undefined;
  readonly run: { readonly scheduleId: string; readonly occurrence: number } | undefined;
}

/** Rows in one statement: PostgreSQL takes 65 535 parameters. */
const CHUNK = 500;

/** Milliseconds ahead within which a mail is announced; what is due later is found by looking. */
const SOON = 2_000;

export interface EnqueueTools extends Pick<Store, 'blobs'> {
  readonly engine: Engine;
  readonly db: SqlExecutor;
  readonly now: number;
}

/** Makes rows and jobs. Results in the order of `mails`. */
export async function enqueue(
  mails: readonly PreparedMail[],
  { blobs, engine, db, now }: EnqueueTools,
): Promise<readonly Enqueued[]> {
  const bodies = mails.flatMap(({ frozen }) => frozen.blob ?? []);
  await blobs.keep(bodies, db);
  const results: Enqueued[] = [];
  for (let from = 0; from < mails.length; from += CHUNK) {
    results.push(...(await enqueueChunk(mails.slice(from, from + CHUNK), engine, db, now)));
  }
  const announced = new Set(mails.filter(({ sendAt }) => sendAt - now < SOON).map(({ mailbox }) => mailbox));
  for (const mailbox of announced) await db.executeSql('select pg_notify($1, $2)', [DUE_CHANNEL, mailbox]);
  return results;
}

async function enqueueChunk(
  mails: readonly PreparedMail[],
  engine: Engine,
  db: SqlExecutor,
  now: number,
): Promise<Enqueued[]> {
  const inserted = await run(
    db,
    build
      .insertInto('mail')
      .values(mails.map((mail) => toRow(mail, now)))
      .onConflict((conflict) => conflict.column('idempotency_key').doNothing())
      .returning('id'),
  );
  const made = new Set(inserted.map(({ id }) => id));
  const fresh = mails.filter(({ frozen }) => made.has(frozen.id));
  const recipients = fresh.flatMap(({ frozen }) =>
    frozen.recipients.map(({ address, wishes }, position) => ({ mail_id: frozen.id, position, address, wishes })),
  );
  for (let from = 0; from < recipients.length; from += CHUNK) {
    await run(db, build.insertInto('mail_recipient').values(recipients.slice(from, from + CHUNK)));
  }
  for (const mailbox of new Set(fresh.map((mail) => mail.mailbox))) {
    const jobs = fresh
      .filter((mail) => mail.mailbox === mailbox)
      .map(({ frozen, sendAt, priority }) => mailJob(frozen.id, 0, sendAt, priority));
    await engine.enqueue(queueOf(mailbox), jobs, db);
  }
  const known = await idsOf(
    mails.flatMap(({ frozen, idempotencyKey }) =>
      made.has(frozen.id) || idempotencyKey === undefined ? [] : [idempotencyKey],
    ),
    db,
  );
  return mails.map(({ frozen, idempotencyKey = '' }) => {
    if (made.has(frozen.id)) return { id: frozen.id, created: true };
    const id = known.get(idempotencyKey);
    if (id === undefined) throw new Error('the mail that had this idempotencyKey was deleted meanwhile; try again');
    return { id, created: false };
  });
}

/** Ids of the mails that have these keys. */
async function idsOf(keys: readonly string[], db: SqlExecutor): Promise<ReadonlyMap<string, string>> {
  if (keys.length === 0) return new Map();
  const rows = await run(
    db,
    build
      .selectFrom('mail')
      .select(['id', 'idempotency_key'])
      .where('idempotency_key', '=', sql<string>`any(${keys}::text[])`),
  );
  return new Map(rows.map(({ id, idempotency_key: key }) => [key ?? '', id]));
}

function toRow(mail: PreparedMail, now: number): NewMailRow {
  const { frozen, sendAt, expiresAt } = mail;
  return {
    id: frozen.id,
    mailbox_id: mail.mailbox,
    idempotency_key: mail.idempotencyKey ?? null,
    schedule_id: mail.run?.scheduleId ?? null,
    occurrence: mail.run === undefined ? null : new Date(mail.run.occurrence),
    tag: mail.tag ?? null,
    priority: mail.priority,
    due_at: new Date(sendAt),
    dated_at: frozen.datedAt,
    next_at: new Date(sendAt),
    expires_at: expiresAt === undefined ? null : new Date(expiresAt),
    message_id: frozen.messageId,
    subject: frozen.subject,
    envelope: JSON.stringify(frozen.envelope),
    mime: frozen.mime,
    mime_blob: frozen.blob,
    mime_size: frozen.size,
    sealed_with: frozen.sealedWith,
    created_at: new Date(now),
  };
}
