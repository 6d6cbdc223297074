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
export type { MailWorker, MailWorkerOptions, WorkerMailbox } from './worker.ts';
