// What happened to mails and mailboxes, told to a callback and, signed, to a webhook. No addresses but where they are the news.
import { randomUUID } from 'node:crypto';
import type { Transaction } from 'kysely';
import type { Tables } from '../schema/tables.ts';

/** What happened. */
export type WorkerEvent =
  /** The server took it for all recipients who are left, or for `recipients` of them where it has more to come. */
  | (MailFacts & { readonly type: 'mail.accepted'; readonly recipients: number; readonly queueId: string | undefined })
  /** It is tried again at `nextAt`, epoch milliseconds. */
  | (MailFacts & { readonly type: 'mail.deferred'; readonly nextAt: number; readonly error: EventError })
  /** These recipients were refused for good. */
  | (MailFacts & { readonly type: 'mail.recipients-refused'; readonly recipients: readonly RefusedRecipient[] })
  /** It will not be tried again by itself. */
  | (MailFacts & { readonly type: 'mail.dead'; readonly error: EventError })
  | (MailFacts & { readonly type: 'mail.expired' | 'mail.suppressed' })
  /** Its last bytes were out when the answer was lost. `resend`: it is sent again; `hold`: it waits for a decision. */
  | (MailFacts & { readonly type: 'mail.in-doubt'; readonly action: 'resend' | 'hold' })
  /** Nothing goes out before `until`, epoch milliseconds. `alert`: a person has to do something. */
  | {
      readonly type: 'mailbox.blocked';
      readonly mailbox: string;
      readonly until: number;
      readonly alert: boolean;
      readonly error: EventError;
    }
  | { readonly type: 'mailbox.recovered'; readonly mailbox: string };

export interface MailFacts {
  readonly mailId: string;
  readonly mailbox: string;
  readonly messageId: string | undefined;
  readonly tag: string | undefined;
  readonly idempotencyKey: string | undefined;
  /** A repeat of it may have been delivered. */
  readonly duplicatePossible: boolean;
  /** When it was to be sent, epoch milliseconds. */
  readonly sendAt: number;
}

export interface EventError {
  readonly code: string;
  readonly class: string;
  /** What happened, and what to do: for people. */
  readonly message: string;
  readonly remedy: string;
}

export interface RefusedRecipient {
  readonly address: string;
  readonly code: number;
  readonly reply: string;
}

/** An event as it is told: with a name of its own and the time. */
export type ToldEvent = WorkerEvent & { readonly id: string; readonly at: number };

export interface EventSink {
  /** Inside the transaction that makes it true: kept for the webhook, where there is one. */
  keep(trx: Transaction<Tables>, events: readonly ToldEvent[]): Promise<void>;
  /** After the commit. */
  tell(events: readonly ToldEvent[]): void;
}

export const toldEvent = (event: WorkerEvent, now: number): ToldEvent => ({ ...event, id: randomUUID(), at: now });

export interface EventSinkOptions {
  readonly onEvent: ((event: ToldEvent) => void) | undefined;
  /** There is a webhook. */
  readonly kept: boolean;
  readonly onProblem: (error: unknown) => void;
}

export function createEventSink({ onEvent, kept, onProblem }: EventSinkOptions): EventSink {
  return {
    async keep(trx, events) {
      if (!kept || events.length === 0) return;
      await trx
        .insertInto('event')
        .values(
          events.map(({ id, type, at, ...data }) => ({
            id,
            type,
            at: new Date(at),
            next_at: new Date(at),
            data: JSON.stringify(data),
          })),
        )
        .execute();
    },
    tell(events) {
      for (const event of events) {
        // A listener's mistake must not look like a failed send.
        try {
          const result: unknown = onEvent?.(event);
          if (result instanceof Promise) result.catch(onProblem);
        } catch (error) {
          onProblem(error);
        }
      }
    },
  };
}
