export { createMailClient } from './client.ts';
export type {
  MailAccountHealth,
  MailClient,
  MailClientHealth,
  MailClientOptions,
  MailHooks,
  MailInput,
  MailSendContext,
  MailSendOptions,
  MailVerification,
  SentMail,
} from './mail-client.ts';
export type {
  MailAccount,
  MailCertificate,
  MailManagedIdentity,
  MailRefreshToken,
  NodemailerNames,
  TokenSettings,
} from './account/mail-account.ts';
export { createAccountMailer, mailTransport } from './account/account-mailer.ts';
export type { FailedAttempt, MailEvent, MailEvents } from './events.ts';
export {
  createMailClients,
  type MailClients,
  type MailClientsHealth,
  type MailClientsOptions,
  type MailClock,
} from './clients.ts';
export {
  defineMail,
  type DefinedMail,
  type MailDefinition,
  type MailFields,
  type PreviewsOf,
  type RenderedContent,
  type RenderedMail,
  type RenderedParts,
} from './define-mail.ts';
export { Html, html, type HtmlTag, type HtmlValue } from './html.ts';
export { textOf } from './text-of.ts';
export { mailOptionsFromEnv, type MailEnv, type MailEnvOptions } from './settings/options-from-env.ts';
export {
  mailEnvSchema,
  mailOptionsSchema,
  type StandardIssue,
  type StandardResult,
  type StandardSchemaV1,
} from './settings/schema.ts';
export { httpProblem, type HttpProblem, isMailError } from './http-problem.ts';
export type { Mail } from '@mailgrant/nodemailer';
