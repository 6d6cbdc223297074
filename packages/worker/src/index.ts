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
export type { Retention, RetentionOptions } from './delivery/housekeeping.ts';
export {
  retryPolicy,
  type Failure,
  type RetryDecision,
  type RetryPolicy,
  type RetryState,
} from './delivery/retry-policy.ts';
export type { WebhookOptions } from './delivery/webhook.ts';
export { mailboxOf } from './account-mailbox.ts';
export {
  type AnySchedule,
  defineSchedule,
  type Occurrence,
  type OverlapPolicy,
  type Recipients,
  type Rendered,
  type ScheduleDefinition,
  type ScheduleTimes,
} from './schedule/definition.ts';
export type { MissedPolicy } from './schedule/missed.ts';
export { previewSchedule } from './schedule/preview.ts';
export type { RunSummary, ScheduleSummary } from './schedule/schedule-list.ts';
export type { ScheduleEvent } from './schedule/scheduler.ts';
export { connectOutbox } from './process/control-client.ts';
export { lateOutbox } from './process/late-outbox.ts';
export { hostOutbox, type HostedOutbox, type HostedWorkerOptions, type HostOptions } from './process/host.ts';
export { defineConfig, type WorkerConfig } from './process/config.ts';
export type { HttpOptions } from './process/http.ts';
export type { LogOptions } from './process/logger.ts';
export { ProcessError, type ProcessErrorCode } from './process/process-error.ts';
export { openStore } from './store/open-store.ts';
export type {
  EmbeddedStoreOptions,
  PostgresPoolLike,
  PostgresStoreOptions,
  Store,
  StoreOptions,
} from './store/store.ts';
export { StoreError, type StoreErrorCode } from './store/store-error.ts';
export { exportStore, type ExportLine } from './transfer/export.ts';
export { importStore, type Imported } from './transfer/import.ts';
