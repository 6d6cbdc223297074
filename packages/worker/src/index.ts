export type {
  ChangeResult,
  Enqueued,
  InDoubtResolution,
  ListOptions,
  MailboxStats,
  MailDetails,
  MailFilter,
  MailPage,
  MailRef,
  MailSummary,
  Outbox,
  Pausable,
  ScheduledMail,
  ScheduleOptions,
  Suppressed,
} from './outbox/outbox.ts';
export type { UserTransaction } from './outbox/user-transaction.ts';
export type { AttemptOutcome, AttemptPhase, MailState, RecipientState } from './schema/tables.ts';
export { migrate, migrationSql, pendingMigrations } from './schema/migrate.ts';
export {
  createMailWorker,
  type MailWorker,
  type MailWorkerOptions,
  type WorkerHealth,
  type WorkerMailbox,
} from './worker.ts';
export { createOutbox, type OutboxClient, type OutboxOptions } from './outbox/create-outbox.ts';
export type { EncryptionKey } from './outbox/seal.ts';
export type { InDoubtMail, InDoubtPolicy } from './delivery/context.ts';
export type { InDoubtAnswer } from './delivery/begin.ts';
export type { EventError, MailFacts, RefusedRecipient, ToldEvent, WorkerEvent } from './delivery/events.ts';
export type { Retention } from './delivery/housekeeping.ts';
export {
  retryPolicy,
  type Failure,
  type RetryDecision,
  type RetryPolicy,
  type RetryState,
} from './delivery/retry-policy.ts';
export type { WebhookOptions } from './delivery/webhook.ts';
