// The last look before the last bytes. Once this is committed the message may be out, and whoever finds the mail later knows.
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Attempt } from './begin.ts';
import type { Context } from './context.ts';
import { takeTurn } from './mailboxes.ts';
import type { Pace } from './pace.ts';
import { holdSlot } from './slots.ts';

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
  const { mail, n, slot } = attempt;
  for (;;) {
    const wait = await context.store.transaction(async (trx) => {
      // Granted only together with the mark: what is undone takes nobody's turn.
      const wait = pace === undefined ? 0 : await takeTurn(trx, mail.mailbox_id, 'dot_tat', pace);
      if (wait > 0) return wait;
      const held = await holdSlot(trx, { mailbox: mail.mailbox_id, slot, holder: context.worker });
      if (!held) throw new Fenced('the lease of the connection has ended');
      const { numUpdatedRows } = await trx
        .updateTable('mail_attempt')
        .set({ phase: 'dot', dot_at: sql<Date>`clock_timestamp()` })
        .where('mail_id', '=', mail.id)
        .where('n', '=', n)
        .where('phase', '=', 'start')
        .where('mail_id', 'in', (query) =>
          query
            .selectFrom('mail')
            .select('id')
            .where('id', '=', mail.id)
            .where('attempts', '=', n)
            .where('state', '=', 'sending')
            .forUpdate(),
        )
        .executeTakeFirst();
      if (numUpdatedRows === 0n) throw new Fenced('the mail was taken over or cancelled');
      return 0;
    });
    if (wait === 0) return;
    await sleep(wait, undefined, { signal });
  }
}
