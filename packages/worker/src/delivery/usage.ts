// Recipients of the last 24 hours, counted by the hour; an hour counts until all of it is over.
import { sql, type Transaction } from 'kysely';
import type { Tables } from '../schema/tables.ts';

/** Reserved for an attempt, or the milliseconds after which there will be room. */
export type Reservation = { readonly hour: Date } | { readonly wait: number };

const HOUR = 3_600_000;
const KEPT = 25 * HOUR;

/** Reserves room for recipients. The mailbox's row is locked. */
export async function reserveRecipients(
  trx: Transaction<Tables>,
  mailbox: string,
  count: number,
  limit: number | null,
): Promise<Reservation> {
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(trx);
  const now = rows[0]?.now ?? new Date();
  if (limit !== null) {
    const used = await trx
      .selectFrom('mailbox_usage')
      .select(['hour', 'recipients'])
      .where('mailbox_id', '=', mailbox)
      .where('hour', '>', new Date(now.getTime() - KEPT))
      .orderBy('hour')
      .execute();
    const room = roomAfter(
      used.map(({ hour, recipients }) => ({ hour: hour.getTime(), recipients })),
      { count, limit, now: now.getTime() },
    );
    if (room > 0) return { wait: room };
  }
  const hour = new Date(Math.floor(now.getTime() / HOUR) * HOUR);
  await trx
    .insertInto('mailbox_usage')
    .values({ mailbox_id: mailbox, hour, recipients: count })
    .onConflict((conflict) =>
      conflict
        .columns(['mailbox_id', 'hour'])
        .doUpdateSet({ recipients: sql<number>`mailbox_usage.recipients + ${count}` }),
    )
    .execute();
  return { hour };
}

/** Milliseconds until `count` more recipients fit; 0: now. Pure. */
export function roomAfter(
  used: readonly { readonly hour: number; readonly recipients: number }[],
  { count, limit, now }: { readonly count: number; readonly limit: number; readonly now: number },
): number {
  let sum = used.reduce((total, { recipients }) => total + recipients, 0);
  let wait = 0;
  for (const { hour, recipients } of used) {
    if (sum + count <= limit) break;
    sum -= recipients;
    wait = hour + KEPT - now;
  }
  return Math.max(0, wait);
}

/** Gives back what was reserved and not used. */
export async function refundRecipients(
  trx: Transaction<Tables>,
  mailbox: string,
  hour: Date,
  count: number,
): Promise<void> {
  if (count <= 0) return;
  await trx
    .updateTable('mailbox_usage')
    .set({ recipients: sql<number>`greatest(0, recipients - ${count})` })
    .where('mailbox_id', '=', mailbox)
    .where('hour', '=', hour)
    .execute();
}
