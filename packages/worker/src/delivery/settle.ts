// An attempt ends: what the server said, what becomes of the mail, and the end of its job, in one transaction.
import type { Receipt, RecipientResult } from '@mailgrant/core';
import type { DiagnosisClass } from '@mailgrant/core/diagnosis';
import { sql, type Transaction } from 'kysely';
import { type LockedMail, queueAgain } from '../outbox/changes.ts';
import type { AttemptOutcome, AttemptPhase, Tables } from '../schema/tables.ts';
import type { SqlExecutor } from '../store/store.ts';
import type { Attempt } from './begin.ts';
import { type Context, doubtAction, finishMail, hasRecipients, mailFacts } from './context.ts';
import type { EventError, WorkerEvent } from './events.ts';
import { printable, readFailure, type ReadFailure } from './failure.ts';
import { blockMailbox, lockMailbox, type MailboxState, unblockMailbox } from './mailboxes.ts';
import type { RetryDecision } from './retry-policy.ts';
import { settleAll, settleRecipients } from './recipients.ts';
import { refundRecipients } from './usage.ts';

interface Work {
  readonly attempt: Attempt;
  readonly trx: Transaction<Tables>;
  readonly db: SqlExecutor;
  readonly events: WorkerEvent[];
}

type Held = Pick<LockedMail, 'id' | 'mailbox_id' | 'turn' | 'priority' | 'attempts' | 'state'> & {
  readonly failures: number;
  readonly failing_since: Date | null;
  /** How far the attempt is by what is written, null: it is not written, or the one of its number is another's. */
  readonly phase: AttemptPhase | null;
};

/** The server took the message, for some recipients at least. */
export async function settleTaken(context: Context, attempt: Attempt, receipt: Receipt): Promise<void> {
  const events: WorkerEvent[] = [];
  await context.transact(events, async (trx, db) => {
    const work = { attempt, trx, db, events };
    const { mail } = attempt;
    // The job before the rows, as whoever begins: its claim cannot be taken over between the two.
    await context.engine.complete(attempt.claim, db);
    const taken = receipt.accepted.length;
    const unused = attempt.recipients.length - taken;
    // Each statement is a round trip for every mail; and what was under way before the mailbox began to rest ends no rest.
    if (attempt.probe || unused > 0) await lockMailbox(trx, mail.mailbox_id);
    if (attempt.probe && (await unblockMailbox(trx, mail.mailbox_id))) {
      events.push({ type: 'mailbox.recovered', mailbox: mail.mailbox_id });
    }
    await refundRecipients(trx, mail.mailbox_id, attempt.hour, unused);
    const row = await lockMail(trx, attempt);
    const whole = receipt.refused.length + receipt.deferred.length === 0;
    await endAttempt(work, whole ? 'accepted' : 'partial', { reply: receipt.reply });
    if (whole) await settleAll(trx, attempt, receipt.accepted);
    else await settleRecipients(trx, attempt, receipt.accepted, 'accepted');
    await settleRecipients(trx, attempt, receipt.refused, 'refused');
    await settleRecipients(trx, attempt, receipt.deferred, 'pending');
    if (receipt.refused.length > 0) events.push(refusedEvent(attempt, receipt.refused));
    if (row === undefined) return;
    const doubled = row.attempts !== attempt.n && (await isOutAgain(trx, attempt));
    if (doubled) await trx.updateTable('mail').set({ dup_possible: true }).where('id', '=', mail.id).execute();
    const { queueId } = receipt;
    const left = attempt.more || receipt.deferred.length > 0;
    // Somebody else's attempt, begun because this one seemed lost, finds the mail accepted and ends.
    if (!left) await finishMail(trx, mail.id, 'accepted', queueId);
    else if (isOurs(row, attempt)) await goOn(context, work, row, receipt.deferred);
    const facts = mailFacts(doubled ? { ...mail, dup_possible: true } : mail);
    events.push({ ...facts, type: 'mail.accepted', recipients: taken, queueId });
  });
}

/** Whether a later attempt, made because this one seemed lost or was said not to have been sent, may be out as well. */
async function isOutAgain(trx: Transaction<Tables>, { mail, n }: Attempt): Promise<boolean> {
  const later = await trx
    .selectFrom('mail_attempt')
    .select('n')
    .where('mail_id', '=', mail.id)
    .where('n', '>', n)
    .where((row) => row.or([row('phase', '=', 'dot'), row('outcome', 'in', ['accepted', 'partial', 'in_doubt'])]))
    .limit(1)
    .executeTakeFirst();
  return later !== undefined;
}

/** Recipients are left: those for whom there was no room in the message, or whom the server put off. */
async function goOn(context: Context, work: Work, row: Held, deferred: readonly RecipientResult[]): Promise<void> {
  const [first] = deferred;
  if (first === undefined) {
    return queueAgain(row, {
      at: context.now(),
      state: 'scheduled',
      engine: context.engine,
      trx: work.trx,
      db: work.db,
    });
  }
  const failure = readFailure(first.reply);
  const decision = context.retryPolicy({ ...failure, beforeMail: false }, stateOf(context, row, 0));
  await settleDecision(context, work, row, { failure, decision });
}

/** The server refused the message, or it did not get that far. Nothing of it was taken. Resolves with what stood in the way. */
export async function settleFailed(
  context: Context,
  attempt: Attempt,
  error: unknown,
  recipients: readonly RecipientResult[] = [],
): Promise<DiagnosisClass> {
  const events: WorkerEvent[] = [];
  const failure = readFailure(error);
  await context.transact(events, async (trx, db) => {
    const work = { attempt, trx, db, events };
    const { mail } = attempt;
    if (!(await isWritten(trx, attempt))) return;
    await context.engine.complete(attempt.claim, db);
    const mailbox = await lockMailbox(trx, mail.mailbox_id);
    const row = await lockMail(trx, attempt);
    await refundUnsent(trx, attempt, row);
    await endAttempt(work, failure.reply === undefined ? 'failed' : 'refused', failure);
    const final = recipients.filter(({ reply }) => reply.code >= 500);
    await settleRecipients(trx, attempt, final, 'refused');
    const deferred = recipients.filter(({ reply }) => reply.code < 500);
    await settleRecipients(trx, attempt, deferred, 'pending');
    if (final.length > 0) events.push(refusedEvent(attempt, final));
    if (row === undefined || !isOurs(row, attempt)) return;
    const decision = context.retryPolicy(failure, stateOf(context, row, restsBefore(mailbox)));
    // Refused ones are done with; for the others it is not over yet.
    const left = await hasRecipients(trx, mail.id, 'pending');
    if (final.length > 0 && left && decision.mail.kind === 'give-up') {
      await queueAgain(row, { at: context.now(), state: 'scheduled', engine: context.engine, trx, db });
    } else {
      const given = left ? decision : { ...decision, mail: { kind: 'give-up' as const } };
      await settleDecision(context, work, row, { failure, decision: given });
    }
  });
  return failure.class;
}

async function settleDecision(
  context: Context,
  { attempt, trx, db, events }: Work,
  row: Held,
  { failure, decision }: { readonly failure: ReadFailure; readonly decision: RetryDecision },
): Promise<void> {
  const error = eventError(failure);
  const facts = mailFacts(attempt.mail);
  const now = context.now();
  await trx
    .updateTable('mail')
    .set({ last_code: error.code, last_class: error.class, last_error: error.message })
    .where('id', '=', row.id)
    .execute();
  if (decision.mailbox !== undefined) {
    const { until, slower } = decision.mailbox;
    const block = { wait: Math.max(0, until - now), class: failure.class, reason: failure.message, slower };
    await blockMailbox(trx, row.mailbox_id, block);
    events.push({ type: 'mailbox.blocked', mailbox: row.mailbox_id, until, alert: decision.alert, error });
  }
  if (decision.mail.kind === 'give-up') {
    const accepted = await hasRecipients(trx, row.id, 'accepted');
    const left = await hasRecipients(trx, row.id, 'pending');
    await finishMail(trx, row.id, accepted && !left ? 'accepted' : 'dead');
    if (left || !accepted) events.push({ ...facts, type: 'mail.dead', error });
    return;
  }
  const { at, counts } = decision.mail;
  await queueAgain(row, { at, state: 'deferred', engine: context.engine, trx, db });
  if (counts) {
    await trx
      .updateTable('mail')
      .set({ failures: sql<number>`failures + 1`, failing_since: row.failing_since ?? new Date(now) })
      .where('id', '=', row.id)
      .execute();
  }
  events.push({ ...facts, type: 'mail.deferred', nextAt: at, error });
}

/** The last bytes were out, and the answer was lost. */
export async function settleDoubt(context: Context, attempt: Attempt, error: unknown): Promise<void> {
  const events: WorkerEvent[] = [];
  const failure = readFailure(error);
  const { mail } = attempt;
  if (typeof context.onInDoubt === 'function') {
    // The attempt stays as it is: whoever claims the mail next asks, as after a crash.
    await context.engine.release(attempt.claim);
    return;
  }
  await context.transact(events, async (trx, db) => {
    await context.engine.complete(attempt.claim, db);
    await lockMailbox(trx, mail.mailbox_id);
    const row = await lockMail(trx, attempt);
    await endAttempt({ attempt, trx, db, events }, 'in_doubt', failure);
    if (row === undefined || !isOurs(row, attempt)) return;
    const action = await doubtAction(context, trx, mail.id);
    const { code, class: kind, message } = eventError(failure);
    const lost = { last_code: code, last_class: kind, last_error: message };
    await trx
      .updateTable('mail')
      .set({ ...lost, ...(action === 'resend' && { dup_possible: true, failures: sql<number>`failures + 1` }) })
      .where('id', '=', mail.id)
      .execute();
    if (action === 'hold') await finishMail(trx, mail.id, 'in_doubt');
    else {
      const at = context.now() + Math.min(60_000 * 2 ** row.failures, 3_600_000);
      await queueAgain(row, { at, state: 'deferred', engine: context.engine, trx, db });
    }
    events.push({
      ...mailFacts({ ...mail, dup_possible: action === 'resend' || mail.dup_possible }),
      type: 'mail.in-doubt',
      action,
    });
  });
}

/** Nothing was sent, and nobody is to blame: the mail is as before. */
export async function settleReleased(context: Context, attempt: Attempt): Promise<void> {
  const { mail, claim } = attempt;
  await context.store.transaction(async (trx) => {
    const db = context.store.executor(trx);
    if (!(await isWritten(trx, attempt))) return;
    await context.engine.release(claim, db);
    await lockMailbox(trx, mail.mailbox_id);
    const row = await lockMail(trx, attempt);
    await refundUnsent(trx, attempt, row);
    await endAttempt({ attempt, trx, db, events: [] }, 'released', undefined);
    if (row === undefined || !isOurs(row, attempt)) return;
    const state = row.failures > 0 ? 'deferred' : 'scheduled';
    await trx.updateTable('mail').set({ state }).where('id', '=', mail.id).execute();
  });
}

/** Whether the attempt is in the table. A crash of the server can undo its beginning; what stands there then is another's. */
async function isWritten(trx: Transaction<Tables>, { mail, n, holder }: Attempt): Promise<boolean> {
  const row = await trx
    .selectFrom('mail_attempt')
    .select('n')
    .where('mail_id', '=', mail.id)
    .where('n', '=', n)
    .where('worker', '=', holder)
    .executeTakeFirst();
  return row !== undefined;
}

/** Nothing was taken: nobody is counted, unless that was put right already by who took over. */
async function refundUnsent(trx: Transaction<Tables>, attempt: Attempt, row: Held | undefined): Promise<void> {
  if (row?.phase !== 'start' && row?.phase !== 'dot') return;
  await refundRecipients(trx, attempt.mail.mailbox_id, attempt.hour, attempt.recipients.length);
}

async function lockMail(trx: Transaction<Tables>, { mail, n, holder }: Attempt): Promise<Held | undefined> {
  return trx
    .selectFrom('mail')
    .select(['id', 'mailbox_id', 'turn', 'priority', 'attempts', 'state', 'failures', 'failing_since'])
    .select((row) =>
      row
        .selectFrom('mail_attempt')
        .select('phase')
        .whereRef('mail_id', '=', 'mail.id')
        .where('n', '=', n)
        .where('worker', '=', holder)
        .as('phase'),
    )
    .where('id', '=', mail.id)
    .forUpdate()
    .executeTakeFirst();
}

const isOurs = (row: Held, { n }: Attempt): boolean =>
  row.attempts === n && row.state === 'sending' && row.phase !== null;

async function endAttempt(
  { attempt, trx }: Work,
  outcome: AttemptOutcome,
  what: Partial<ReadFailure> | undefined,
): Promise<void> {
  await trx
    .updateTable('mail_attempt')
    .set({
      phase: 'done',
      outcome,
      ended_at: sql<Date>`clock_timestamp()`,
      error_code: what?.code ?? null,
      error_class: what?.class ?? null,
      reply_code: what?.reply?.code ?? null,
      reply: what?.reply === undefined ? null : printable(what.reply.lines.join(' '), 500),
    })
    .where('mail_id', '=', attempt.mail.id)
    .where('n', '=', attempt.n)
    .where('worker', '=', attempt.holder)
    .execute();
}

function refusedEvent(attempt: Attempt, refused: readonly RecipientResult[]): WorkerEvent {
  return {
    ...mailFacts(attempt.mail),
    type: 'mail.recipients-refused',
    recipients: refused.map(({ address, reply }) => ({
      address,
      code: reply.code,
      reply: printable(reply.lines.join(' '), 500),
    })),
  };
}

const eventError = ({ code, class: kind, message, remedy }: ReadFailure): EventError => ({
  code,
  class: kind,
  message,
  remedy,
});

/** How often it has rested in a row, without the rest that another attempt of the same moment has begun. */
function restsBefore(mailbox: MailboxState | undefined): number {
  if (mailbox === undefined) return 0;
  return mailbox.rests ? Math.max(0, mailbox.blocks - 1) : mailbox.blocks;
}

function stateOf(
  { now, random }: Context,
  row: Held,
  blocks: number,
): { now: number; failures: number; failingSince: number | undefined; blocks: number; random: number } {
  return { now: now(), failures: row.failures, failingSince: row.failing_since?.getTime(), blocks, random: random() };
}
