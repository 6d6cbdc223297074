// The default export is what `register(import('@mailgrant/fastify'))` takes, 'module.exports' what `require()` gives.
// oxlint-disable-next-line import/no-default-export
export { mail, mail as default, mail as 'module.exports', type MailPlugin } from './plugin.ts';
export type { FastifyMail, MailerName, MailerNames } from './mailers.ts';
export type {
  AccountOptions,
  ClientOptions,
  GivenMailerOptions,
  MailPluginOptions,
  RegistrationOptions,
  SeveralMailersOptions,
} from './options.ts';
export type { RequestMail, RequestMailer } from './request-mail.ts';
export {
  defineMail,
  html,
  httpProblem,
  isMailError,
  mailOptionsFromEnv,
  mailOptionsSchema,
  textOf,
  type DefinedMail,
  type HttpProblem,
  type Mail,
  type MailAccount,
  type MailClient,
  type MailClientHealth,
  type MailClientOptions,
  type MailClients,
  type MailClientsHealth,
  type MailDefinition,
  type MailEvents,
  type MailInput,
  type MailSendOptions,
  type SentMail,
} from '@mailgrant/mail';
