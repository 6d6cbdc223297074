// What every part of delivery works with.
import type { Transaction } from 'kysely';
import type { Engine } from '../engine.ts';
import { finish } from '../outbox/changes.ts';
import type { Seal } from '../outbox/seal.ts';
import type { MailRow, RecipientState, Tables } from '../schema/tables.ts';
import type { SqlExecutor, Store } from '../store/store.ts';
import type { InDoubtAnswer } from './begin.ts';
import { type EventSink, type MailFacts, toldEvent, type WorkerEvent } from './events.ts';
import type { RetryPolicy } from './retry-policy.ts';

/** A mail whose last bytes were out when the answer was lost. */
export interface InDoubtMail extends MailFacts {
  readonly recipients: readonly string[];
  /** When the attempt began to end, epoch milliseconds. */
  readonly at: number;
}

/**
 * What to do about a mail that may have been sent. `resend`: send it again, flagged, but hold it when that ends in doubt for
 * the third time; `hold`: leave it to a person. A function
 * looks whether it was sent, say in the mailbox's Sent Items; `unknown` holds it.
 */
export type InDoubtPolicy = 'resend' | 'hold' | ((mail: InDoubtMail) => InDoubtAnswer | Promise<InDoubtAnswer>);

/** Attempts in doubt after which a mail is held whatever the policy: a server that always falls silent would get it for ever. */
const MOST_DOUBTS = 3;

export interface Context {
  readonly store: Store;
  readonly engine: Engine;
  /** Names this worker in tables: host, process and a random part. */
  readonly worker: string;
  readonly retryPolicy: RetryPolicy;
  readonly onInDoubt: InDoubtPolicy;
  readonly seal: Seal | undefined;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly random: () => number;
  readonly onProblem: (error: unknown) => void;
  /** Runs a transaction; what it pushes to `events` is told after the commit. */
  transact<T>(events: WorkerEvent[], run: (trx: Transaction<Tables>, db: SqlExecutor) => Promise<T>): Promise<T>;
}

export function transacting(store: Store, sink: EventSink, now: () => number): Context['transact'] {
  return async (events, run) => {
    const { result, told } = await store.transaction(async (trx) => {
      // It may be tried again after a failure: what was pushed then never came true.
      events.length = 0;
      const result = await run(trx, store.executor(trx));
      const told = events.map((event) => toldEvent(event, now()));
      await sink.keep(trx, told);
      return { result, told };
    });
    sink.tell(told);
    return result;
  };
}

export const finishMail: typeof finish = finish;

/** Whether some recipient of the mail is in this state. */
export async function hasRecipients(trx: Transaction<Tables>, mailId: string, state: RecipientState): Promise<boolean> {
  const found = await trx
    .selectFrom('mail_recipient')
    .select('position')
    .where('mail_id', '=', mailId)
    .where('state', '=', state)
    .limit(1)
    .executeTakeFirst();
  return found !== undefined;
}

/** What is done about an attempt that ended in doubt and is marked so already, where no function is asked. */
export async function doubtAction(
  { onInDoubt }: Context,
  trx: Transaction<Tables>,
  mailId: string,
): Promise<'resend' | 'hold'> {
  if (onInDoubt !== 'resend') return 'hold';
  const doubts = await trx
    .selectFrom('mail_attempt')
    .select('n')
    .where('mail_id', '=', mailId)
    .where('outcome', '=', 'in_doubt')
    .limit(MOST_DOUBTS)
    .execute();
  return doubts.length < MOST_DOUBTS ? 'resend' : 'hold';
}

export function mailFacts(
  mail: Pick<MailRow, 'id' | 'mailbox_id' | 'message_id' | 'tag' | 'idempotency_key' | 'dup_possible' | 'due_at'>,
): MailFacts {
  return {
    mailId: mail.id,
    mailbox: mail.mailbox_id,
    messageId: mail.message_id ?? undefined,
    tag: mail.tag ?? undefined,
    idempotencyKey: mail.idempotency_key ?? undefined,
    duplicatePossible: mail.dup_possible,
    sendAt: mail.due_at.getTime(),
  };
}
