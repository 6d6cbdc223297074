// Who may have a connection: each of a mailbox's places is leased to one lane of one worker.
import { type Kysely, sql } from 'kysely';
import type { Tables } from '../schema/tables.ts';

/** Milliseconds a place is kept for a lane that gives no sign of life. */
const LEASE = 10_000;

const lease = sql<Date>`clock_timestamp() + ${sql.lit(`${LEASE} milliseconds`)}::interval`;

/**
 * Leases a free place, unless the mailbox is paused or rests. After a rest there is but one, until a message was taken;
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
        and s.slot < case
          when m.blocks > 0 then 1
          when m.slow_until > clock_timestamp() then greatest(1, m.connections - 1)
          else m.connections end
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
