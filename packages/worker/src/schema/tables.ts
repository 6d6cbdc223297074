// What is in the schema `mailgrant`, as Kysely sees it. The tables are the truth about every mail; a job of the engine only
// says that an attempt is due. docs/decisions/0014-worker-engine.md tells why each table is there.
import type { ColumnType, Generated, Insertable, Selectable } from 'kysely';

/** A moment; written as a Date too, since the default covers only those that are left out. */
type Moment = ColumnType<Date, Date, Date>;
type MaybeMoment = ColumnType<Date | null, Date | null | undefined, Date | null>;
type CreatedAt = ColumnType<Date, Date | undefined, never>;
/** Read as what it holds, written as JSON text: node-postgres would make a PostgreSQL array of an array. */
type Json<T> = ColumnType<T, string, string>;
type MaybeJson<T> = ColumnType<T | null, string | null | undefined, string | null>;
type Maybe<T> = ColumnType<T | null, T | null | undefined, T | null>;

export interface Tables {
  mailbox: MailboxTable;
  mailbox_slot: MailboxSlotTable;
  mailbox_usage: MailboxUsageTable;
  mail: MailTable;
  mail_recipient: MailRecipientTable;
  mail_attempt: MailAttemptTable;
  schedule: ScheduleTable;
  mail_run: MailRunTable;
  suppression: SuppressionTable;
  event: EventTable;
  blob: BlobTable;
  blob_chunk: BlobChunkTable;
}

/** A mailbox that workers send from: what all of them share of its limits. */
interface MailboxTable {
  id: string;
  /** Messages a minute; null: no limit. */
  rate_per_minute: Maybe<number>;
  /** Connections at a time, over all workers. */
  connections: number;
  /** Recipients in 24 hours; null: no limit. */
  recipients_per_day: Maybe<number>;
  /** Since when nothing is sent because somebody said so. */
  paused_at: MaybeMoment;
  /** Nothing is sent before: the server, or the day's limit, said so. */
  blocked_until: MaybeMoment;
  /** Class of the diagnosis that blocks it, or `quota`. */
  block_class: Maybe<string>;
  block_reason: Maybe<string>;
  /** How often in a row it was blocked; until the next success only one connection finds out. */
  blocks: Generated<number>;
  /** Until then one connection fewer: the server asked for less. */
  slow_until: MaybeMoment;
  /** GCRA's theoretical arrival time: from here on the next message may begin. */
  tat: MaybeMoment;
  /** The same for last bytes: what began in time may be held up, and two must not end together. */
  dot_tat: MaybeMoment;
  created_at: CreatedAt;
}

/** A place for one connection of a mailbox, held by a lane of some worker until its lease ends. */
interface MailboxSlotTable {
  mailbox_id: string;
  slot: number;
  holder: Maybe<string>;
  until: MaybeMoment;
}

/** Recipients taken by the server or reserved for an attempt, by hour. */
interface MailboxUsageTable {
  mailbox_id: string;
  hour: Moment;
  recipients: number;
}

/** `scheduled` and `deferred` have a job; `sending` has one that a worker holds; the others have none. */
export type MailState =
  | 'scheduled'
  | 'sending'
  | 'deferred'
  | 'in_doubt'
  | 'accepted'
  | 'dead'
  | 'cancelled'
  | 'suppressed'
  | 'expired';

/** The envelope without its recipients, which are rows of their own. */
export interface StoredEnvelope {
  readonly from: string;
  readonly notify?: 'never' | readonly ('success' | 'failure' | 'delay')[];
  readonly return?: 'full' | 'headers';
  readonly envelopeId?: string;
  readonly requireTls?: boolean;
}

/** A mail, its message frozen when it was enqueued. */
export interface MailTable {
  id: string;
  mailbox_id: string;
  idempotency_key: Maybe<string>;
  /** The schedule and the occurrence that made it. */
  schedule_id: Maybe<string>;
  occurrence: MaybeMoment;
  /** A word of the caller to find mails by. */
  tag: Maybe<string>;
  priority: Generated<number>;
  state: ColumnType<MailState, MailState | undefined, MailState>;
  /** Counts the jobs made for it: a job with another turn is of yesterday. */
  turn: Generated<number>;
  /** Counts the rows of `mail_attempt`; whoever wants to write about attempt n finds n here, or is late. */
  attempts: Generated<number>;
  /** Attempts that failed because of this mail, not of its mailbox: what waiting grows by. */
  failures: Generated<number>;
  /** When it should be sent. */
  due_at: Moment;
  /** What its Date says, where `mime` leaves that line out. */
  dated_at: MaybeMoment;
  /** When the next attempt is due; null where none is. */
  next_at: MaybeMoment;
  expires_at: MaybeMoment;
  message_id: Maybe<string>;
  subject: Maybe<string>;
  envelope: Json<StoredEnvelope>;
  /** The message, where it is small; null in a large one and after retention. */
  mime: Maybe<Uint8Array>;
  /** The SHA-256 of what the blob store keeps for it. */
  mime_blob: Maybe<string>;
  /** Bytes of the message. */
  mime_size: number;
  /** `mime` or the blob is encrypted with the key of this id. */
  sealed_with: Maybe<string>;
  /** A repeat may have been delivered: an attempt ended between the last byte and the server's answer. */
  dup_possible: Generated<boolean>;
  last_code: Maybe<string>;
  last_class: Maybe<string>;
  last_error: Maybe<string>;
  /** The server's name for the message. */
  queue_id: Maybe<string>;
  created_at: CreatedAt;
  /** The first of `failures`. */
  failing_since: MaybeMoment;
  finished_at: MaybeMoment;
}

export type RecipientState = 'pending' | 'accepted' | 'refused' | 'suppressed';

export interface MailRecipientTable {
  mail_id: string;
  position: number;
  address: string;
  /** `notify` and `originalRecipient`, where it has some of its own. */
  wishes: MaybeJson<{ readonly notify?: 'never' | readonly string[]; readonly originalRecipient?: string }>;
  state: ColumnType<RecipientState, RecipientState | undefined, RecipientState>;
  /** What the server said to it last. */
  code: Maybe<number>;
  reply: Maybe<string>;
}

/** `start`: nothing can have arrived. `dot`: the last bytes may be out. `done`: its outcome is known. */
export type AttemptPhase = 'start' | 'dot' | 'done';

export type AttemptOutcome =
  | 'accepted'
  | 'partial'
  | 'refused'
  | 'failed'
  | 'in_doubt'
  /** Given back before anything was sent: a limit, a pause, the end of the process. */
  | 'released';

interface MailAttemptTable {
  mail_id: string;
  n: number;
  worker: string;
  phase: ColumnType<AttemptPhase, AttemptPhase | undefined, AttemptPhase>;
  outcome: Maybe<AttemptOutcome>;
  recipients: number;
  started_at: CreatedAt;
  dot_at: MaybeMoment;
  ended_at: MaybeMoment;
  error_code: Maybe<string>;
  error_class: Maybe<string>;
  reply_code: Maybe<number>;
  reply: Maybe<string>;
}

/** What is remembered of a schedule; its functions are in the configuration. */
interface ScheduleTable {
  id: string;
  mailbox_id: Maybe<string>;
  /** What it says: expression or moment, time zone, policies. To show it, and to see that it changed. */
  definition: Json<Record<string, unknown>>;
  version: Generated<number>;
  /** Occurrences up to here are decided about. */
  cursor: Moment;
  /** The next one, as planned last. */
  next_at: MaybeMoment;
  paused_at: MaybeMoment;
  created_at: CreatedAt;
}

export type RunState = 'running' | 'done' | 'skipped' | 'failed';

/** An occurrence of a schedule: the row is what makes it happen once. */
interface MailRunTable {
  schedule_id: string;
  occurrence: Moment;
  state: RunState;
  /** Counts the jobs made for it: a job with another turn is of yesterday. */
  turn: Generated<number>;
  worker: Maybe<string>;
  mails: Generated<number>;
  error: Maybe<string>;
  started_at: CreatedAt;
  ended_at: MaybeMoment;
}

/** Who gets no mail. `key` is `sha256:…` of an address in lower case, or `domain:…`. */
interface SuppressionTable {
  key: string;
  reason: string;
  until: MaybeMoment;
  created_at: CreatedAt;
}

/** What happened, to be told to a webhook. */
interface EventTable {
  id: string;
  type: string;
  data: Json<Record<string, unknown>>;
  at: CreatedAt;
  /** When to tell it next; null: told, or given up. */
  next_at: MaybeMoment;
  tries: Generated<number>;
  told_at: MaybeMoment;
}

interface BlobTable {
  sha256: string;
  size: number;
  put_at: ColumnType<Date, Date | undefined, Date>;
}

interface BlobChunkTable {
  sha256: string;
  n: number;
  bytes: Uint8Array;
}

export type MailRow = Selectable<MailTable>;
export type NewMailRow = Insertable<MailTable>;
