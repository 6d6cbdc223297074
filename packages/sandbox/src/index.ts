export { createSandbox } from './sandbox.ts';
export type { Hve, ManagedIdentityEnvironment, Sandbox } from './sandbox.ts';
export type { EntraSettings, HveSettings, SandboxOptions } from './sandbox-options.ts';
export type { DirectoryHandle } from './directory-state.ts';
export { FAULTS } from './faults/named-fault.ts';
export type { FaultName, FaultWord, NamedFault } from './faults/named-fault.ts';
export type { NamedFaultOptions } from './faults/fault-board.ts';
export type { WaitingFault } from './faults/fault-list.ts';
export {
  editApp,
  editEnterpriseApp,
  editMailbox,
  editTenant,
  editUser,
  findApp,
  findMailbox,
  findTenant,
  findUser,
} from './directory.ts';
export type {
  AppRegistration,
  ClientSecret,
  Cloud,
  ConditionalAccess,
  Directory,
  EnterpriseApp,
  FederatedCredential,
  FederatedIssuer,
  HveAccount,
  Mailbox,
  ManagedIdentity,
  Permissions,
  RoleAssignment,
  ServicePrincipal,
  Tenant,
  User,
  UserConsent,
} from './directory.ts';
export type {
  AppOptions,
  FederatedCredentialOptions,
  HveOptions,
  MailboxOptions,
  SecretOptions,
  TenantOptions,
  UserOptions,
} from './directory-options.ts';
export { AADSTS } from './entra/aadsts.ts';
export type { AadstsRow } from './entra/aadsts.ts';
export type { SignInChoice } from './entra/authorize.ts';
export type { Entra, IdentityProvider, IssueOptions, SignInForm } from './entra/entra.ts';
export type { EntraFault } from './entra/fault.ts';
export type { TokenRequestRecord } from './entra/token-endpoint.ts';
export type { ClaimChanges } from './entra/tokens.ts';
export type { ExchangeOptions, RefuseRule } from './exchange/context.ts';
export { transcript } from './exchange/conversation.ts';
export type { ConversationEntry, SmtpSession } from './exchange/conversation.ts';
export type { Exchange } from './exchange/exchange.ts';
export type { CertificateFault, ExchangeFault, FaultPoint } from './exchange/fault.ts';
export { EXCHANGE_LIMITS } from './exchange/traffic.ts';
export type { ExchangeLimits, MailboxTraffic } from './exchange/traffic.ts';
export type { Identity } from './exchange/identity.ts';
export type { MailAddress } from './inbox/head.ts';
export type { Inbox, InboxEvent, WaitOptions } from './inbox/inbox.ts';
export type { InboxMessage, MailAttachment, MessageEnvelope, ParsedMail } from './inbox/message.ts';
