// What an outbox does, in words. How is in the files beside it.
import type { OutgoingMail, Reply } from '@mailgrant/core';
import type { Mail } from '@mailgrant/nodemailer';
import type { AttemptOutcome, AttemptPhase, MailState, RecipientState } from '../schema/tables.ts';
import type { UserTransaction } from './user-transaction.ts';

/** A mail to be sent once, at a time. */
export interface ScheduledMail {
  /** The name of the mailbox it goes out from, as the worker's `mailboxes` has it. */
  readonly mailbox: string;
  /** What nodemailer would take; or an envelope with a finished message. Frozen now: Message-ID, Date and all. */
  readonly mail: Mail | OutgoingMail;
  /** When: a Date or epoch milliseconds. Default: now. */
  readonly sendAt?: Date | number | undefined;
  /** A mail with this key is made once; the second call returns the first one's id. 1 to 255 characters. */
  readonly idempotencyKey?: string | undefined;
  /** Not sent any more from here on: a Date or epoch milliseconds. */
  readonly expiresAt?: Date | number | undefined;
  /** Higher ones go first among those that are due. -100 to 100. Default 0. */
  readonly priority?: number | undefined;
  /** A word to find mails by. */
  readonly tag?: string | undefined;
  /** Keeps the message encrypted and its subject out of the tables; needs `encryptionKey`. Default `false`. */
  readonly sensitive?: boolean | undefined;
  /** The schedule and the occurrence it comes from. */
  readonly run?: { readonly scheduleId: string; readonly occurrence: number } | undefined;
}

export interface ScheduleOptions {
  /**
   * The transaction the mail becomes a part of: it is sent if that commits, and never was if it does not. A Kysely
   * transaction, a client of `pg`, or whatever has `executeSql(text, values)` (pg-boss has adapters for Drizzle, Knex,
   * Prisma). On the PostgreSQL store only, and on the same database.
   */
  readonly db?: UserTransaction | undefined;
}

export interface Enqueued {
  readonly id: string;
  /** `false`: there was one with this idempotency key already; `id` is its. */
  readonly created: boolean;
}

/** Names one mail. */
export type MailRef = string | { readonly idempotencyKey: string };

/** `too-late`: its last bytes may be out. `not-found`, `finished`: nothing to change. */
export type ChangeResult = 'done' | 'too-late' | 'finished' | 'not-found';

/** Mails to look for; everything given must hold. */
export interface MailFilter {
  readonly mailbox?: string | undefined;
  readonly state?: MailState | readonly MailState[] | undefined;
  readonly tag?: string | undefined;
  readonly scheduleId?: string | undefined;
  /** One of its recipients. */
  readonly recipient?: string | undefined;
  readonly messageId?: string | undefined;
  /** A repeat of it may have been delivered. */
  readonly duplicatePossible?: boolean | undefined;
  /** Created, epoch milliseconds. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

export interface ListOptions extends MailFilter {
  /** 1 to 1000. Default 100. */
  readonly limit?: number | undefined;
  /** The `next` of the page before. */
  readonly after?: string | undefined;
}

/** A mail as a list shows it. Times are epoch milliseconds. */
export interface MailSummary {
  readonly id: string;
  readonly mailbox: string;
  readonly state: MailState;
  readonly subject: string | undefined;
  readonly messageId: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly tag: string | undefined;
  readonly scheduleId: string | undefined;
  readonly occurrence: number | undefined;
  readonly priority: number;
  readonly sendAt: number;
  /** When the next attempt is due. */
  readonly nextAt: number | undefined;
  readonly expiresAt: number | undefined;
  readonly createdAt: number;
  readonly finishedAt: number | undefined;
  readonly failures: number;
  /** A repeat of it may have been delivered. */
  readonly duplicatePossible: boolean;
  readonly size: number;
  /** The server's name for the message. */
  readonly queueId: string | undefined;
  /** What went wrong last. */
  readonly lastError:
    | { readonly code: string | undefined; readonly class: string | undefined; readonly message: string }
    | undefined;
}

export interface MailDetails extends MailSummary {
  readonly recipients: readonly {
    readonly address: string;
    readonly state: RecipientState;
    readonly code: number | undefined;
    readonly reply: string | undefined;
  }[];
  readonly log: readonly {
    readonly n: number;
    readonly worker: string;
    readonly phase: AttemptPhase;
    readonly outcome: AttemptOutcome | undefined;
    readonly startedAt: number;
    readonly endedAt: number | undefined;
    readonly errorCode: string | undefined;
    readonly errorClass: string | undefined;
    readonly replyCode: Reply['code'] | undefined;
    readonly reply: string | undefined;
  }[];
}

export interface MailPage {
  readonly mails: readonly MailSummary[];
  /** For the next page's `after`; `undefined` on the last one. */
  readonly next: string | undefined;
}

export interface MailboxStats {
  readonly mailbox: string;
  readonly counts: Readonly<Record<MailState, number>>;
  /** Milliseconds since the oldest mail that should have been sent was due; 0 where none is late. */
  readonly oldestDue: number;
  readonly paused: boolean;
  /** Nothing is sent before, and why. */
  readonly blocked: { readonly until: number; readonly class: string; readonly reason: string } | undefined;
  /** Connections in use, over all workers. */
  readonly slots: number;
  /** Recipients of the last 24 hours. */
  readonly recipientsToday: number;
}

/** What to do about a mail that may have been sent. */
export type InDoubtResolution = 'sent' | 'resend' | 'drop';

/** Mails that will be sent. Any number of processes may use one. */
export interface Outbox {
  /**
   * Keeps a mail to be sent. When it resolves, the mail is as safe as the store; with `db`, as that transaction.
   *
   * @throws TypeError `ERR_INPUT_…` for a mail that cannot be sent as it is, and for a mailbox no worker knows
   */
  scheduleMail(mail: ScheduledMail, options?: ScheduleOptions): Promise<Enqueued>;
  /** The same for many, in one transaction: all or none. In the order they came. */
  scheduleMails(
    mails: Iterable<ScheduledMail> | AsyncIterable<ScheduledMail>,
    options?: ScheduleOptions,
  ): Promise<readonly Enqueued[]>;
  /** It will not be sent. Works while it is being sent, too, until its last bytes go out. */
  cancel(ref: MailRef): Promise<ChangeResult>;
  /**
   * Another time for a mail that waits.
   *
   * @throws TypeError `ERR_INPUT_OPTION` for a time at which it would have expired
   */
  reschedule(
    ref: MailRef,
    change: { readonly sendAt: Date | number; readonly expiresAt?: Date | number | null | undefined },
  ): Promise<ChangeResult>;
  /** A mail that waits goes out now; limits and pauses still hold. */
  sendNow(ref: MailRef): Promise<ChangeResult>;
  /** A mail that is dead, expired, cancelled or suppressed is sent after all, to those recipients who have not got it. */
  retry(ref: MailRef): Promise<ChangeResult>;
  /** The same for all dead mails that fit, oldest first. Returns how many. */
  replayDead(filter?: MailFilter & { readonly limit?: number | undefined }): Promise<number>;
  /** Decides about a mail held in doubt: it was sent, send it again, or let it be. */
  resolveInDoubt(ref: MailRef, resolution: InDoubtResolution): Promise<ChangeResult>;
  /** Nothing more is sent from this mailbox, or for this schedule, until `resume()`; what is on its way goes on. */
  pause(what: Pausable): Promise<boolean>;
  /** Undoes `pause()`; a mailbox that the server's refusals blocked is tried again now. */
  resume(what: Pausable): Promise<boolean>;
  list(options?: ListOptions): Promise<MailPage>;
  get(ref: MailRef): Promise<MailDetails | undefined>;
  stats(): Promise<readonly MailboxStats[]>;
  /** No mail for this address or domain any more: waiting ones end as `suppressed`. */
  suppress(
    who: Suppressed & { readonly reason?: string | undefined; readonly until?: Date | number | undefined },
  ): Promise<void>;
  unsuppress(who: Suppressed): Promise<boolean>;
}

export type Pausable = { readonly mailbox: string } | { readonly schedule: string };
export type Suppressed = { readonly address: string } | { readonly domain: string };
