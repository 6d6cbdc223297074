// Mail that is sent by a worker, from a Nest application. Needs the package `@mailgrant/worker`.
export { MailWorkerModule } from './mail-worker-module.ts';
export type { MailWorkerModuleAsyncOptions, MailWorkerModuleOptions } from './mail-worker-module.ts';
export { getOutboxToken, InjectOutbox } from './outbox-token.ts';
export { ScheduledMail, type ScheduledMailOptions } from './scheduled-mail.ts';
export { mailboxOf, type Outbox } from '@mailgrant/worker';
