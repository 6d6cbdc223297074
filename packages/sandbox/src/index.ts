export { createSandbox } from './sandbox.ts';
export type { DirectoryHandle, Sandbox, SandboxOptions } from './sandbox.ts';
export { editApp, editMailbox, editTenant, findApp, findMailbox, findTenant } from './directory.ts';
export type {
  AppRegistration,
  ClientSecret,
  Directory,
  EnterpriseApp,
  Mailbox,
  ServicePrincipal,
  Tenant,
} from './directory.ts';
export type { AppOptions, MailboxOptions, SecretOptions, TenantOptions } from './directory-options.ts';
export type { Entra, IssueOptions, TokenRequestRecord } from './entra/entra.ts';
export type { EntraFault } from './entra/fault.ts';
export type { ClaimChanges } from './entra/tokens.ts';
export type { ExchangeOptions, RefuseRule } from './exchange/context.ts';
export { transcript } from './exchange/conversation.ts';
export type { ConversationEntry, SmtpSession } from './exchange/conversation.ts';
export type { Exchange } from './exchange/exchange.ts';
export type { ExchangeFault, FaultPoint } from './exchange/fault.ts';
export type { Identity } from './exchange/identity.ts';
export type { MailAddress } from './inbox/head.ts';
export type { Inbox, InboxEvent, WaitOptions } from './inbox/inbox.ts';
export type { InboxMessage, MailAttachment, MessageEnvelope, ParsedMail } from './inbox/message.ts';
