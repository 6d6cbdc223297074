// The last look before the last bytes. Once this is committed the message may be out, and whoever finds the mail later knows.
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Attempt } from './begin.ts';
import type { Context } from './context.ts';
import { grant } from './mailboxes.ts';
import type { Pace } from './pace.ts';

/** The attempt is not this worker's any more, or the mail is not to be sent: its last bytes stay here. */
export class Fenced extends Error {
  override readonly name = 'Fenced';
}

/** Waits for the message's turn and notes that it may be out. Throws `Fenced` where it must not go. */
export async function markDot(
  context: Context,
  attempt: Attempt,
  { pace, signal }: { readonly pace: Pace | undefined; readonly signal: AbortSignal },
): Promise<void> {
  while (!(await mark(context, attempt, pace))) {
    const wait = await hindrance(context, attempt, pace);
    await sleep(wait, undefined, { signal });
  }
}

/** One statement, committed by itself: the turn, the place, the mail and the attempt. */
async function mark({ store }: Context, { mail, n, slot, holder }: Attempt, pace: Pace | undefined): Promise<boolean> {
  const ready = sql`exists (select from ready)`;
  const turn = pace === undefined ? sql`select` : grant(mail.mailbox_id, 'dot_tat', pace, ready);
  // Looked at twice: before the turn is taken, which nobody gives back, and once the mail is locked.
  const { rows } = await sql`
    with ready as (
      select from mailgrant.mail m
        join mailgrant.mail_attempt a on a.mail_id = m.id and a.n = m.attempts
        join mailgrant.mailbox_slot s on s.mailbox_id = m.mailbox_id
      where m.id = ${mail.id} and m.state = 'sending' and a.n = ${n} and a.worker = ${holder} and a.phase = 'start'
        and s.slot = ${slot} and s.holder = ${holder} and s.until > clock_timestamp()),
    turn as (${turn})
    update mailgrant.mail_attempt set phase = 'dot', dot_at = clock_timestamp()
    where mail_id = ${mail.id} and n = ${n} and worker = ${holder} and phase = 'start' and exists (select from turn)
      and exists (
        select from mailgrant.mailbox_slot
        where mailbox_id = ${mail.mailbox_id} and slot = ${slot} and holder = ${holder} and until > clock_timestamp())
      and mail_id in (
        select id from mailgrant.mail where id = ${mail.id} and attempts = ${n} and state = 'sending' for update)
    returning n`.execute(store.db);
  return rows.length > 0;
}

/** Milliseconds until the message's turn, where that is what it waits for. */
async function hindrance(
  { store }: Context,
  { mail, n, slot, holder }: Attempt,
  pace: Pace | undefined,
): Promise<number> {
  const { rows } = await sql<{ ours: boolean; held: boolean; wait: number }>`
    select
      exists (
        select from mailgrant.mail m join mailgrant.mail_attempt a on a.mail_id = m.id and a.n = m.attempts
        where m.id = ${mail.id} and m.state = 'sending' and a.n = ${n} and a.worker = ${holder} and a.phase = 'start') as ours,
      exists (
        select from mailgrant.mailbox_slot
        where mailbox_id = b.id and slot = ${slot} and holder = ${holder} and until > clock_timestamp()) as held,
      (extract(epoch from b.dot_tat - clock_timestamp()) * 1000)::double precision as wait
    from mailgrant.mailbox b where b.id = ${mail.mailbox_id}`.execute(store.db);
  const [found] = rows;
  if (found?.ours !== true) throw new Fenced('the mail was taken over or cancelled');
  if (!found.held) throw new Fenced('the lease of the connection has ended');
  if (pace === undefined) throw new Fenced('the attempt was ended by somebody else');
  return Math.max(1, Math.ceil(found.wait - pace.tolerance));
}
