// An attempt begins: one transaction that knows everything about the mail and its mailbox, and decides whether to send.
import { type Selectable, sql, type Transaction } from 'kysely';
import { settleAsSent } from '../outbox/changes.ts';
import { queueOf, readMailJob } from '../outbox/mail-job.ts';
import { suppressionKeys } from '../outbox/suppression.ts';
import type { Claim } from '../engine.ts';
import type { MailRecipientTable, MailTable, Tables } from '../schema/tables.ts';
import type { SqlExecutor } from '../store/store.ts';
import { type Context, doubtAction, finishMail, hasRecipients, mailFacts } from './context.ts';
import type { WorkerEvent } from './events.ts';
import { blockMailbox, lockMailbox, takeTurn } from './mailboxes.ts';
import type { Pace } from './pace.ts';
import { isProbed } from './slots.ts';
import { hourOf, refundRecipients, waitForRoom } from './usage.ts';

export type MailInHand = Selectable<MailTable>;

/** An attempt that is to be made. */
export interface Attempt {
  readonly claim: Claim;
  readonly slot: number;
  /** The lane that makes it. Its number is not enough: a beginning that a crash of the server undoes is another's then. */
  readonly holder: string;
  readonly mail: MailInHand;
  readonly n: number;
  /** Those this attempt is for; `more`: there are others for later ones. */
  readonly recipients: readonly Selectable<MailRecipientTable>[];
  readonly more: boolean;
  /** Where its recipients are counted. */
  readonly hour: Date;
  /** The mailbox has rested, and this attempt finds out whether it works again. */
  readonly probe: boolean;
}

/** What to do about an attempt of before that ended in doubt. */
export type InDoubtAnswer = 'sent' | 'not-sent' | 'unknown';

export type Beginning =
  | { readonly kind: 'send'; readonly attempt: Attempt }
  /** Nothing is due. */
  | { readonly kind: 'none' }
  /** It is not the mailbox's turn before so many milliseconds. */
  | { readonly kind: 'wait'; readonly wait: number }
  /** The mailbox does not send at present. */
  | { readonly kind: 'held' }
  /** What was due is not to be sent. */
  | { readonly kind: 'over' }
  /** Ask whether it was sent, and begin again with the answer. */
  | { readonly kind: 'ask'; readonly claim: Claim; readonly mail: MailInHand; readonly n: number };

export interface BeginOptions {
  readonly mailbox: string;
  readonly slot: number;
  readonly holder: string;
  readonly pace: Pace | undefined;
  readonly recipientsPerMessage: number;
}

/** What was found out about an attempt in doubt, with the claim that was kept meanwhile. */
export interface Asked {
  readonly claim: Claim;
  readonly n: number;
  readonly says: InDoubtAnswer;
}

/** The transaction is undone, and with it the claim: as if nobody had looked. */
class Undone extends Error {
  readonly beginning: Beginning;

  constructor(beginning: Beginning) {
    super('undone');
    this.beginning = beginning;
  }
}

/** Claims what is due, and decides about it, in one transaction. */
export async function begin(context: Context, options: BeginOptions, asked?: Asked): Promise<Beginning> {
  const events: WorkerEvent[] = [];
  try {
    return await context.transact(events, async (trx, db) => {
      // Nothing of this is needed after a power failure: the mark before the last bytes is flushed, and all of this with it.
      await sql`set local synchronous_commit to off`.execute(trx);
      // An answer counts for as long as its claim: after that others may be at the mail.
      if (asked !== undefined && (await context.engine.touch([asked.claim], db)).length > 0) return { kind: 'over' };
      const claim = asked?.claim ?? (await context.engine.claim(queueOf(options.mailbox), 1, db))[0];
      if (claim === undefined) return { kind: 'none' };
      return decide(context, { claim, options, asked, trx, db, events });
    });
  } catch (error) {
    if (error instanceof Undone) return error.beginning;
    throw error;
  }
}

interface Work {
  readonly claim: Claim;
  readonly options: BeginOptions;
  readonly asked: Asked | undefined;
  readonly trx: Transaction<Tables>;
  readonly db: SqlExecutor;
  readonly events: WorkerEvent[];
}

async function decide(context: Context, work: Work): Promise<Beginning> {
  const { claim, options, trx, db, events } = work;
  const { engine } = context;
  const mailbox = await lockMailbox(trx, options.mailbox);
  const probed = mailbox !== undefined && mailbox.blocks > 0 && (await isProbed(trx, options.mailbox, options.slot));
  if (mailbox === undefined || !mailbox.sends || probed) {
    if (work.asked === undefined) throw new Undone({ kind: 'held' });
    await engine.release(claim, db);
    return { kind: 'held' };
  }
  const job = readMailJob(claim.data);
  const mail =
    job && (await trx.selectFrom('mail').selectAll().where('id', '=', job.mail).forUpdate().executeTakeFirst());
  const over = async (): Promise<Beginning> => {
    await engine.complete(claim, db);
    return { kind: 'over' };
  };
  if (mail === undefined || mail.turn !== job?.turn) return over();
  if (!['scheduled', 'deferred', 'sending'].includes(mail.state)) return over();

  const before = await settleBefore(context, work, mail);
  if (before === 'ask') return { kind: 'ask', claim, mail, n: mail.attempts };
  if (before === 'over') return over();
  const doubted = before === 'doubted' || mail.dup_possible;

  if (mail.expires_at !== null && mail.expires_at.getTime() <= mailbox.now) {
    await finishMail(trx, mail.id, 'expired');
    events.push({ ...mailFacts(mail), type: 'mail.expired' });
    return over();
  }
  const pending = await unsuppressed(trx, mail.id);
  if (pending.length === 0) {
    const state = (await hasRecipients(trx, mail.id, 'accepted')) ? 'accepted' : 'suppressed';
    await finishMail(trx, mail.id, state);
    if (state === 'suppressed') events.push({ ...mailFacts(mail), type: 'mail.suppressed' });
    return over();
  }
  const most = Math.min(options.recipientsPerMessage, mailbox.recipientsPerDay ?? Infinity);
  const recipients = pending.slice(0, most);
  const limit = mailbox.recipientsPerDay;
  const room = { count: recipients.length, now: mailbox.now };
  const wait = limit === null ? 0 : await waitForRoom(trx, options.mailbox, { ...room, limit });
  if (wait > 0) {
    const reason = `${recipients.length} more recipients would exceed the ${limit} of 24 hours`;
    await blockMailbox(trx, options.mailbox, { wait, class: 'quota', reason, slower: false });
    const remedy = 'Wait, or use another mailbox.';
    const error = { code: 'ERR_MAILER_DAILY_LIMIT', class: 'quota', message: reason, remedy };
    const until = context.now() + wait;
    events.push({ type: 'mailbox.blocked', mailbox: options.mailbox, until, alert: false, error });
    await putBack(trx, mail, doubted);
    await engine.release(claim, db);
    return { kind: 'held' };
  }
  if (options.pace !== undefined) {
    const wait = await takeTurn(trx, options.mailbox, options.pace);
    if (wait > 0) throw new Undone({ kind: 'wait', wait });
  }
  const n = mail.attempts + 1;
  const hour = hourOf(mailbox.now);
  // One statement, because each is a round trip for every mail.
  await sql`
    with counted as (
      insert into mailgrant.mailbox_usage as u (mailbox_id, hour, recipients)
      values (${options.mailbox}, ${hour}, ${recipients.length})
      on conflict (mailbox_id, hour) do update set recipients = u.recipients + excluded.recipients),
    begun as (
      insert into mailgrant.mail_attempt (mail_id, n, worker, recipients, started_at)
      values (${mail.id}, ${n}, ${options.holder}, ${recipients.length}, clock_timestamp()))
    update mailgrant.mail set state = 'sending', attempts = ${n}, dup_possible = ${doubted} where id = ${mail.id}`.execute(
    trx,
  );
  return {
    kind: 'send',
    attempt: {
      claim,
      slot: options.slot,
      holder: options.holder,
      mail: { ...mail, dup_possible: doubted, attempts: n },
      n,
      recipients,
      more: recipients.length < pending.length,
      hour,
      probe: mailbox.blocks > 0,
    },
  };
}

/** The attempt before, where whoever made it did not end it. */
async function settleBefore(
  context: Context,
  { asked, trx, db, events }: Work,
  mail: MailInHand,
): Promise<'clear' | 'doubted' | 'ask' | 'over'> {
  if (mail.attempts === 0) return 'clear';
  const last = await trx
    .selectFrom('mail_attempt')
    .select(['phase', 'recipients', 'started_at'])
    .where('mail_id', '=', mail.id)
    .where('n', '=', mail.attempts)
    .executeTakeFirst();
  if (last === undefined || last.phase === 'done') return 'clear';
  const end = async (outcome: 'released' | 'failed' | 'in_doubt' | 'accepted'): Promise<void> => {
    await trx
      .updateTable('mail_attempt')
      .set({ phase: 'done', outcome, ended_at: sql<Date>`now()` })
      .where('mail_id', '=', mail.id)
      .where('n', '=', mail.attempts)
      .execute();
  };
  if (last.phase === 'start') {
    await end('released');
    await refundRecipients(trx, mail.mailbox_id, hourOf(last.started_at.getTime()), last.recipients);
    return 'clear';
  }
  const { onInDoubt } = context;
  const answer = asked?.n === mail.attempts ? asked.says : undefined;
  if (typeof onInDoubt === 'function' && answer === undefined) return 'ask';
  if (answer === 'sent') {
    await end('accepted');
    const state = await settleAsSent(mail, { engine: context.engine, trx, db, now: context.now() });
    if (state === 'accepted') {
      events.push({ ...mailFacts(mail), type: 'mail.accepted', recipients: 0, queueId: undefined });
    }
    return 'over';
  }
  if (answer === 'not-sent') {
    await end('failed');
    return 'clear';
  }
  await end('in_doubt');
  if ((await doubtAction(context, trx, mail.id)) === 'resend') {
    events.push({ ...mailFacts({ ...mail, dup_possible: true }), type: 'mail.in-doubt', action: 'resend' });
    return 'doubted';
  }
  await finishMail(trx, mail.id, 'in_doubt');
  events.push({ ...mailFacts(mail), type: 'mail.in-doubt', action: 'hold' });
  return 'over';
}

/** As it was before a claim that led to nothing. */
async function putBack(trx: Transaction<Tables>, mail: MailInHand, doubted: boolean): Promise<void> {
  await trx
    .updateTable('mail')
    .set({ state: mail.failures > 0 ? 'deferred' : 'scheduled', dup_possible: doubted })
    .where('id', '=', mail.id)
    .execute();
}

/** Who is still to get it; those on the suppression list are marked. */
async function unsuppressed(
  trx: Transaction<Tables>,
  mailId: string,
): Promise<readonly Selectable<MailRecipientTable>[]> {
  const pending = await trx
    .selectFrom('mail_recipient')
    .selectAll()
    .select(sql<boolean>`exists (select from mailgrant.suppression)`.as('listing'))
    .where('mail_id', '=', mailId)
    .where('state', '=', 'pending')
    .orderBy('position')
    .execute();
  if (pending[0]?.listing !== true) return pending;
  const keys = [...new Set(pending.flatMap(({ address }) => suppressionKeys(address)))];
  const found = await trx
    .selectFrom('suppression')
    .select('key')
    .where('key', '=', sql<string>`any(${keys}::text[])`)
    .where((row) => row.or([row('until', 'is', null), row('until', '>', sql<Date>`now()`)]))
    .execute();
  if (found.length === 0) return pending;
  const listed = new Set(found.map(({ key }) => key));
  const isListed = (address: string): boolean => suppressionKeys(address).some((key) => listed.has(key));
  const positions = pending.filter(({ address }) => isListed(address)).map(({ position }) => position);
  await trx
    .updateTable('mail_recipient')
    .set({ state: 'suppressed' })
    .where('mail_id', '=', mailId)
    .where('position', 'in', positions)
    .execute();
  return pending.filter(({ address }) => !isListed(address));
}
