export { MailModule } from './mail-module.ts';
export { MailService } from './mail-service.ts';
export { MailRegistry } from './mail-registry.ts';
export { getMailerToken, InjectMailer } from './tokens.ts';
export { BeforeMailSend, type MailListenerOptions, OnMailEvent } from './mail-listeners.ts';
export type { BeforeSend, MailEventName, MailListener } from './mail-events.ts';
export { MailExceptionFilter } from './mail-exception-filter.ts';
export type {
  MailModuleAsyncOptions,
  MailModuleExtras,
  MailModuleOptions,
  MailOptionsFactory,
  MailTenantsAsyncOptions,
  MailTenantsOptions,
  MailTenantsOptionsFactory,
} from './options.ts';
export {
  defineMail,
  html,
  httpProblem,
  mailOptionsFromEnv,
  mailOptionsSchema,
  textOf,
  type Mail,
  type MailAccount,
  type MailClient,
  type MailClientHealth,
  type MailClientOptions,
  type MailEvents,
  type MailSendOptions,
  type SentMail,
} from '@mailgrant/mail';
export { isTransient, MailError, mayHaveBeenSent } from '@mailgrant/core';
