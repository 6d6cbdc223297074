// What all workers share of a mailbox: its limits, how fast it goes, whether it rests.
import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely';
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
 * Takes the turn of one message; no row where it is not its time yet. `tat` before it begins, `dot_tat` before its last bytes,
 * which is when the server counts it. A time further ahead than any turn can be is of a clock that was put back, or of a
 * slower pace than today's. Where `condition` does not hold no turn is taken.
 */
export function grant(
  mailbox: string,
  column: 'tat' | 'dot_tat',
  { spacing, tolerance }: Pace,
  condition: RawBuilder<unknown> = sql`true`,
): RawBuilder<{ id: string }> {
  const tat = sql.ref(column);
  const seconds = (milliseconds: number) => sql`make_interval(secs => ${milliseconds / 1000}::double precision)`;
  return sql<{ id: string }>`
    update mailgrant.mailbox set ${tat} = case
        when ${tat} between clock_timestamp() and clock_timestamp() + ${seconds(spacing)} then ${tat}
        else clock_timestamp() end + ${seconds(spacing)}
    where id = ${mailbox} and ${condition} and (${tat} is null or ${tat} - ${seconds(tolerance)} <= clock_timestamp()
      or ${tat} > clock_timestamp() + ${seconds(2 * spacing + tolerance)}) returning id`;
}

/** Takes the turn to begin a message: 0, or the milliseconds after which to ask again. */
export async function takeTurn(db: Kysely<Tables>, mailbox: string, pace: Pace): Promise<number> {
  if ((await grant(mailbox, 'tat', pace).execute(db)).rows.length > 0) return 0;
  const { rows } = await sql<{ wait: number }>`
    select (extract(epoch from tat - clock_timestamp()) * 1000)::double precision as wait
    from mailgrant.mailbox where id = ${mailbox}`.execute(db);
  return Math.max(1, Math.ceil((rows[0]?.wait ?? 0) - pace.tolerance));
}

export interface MailboxState {
  readonly sends: boolean;
  /** It rests already. What was under way when that began says the same once more. */
  readonly rests: boolean;
  readonly blocks: number;
  readonly recipientsPerDay: number | null;
  /** The database's clock, epoch milliseconds. */
  readonly now: number;
}

/** Locks the mailbox's row. Before any row of a mail: all transactions take them in this order. */
export async function lockMailbox(trx: Transaction<Tables>, id: string): Promise<MailboxState | undefined> {
  const row = await trx
    .selectFrom('mailbox')
    .select(['blocks', 'recipients_per_day'])
    .select(sql<Date>`clock_timestamp()`.as('now'))
    .select(
      sql<boolean>`paused_at is null and (blocked_until is null or blocked_until <= clock_timestamp())`.as('sends'),
    )
    .select(sql<boolean>`coalesce(blocked_until > clock_timestamp(), false)`.as('rests'))
    .where('id', '=', id)
    .forNoKeyUpdate()
    .executeTakeFirst();
  return (
    row && {
      sends: row.sends,
      rests: row.rests,
      blocks: row.blocks,
      recipientsPerDay: row.recipients_per_day,
      now: row.now.getTime(),
    }
  );
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
      ...(block.class !== 'quota' && {
        blocks: sql<number>`case when blocked_until > clock_timestamp() then blocks else blocks + 1 end`,
      }),
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
