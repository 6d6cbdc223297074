// Recipients of the last 24 hours, counted by the hour; an hour counts until all of it is over.
import { sql, type Transaction } from 'kysely';
import type { Tables } from '../schema/tables.ts';

const HOUR = 3_600_000;
const KEPT = 25 * HOUR;

/** Milliseconds until there is room for `count` more recipients; 0: now. The mailbox's row is locked. */
export async function waitForRoom(
  trx: Transaction<Tables>,
  mailbox: string,
  { count, limit, now }: { readonly count: number; readonly limit: number; readonly now: number },
): Promise<number> {
  const used = await trx
    .selectFrom('mailbox_usage')
    .select(['hour', 'recipients'])
    .where('mailbox_id', '=', mailbox)
    .where('hour', '>', new Date(now - KEPT))
    .orderBy('hour')
    .execute();
  const hours = used.map(({ hour, recipients }) => ({ hour: hour.getTime(), recipients }));
  return roomAfter(hours, { count, limit, now });
}

/** The hour that recipients of this moment count in. */
export const hourOf = (now: number): Date => new Date(Math.floor(now / HOUR) * HOUR);

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
