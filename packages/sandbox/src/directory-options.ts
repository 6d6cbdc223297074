// The directory as a test describes it.
import type { Cloud, ConditionalAccess, FederatedCredential, HveAccount, Permissions, Tenant } from './directory.ts';

export interface SecretOptions {
  /** Default: a random one of the length and shape Entra gives. */
  readonly value?: string;
  /** Epoch milliseconds; default: two years from now. */
  readonly expiresAt?: number;
}

export type FederatedCredentialOptions = Omit<FederatedCredential, 'audience'> & { readonly audience?: string };

export interface UserOptions {
  /** Sign-in name. */
  readonly upn: string;
  readonly name?: string;
  /** Default: a random one. */
  readonly password?: string;
  /** Default `true`. */
  readonly enabled?: boolean;
  /** Whether the user may consent for the whole tenant; default `false`. */
  readonly admin?: boolean;
  /** Epoch milliseconds; default: never. */
  readonly passwordExpiresAt?: number;
}

export interface AppOptions {
  /** Default: a random GUID. */
  readonly clientId?: string;
  readonly name?: string;
  /** Object id of the enterprise application in this tenant; default: a random GUID. */
  readonly objectId?: string;
  /** Default: one secret; none for a managed identity. */
  readonly secrets?: readonly (string | SecretOptions)[];
  /** PEM of the certificates the app may sign with; default: none. */
  readonly certificates?: readonly string[];
  /**
   * Not a registration but a managed identity, without secrets: `true` for the one of the machine (system-assigned), or the
   * resource id of one that was made for it (user-assigned). Tokens for it come from `sandbox.managedIdentity`.
   */
  readonly managedIdentity?: true | { readonly resourceId: string };
  /** Default: none. Audience by default `api://AzureADTokenExchange`, or what the tenant's cloud has for it. */
  readonly federatedCredentials?: readonly FederatedCredentialOptions[];
  /** Default: `http://localhost` and `http://localhost/callback`; the port of a loopback address does not count. */
  readonly redirectUris?: readonly string[];
  /** "Allow public client flows"; default `true`. */
  readonly publicClient?: boolean;
  /** Whether other tenants may use the app; default: when it is in several tenants already. */
  readonly multiTenant?: boolean;
  /** Exchange permissions the app asks for; default: SMTP.SendAsApp for itself, SMTP.Send and Mail.Send in a user's name. */
  readonly permissions?: Partial<Permissions>;
  /** Whether the registration is enabled; default `true`. */
  readonly enabled?: boolean;
  /** Exchange application permissions consented to; default `['SMTP.SendAsApp']`, with HVE accounts `'Mail.Send'` too, none with `roleScope`. */
  readonly roles?: readonly string[];
  /** Delegated Exchange permissions consented to for every user; default `['SMTP.Send', 'Mail.Send']`. */
  readonly scopes?: readonly string[];
  /** "Enabled for users to sign-in?" in this tenant; default `true`. */
  readonly signIn?: boolean;
  /** Sign-in names of the users the app is for; default: everyone. */
  readonly assigned?: readonly string[];
  /** Whether `New-ServicePrincipal` was run in Exchange; a string is the (wrong) object id it was given. Default `true`. */
  readonly servicePrincipal?: boolean | string;
  /** Mailboxes the app has FullAccess to: all of the tenant's (`true`, the default), none, or these addresses. */
  readonly fullAccess?: boolean | readonly string[];
  /** App RBAC: addresses in the scope of the app's role assignment. The app then has no `roles` and no FullAccess by default. */
  readonly roleScope?: readonly string[];
  /** Addresses the app has SendAs for; default: none. */
  readonly sendAs?: readonly string[];
}

export interface MailboxOptions {
  readonly address: string;
  readonly aliases?: readonly string[];
  /** The mailbox's own SMTP AUTH switch; default: as the tenant. */
  readonly smtpAuth?: boolean;
  /** Default `true`. Without a licence the rights of others to the mailbox are gone. */
  readonly licensed?: boolean;
  /** Nobody gets in: 550 Mailbox cannot be accessed; default `false`. */
  readonly locked?: boolean;
  /** Bytes Sent Items may grow to; default: no end. */
  readonly quota?: number;
  /** Sign-in names of users with FullAccess; the mailbox's own user needs none. */
  readonly fullAccess?: readonly string[];
  /** Sign-in names of users with SendAs. */
  readonly sendAs?: readonly string[];
}

export interface HveOptions {
  readonly address: string;
  /** Client ids of the apps that may use it; default: any. */
  readonly allowedApps?: readonly string[];
  /** Default `'BillingPolicyValid'`. */
  readonly billing?: HveAccount['billing'];
}

export interface TenantOptions {
  /** Default: a random GUID. */
  readonly id?: string;
  /** Default: `Contoso`. */
  readonly name?: string;
  /** Default: `['contoso.onmicrosoft.com', 'contoso.com']`. */
  readonly domains?: readonly string[];
  /** The national cloud it is in; default `'worldwide'`. */
  readonly cloud?: Cloud;
  /** SMTP AUTH for the whole tenant; default `true`. */
  readonly smtpAuth?: boolean;
  /** Default: `noreply@` the last domain. */
  readonly mailboxes?: readonly (string | MailboxOptions)[];
  /** High Volume Email accounts, each with a user of its own; default: none. */
  readonly hve?: readonly (string | HveOptions)[];
  /** Accounts; default: one for each mailbox, with its address, and `admin@` the first domain. Given ones are added. */
  readonly users?: readonly (string | UserOptions)[];
  /** Whether mail keeps an alias as its sender, `SendFromAliasEnabled`; default `false`: the primary address is shown. */
  readonly sendFromAlias?: boolean;
  /** Default: all allowed. */
  readonly conditionalAccess?: Partial<ConditionalAccess>;
  /** No sign-in by password alone; default `false`. */
  readonly securityDefaults?: boolean;
  /** Whether users may consent to apps themselves; default `true`. */
  readonly userConsent?: boolean;
  /** Entra's service principal of Office 365 Exchange Online; default `'enabled'`. */
  readonly exchangeOnline?: Tenant['exchangeOnline'];
  /** Default: one app that may do everything sending needs. Apps of one client id in several tenants are one registration. */
  readonly apps?: readonly AppOptions[];
}
