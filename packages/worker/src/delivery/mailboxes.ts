// What all workers share of a mailbox: its limits, how fast it goes, whether it rests.
import { type Kysely, sql, type Transaction } from 'kysely';
import type { Tables } from '../schema/tables.ts';
import type { Pace } from './pace.ts';

export interface MailboxLimits {
  readonly ratePerMinute: number | null;
  readonly connections: number;
  readonly recipientsPerDay: number | null;
}

/** Makes the rows of a mailbox, or brings its limits up to date: the worker that started last decides. */
export async function registerMailbox(db: Kysely<Tables>, id: string, limits: MailboxLimits): Promise<void> {
  const values = {
    rate_per_minute: limits.ratePerMinute,
    connections: limits.connections,
    recipients_per_day: limits.recipientsPerDay,
  };
  await db
    .insertInto('mailbox')
    .values({ id, ...values })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(values))
    .execute();
  await db
    .insertInto('mailbox_slot')
    .values(Array.from({ length: limits.connections }, (_, slot) => ({ mailbox_id: id, slot })))
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/**
 * The turn of one message: milliseconds to wait before asking again, 0: it may go. `tat` before it begins, `dot_tat` before its
 * last bytes, which is when the server counts it.
 */
export async function takeTurn(
  db: Kysely<Tables>,
  mailbox: string,
  column: 'tat' | 'dot_tat',
  { spacing, tolerance }: Pace,
): Promise<number> {
  const tat = sql.ref(column);
  const now = sql<Date>`clock_timestamp()`;
  const early = sql`make_interval(secs => ${tolerance / 1000}::double precision)`;
  const granted = await db
    .updateTable('mailbox')
    .set({ [column]: sql<Date>`greatest(${tat}, ${now}) + make_interval(secs => ${spacing / 1000}::double precision)` })
    .where('id', '=', mailbox)
    .where((row) => row.or([row(column, 'is', null), sql<boolean>`${tat} - ${early} <= ${now}`]))
    .returning('id')
    .executeTakeFirst();
  if (granted !== undefined) return 0;
  const { rows } = await sql<{ wait: number }>`
    select (extract(epoch from ${tat} - ${early} - ${now}) * 1000)::double precision as wait
    from mailgrant.mailbox where id = ${mailbox}`.execute(db);
  return Math.max(1, Math.ceil(rows[0]?.wait ?? 1));
}

export interface MailboxState {
  readonly sends: boolean;
  readonly blocks: number;
  readonly recipientsPerDay: number | null;
}

/** Locks the mailbox's row. Before any row of a mail: all transactions take them in this order. */
export async function lockMailbox(trx: Transaction<Tables>, id: string): Promise<MailboxState | undefined> {
  const row = await trx
    .selectFrom('mailbox')
    .select(['blocks', 'recipients_per_day'])
    .select(
      sql<boolean>`paused_at is null and (blocked_until is null or blocked_until <= clock_timestamp())`.as('sends'),
    )
    .where('id', '=', id)
    .forNoKeyUpdate()
    .executeTakeFirst();
  return row && { sends: row.sends, blocks: row.blocks, recipientsPerDay: row.recipients_per_day };
}

/** A mailbox rests until then; a rest that is longer already stays. */
export async function blockMailbox(
  trx: Transaction<Tables>,
  id: string,
  block: { readonly wait: number; readonly class: string; readonly reason: string; readonly slower: boolean },
): Promise<void> {
  const until = sql<Date>`clock_timestamp() + make_interval(secs => ${block.wait / 1000}::double precision)`;
  await trx
    .updateTable('mailbox')
    .set({
      blocked_until: sql<Date>`greatest(blocked_until, ${until})`,
      block_class: block.class,
      block_reason: block.reason,
      ...(block.class !== 'quota' && { blocks: sql<number>`blocks + 1` }),
      ...(block.slower && { slow_until: sql<Date>`${until} + interval '10 minutes'` }),
    })
    .where('id', '=', id)
    .execute();
}

/** The server took a message: whatever made the mailbox rest is over. Returns whether it had rested. */
export async function unblockMailbox(trx: Transaction<Tables>, id: string): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('mailbox')
    .set({ blocks: 0, blocked_until: null, block_class: null, block_reason: null })
    .where('id', '=', id)
    .where('blocks', '>', 0)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}
