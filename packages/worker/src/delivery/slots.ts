// Who may have a connection: each of a mailbox's places is leased to one lane of one worker.
import { type Kysely, sql } from 'kysely';
import type { Tables } from '../schema/tables.ts';

/** Milliseconds a place is kept for a lane that gives no sign of life. */
const LEASE = 10_000;

const lease = sql<Date>`clock_timestamp() + ${sql.lit(`${LEASE} milliseconds`)}::interval`;

/** What the lane in place `o` has begun and not ended. */
const atMessage = sql`
  select from mailgrant.mail t join mailgrant.mail_attempt a on a.mail_id = t.id and a.n = t.attempts
  where t.mailbox_id = o.mailbox_id and t.state = 'sending' and a.worker = o.holder and a.phase <> 'done'`;

/**
 * Leases a free place, unless the mailbox is paused or rests. After a rest there is but one, until a message was taken,
 * besides those where a message from before the rest still waits for its answer, which may take half an hour;
 * after the server asked for less there is one fewer. `except`: where this process has a connection, whatever the lease says.
 */
export async function takeSlot(
  db: Kysely<Tables>,
  mailbox: string,
  holder: string,
  except: readonly number[] = [],
): Promise<number | undefined> {
  const { rows } = await sql<{ slot: number }>`
    with free as (
      select s.mailbox_id, s.slot from mailgrant.mailbox_slot s join mailgrant.mailbox m on m.id = s.mailbox_id
      where s.mailbox_id = ${mailbox} and (s.until is null or s.until < clock_timestamp())
        and s.slot <> all(${except}::integer[]) and m.paused_at is null and (m.blocked_until is null or m.blocked_until <= clock_timestamp())
        and s.slot < case when m.slow_until > clock_timestamp() then greatest(1, m.connections - 1) else m.connections end
        and (m.blocks = 0 or not exists (
          select from mailgrant.mailbox_slot o
          where o.mailbox_id = m.id and o.until > clock_timestamp() and not exists (${atMessage} and a.started_at < m.blocked_until)))
      order by s.slot limit 1
      for update of s skip locked)
    update mailgrant.mailbox_slot s set holder = ${holder}, until = ${lease}
    from free where s.mailbox_id = free.mailbox_id and s.slot = free.slot
    returning s.slot`.execute(db);
  return rows[0]?.slot;
}

/** Keeps the places of these lanes; returns which of them still have theirs. */
export async function renewSlots(db: Kysely<Tables>, holders: readonly string[]): Promise<ReadonlySet<string | null>> {
  const rows = await db
    .updateTable('mailbox_slot')
    .set({ until: lease })
    .where('holder', '=', sql<string>`any(${holders}::text[])`)
    .where('until', '>', sql<Date>`clock_timestamp()`)
    .returning('holder')
    .execute();
  return new Set(rows.map(({ holder }) => holder));
}

/** Whether after a rest a lane in another place is finding out if the mailbox works again. */
export async function isProbed(db: Kysely<Tables>, mailbox: string, slot: number): Promise<boolean> {
  const { rows } = await sql`
    select from mailgrant.mailbox_slot o join mailgrant.mailbox m on m.id = o.mailbox_id
    where m.id = ${mailbox} and o.slot <> ${slot} and o.until > clock_timestamp()
      and exists (${atMessage} and a.started_at >= m.blocked_until)`.execute(db);
  return rows.length > 0;
}

/** Gives a place back: the connection is closed. */
export async function releaseSlot(db: Kysely<Tables>, mailbox: string, slot: number, holder: string): Promise<void> {
  await db
    .updateTable('mailbox_slot')
    .set({ holder: null, until: null })
    .where('mailbox_id', '=', mailbox)
    .where('slot', '=', slot)
    .where('holder', '=', holder)
    .execute();
}

/** Frees all places. For a store that belongs to this process alone. */
export async function clearSlots(db: Kysely<Tables>): Promise<void> {
  await db.updateTable('mailbox_slot').set({ holder: null, until: null }).execute();
}
