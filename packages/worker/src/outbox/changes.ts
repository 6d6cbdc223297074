// What may become of a mail before, after and while it is sent. Each change is one transaction that holds the mail's row.
import { InputError } from '@mailgrant/core';
import { sql, type Transaction } from 'kysely';
import type { Engine } from '../engine.ts';
import type { MailRow, MailState, Tables } from '../schema/tables.ts';
import type { SqlExecutor, Store } from '../store/store.ts';
import { DUE_CHANNEL, mailJob, mailJobId, queueOf } from './mail-job.ts';
import type { ChangeResult, InDoubtResolution, MailRef } from './outbox.ts';

export type LockedMail = Pick<
  MailRow,
  | 'id'
  | 'mailbox_id'
  | 'state'
  | 'turn'
  | 'priority'
  | 'attempts'
  | 'next_at'
  | 'dated_at'
  | 'mime_size'
  | 'failing_since'
  | 'expires_at'
> & { readonly has_body: boolean };

const WAITING: readonly MailState[] = ['scheduled', 'deferred'];
const REVIVABLE: readonly MailState[] = ['dead', 'expired', 'cancelled', 'suppressed'];

/**
 * Runs a change with the mail's row locked. The job it had is taken away afterwards: whoever claims a job locks it before the
 * mail, so that doing it here could be a deadlock; and a job of an earlier turn does nothing anyway.
 */
async function change(
  { store, engine }: { readonly store: Store; readonly engine: Engine },
  ref: MailRef,
  decide: (mail: LockedMail, trx: Transaction<Tables>, db: SqlExecutor) => Promise<ChangeResult>,
): Promise<ChangeResult> {
  const { result, mail } = await store.transaction(async (trx) => {
    const mail = await lock(trx, ref);
    return { result: mail === undefined ? 'not-found' : await decide(mail, trx, store.executor(trx)), mail } as const;
  });
  if (mail !== undefined && result === 'done' && WAITING.includes(mail.state)) {
    await engine.discard(queueOf(mail.mailbox_id), [mailJobId(mail.id, mail.turn)]);
  }
  return result;
}

async function lock(trx: Transaction<Tables>, ref: MailRef): Promise<LockedMail | undefined> {
  if (typeof ref === 'string' && !/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(ref)) return undefined;
  return trx
    .selectFrom('mail')
    .select([
      'id',
      'mailbox_id',
      'state',
      'turn',
      'priority',
      'attempts',
      'next_at',
      'dated_at',
      'mime_size',
      'failing_since',
      'expires_at',
    ])
    .select(sql<boolean>`mime is not null or mime_blob is not null`.as('has_body'))
    .where(typeof ref === 'string' ? 'id' : 'idempotency_key', '=', typeof ref === 'string' ? ref : ref.idempotencyKey)
    .forUpdate()
    .executeTakeFirst();
}

/** A new job for the mail; the one before is of no account from here on. */
export async function queueAgain(
  mail: Pick<LockedMail, 'id' | 'mailbox_id' | 'turn' | 'priority'>,
  {
    at,
    state,
    engine,
    trx,
    db,
  }: { at: number; state: MailState; engine: Engine; trx: Transaction<Tables>; db: SqlExecutor },
): Promise<void> {
  const turn = mail.turn + 1;
  await trx
    .updateTable('mail')
    .set({ state, turn, next_at: new Date(at), finished_at: null })
    .where('id', '=', mail.id)
    .execute();
  await engine.enqueue(queueOf(mail.mailbox_id), [mailJob(mail.id, turn, at, mail.priority)], db);
  await sql`select pg_notify(${DUE_CHANNEL}, ${mail.mailbox_id})`.execute(trx);
}

/** The mail has come to an end. */
export async function finish(trx: Transaction<Tables>, id: string, state: MailState, queueId?: string): Promise<void> {
  await trx
    .updateTable('mail')
    .set({
      state,
      next_at: null,
      finished_at: state === 'in_doubt' ? null : sql<Date>`now()`,
      ...(queueId !== undefined && { queue_id: queueId }),
    })
    .where('id', '=', id)
    .execute();
}

export function cancel(store: Store, engine: Engine, ref: MailRef): Promise<ChangeResult> {
  return change({ store, engine }, ref, async (mail, trx) => {
    if (mail.state === 'sending') {
      const last = await trx
        .selectFrom('mail_attempt')
        .select('phase')
        .where('mail_id', '=', mail.id)
        .where('n', '=', mail.attempts)
        .executeTakeFirst();
      // Whoever sends it looks at the row before the last bytes, and finds that it is not to be sent.
      if (last?.phase !== 'start') return 'too-late';
    } else if (!WAITING.includes(mail.state)) return mail.state === 'in_doubt' ? 'too-late' : 'finished';
    await finish(trx, mail.id, 'cancelled');
    return 'done';
  });
}

export function reschedule(
  store: Store,
  engine: Engine,
  ref: MailRef,
  { at, expiresAt }: { readonly at: number; readonly expiresAt?: number | null | undefined },
): Promise<ChangeResult> {
  return change({ store, engine }, ref, async (mail, trx, db) => {
    if (mail.state === 'sending' || mail.state === 'in_doubt') return 'too-late';
    if (!WAITING.includes(mail.state)) return 'finished';
    const expires = expiresAt === undefined ? mail.expires_at?.getTime() : expiresAt;
    if (typeof expires === 'number' && expires <= at) {
      throw new InputError('ERR_INPUT_OPTION', 'expiresAt: it would expire before it is sent');
    }
    await trx
      .updateTable('mail')
      .set({
        due_at: new Date(at),
        // Once bytes may have left, every repeat has to look the same.
        ...(mail.attempts === 0 && mail.dated_at !== null && { dated_at: new Date(at) }),
        ...(expiresAt !== undefined && { expires_at: expiresAt === null ? null : new Date(expiresAt) }),
      })
      .where('id', '=', mail.id)
      .execute();
    await queueAgain(mail, { at, state: 'scheduled', engine, trx, db });
    return 'done';
  });
}

export function retry(store: Store, engine: Engine, ref: MailRef, now: number): Promise<ChangeResult> {
  return change({ store, engine }, ref, async (mail, trx, db) => {
    if (mail.state === 'sending' || mail.state === 'in_doubt') return 'too-late';
    if (!REVIVABLE.includes(mail.state) || !mail.has_body) return 'finished';
    await trx
      .updateTable('mail')
      .set({ failures: 0, failing_since: null })
      .set({ expires_at: sql<Date | null>`case when expires_at > now() then expires_at end` })
      // In doubt once, given up since: nobody knows whether the recipients have it.
      .set({
        dup_possible: sql<boolean>`dup_possible or exists (
          select from mailgrant.mail_attempt where mail_id = ${mail.id} and outcome = 'in_doubt')`,
      })
      .where('id', '=', mail.id)
      .execute();
    await trx
      .updateTable('mail_recipient')
      .set({ state: 'pending' })
      .where('mail_id', '=', mail.id)
      .where('state', '!=', 'accepted')
      .execute();
    await queueAgain(mail, { at: now, state: 'scheduled', engine, trx, db });
    return 'done';
  });
}

export function resolveInDoubt(
  store: Store,
  engine: Engine,
  ref: MailRef,
  resolution: InDoubtResolution,
  now: number,
): Promise<ChangeResult> {
  return change({ store, engine }, ref, async (mail, trx, db) => {
    if (mail.state !== 'in_doubt') return mail.state === 'sending' ? 'too-late' : 'finished';
    if (resolution === 'sent') await settleAsSent(mail, { engine, trx, db, now });
    else if (resolution === 'drop') await finish(trx, mail.id, 'cancelled');
    else {
      await trx.updateTable('mail').set({ dup_possible: true }).where('id', '=', mail.id).execute();
      await queueAgain(mail, { at: now, state: 'scheduled', engine, trx, db });
    }
    return 'done';
  });
}

/** The last attempt's recipients have got it; who is left is sent to. */
export async function settleAsSent(
  mail: Pick<LockedMail, 'id' | 'mailbox_id' | 'turn' | 'priority' | 'attempts'>,
  { engine, trx, db, now }: { engine: Engine; trx: Transaction<Tables>; db: SqlExecutor; now: number },
): Promise<'accepted' | 'scheduled'> {
  await sql`
    update mailgrant.mail_recipient set state = 'accepted'
    where mail_id = ${mail.id} and position in (
      select position from mailgrant.mail_recipient where mail_id = ${mail.id} and state = 'pending' order by position
      limit (select recipients from mailgrant.mail_attempt where mail_id = ${mail.id} and n = ${mail.attempts}))`.execute(
    trx,
  );
  const left = await trx
    .selectFrom('mail_recipient')
    .select('position')
    .where('mail_id', '=', mail.id)
    .where('state', '=', 'pending')
    .limit(1)
    .executeTakeFirst();
  if (left === undefined) {
    await finish(trx, mail.id, 'accepted');
    return 'accepted';
  }
  await queueAgain(mail, { at: now, state: 'scheduled', engine, trx, db });
  return 'scheduled';
}
