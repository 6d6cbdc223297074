// What Entra and Exchange know: tenants, their apps, mailboxes and rights. Plain values; a change makes a new directory.
import type { JWK } from 'jose';

/** A client secret of an app registration. */
export interface ClientSecret {
  /** The secret's id, which people paste by mistake. */
  readonly id: string;
  readonly value: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

/** What an app accepts in place of a secret: a token of another issuer, for this subject and audience. */
export interface FederatedCredential {
  readonly issuer: string;
  readonly subject: string;
  readonly audience: string;
}

/** An issuer outside Entra whose keys federated credentials are checked with. */
export interface FederatedIssuer {
  readonly issuer: string;
  readonly keys: readonly JWK[];
}

/** Permissions of Office 365 Exchange Online: `roles` for apps, `scopes` for apps in a user's name. */
export interface Permissions {
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
}

/** An identity that the platform gives to what runs on it. */
export interface ManagedIdentity {
  readonly assigned: 'system' | 'user';
  /** Its name in Azure, `/subscriptions/…`. */
  readonly resourceId: string;
}

/** A national cloud: worldwide (with GCC), US government (GCC High, DoD), China (21Vianet). */
export type Cloud = 'worldwide' | 'usgov' | 'china';

/** The app registration, in its home tenant. */
export interface AppRegistration {
  readonly clientId: string;
  readonly name: string;
  readonly homeTenantId: string;
  /** `undefined` for everything but a managed identity, which has no registration: only the machine gets tokens for it. */
  readonly managedIdentity: ManagedIdentity | undefined;
  readonly secrets: readonly ClientSecret[];
  /** PEM of the certificates the app may sign with. */
  readonly certificates: readonly string[];
  readonly federatedCredentials: readonly FederatedCredential[];
  /** Where Entra may send users back to. The port of a loopback address does not count. */
  readonly redirectUris: readonly string[];
  /** "Allow public client flows". */
  readonly publicClient: boolean;
  /** Whether other tenants than the app's own may use it. */
  readonly multiTenant: boolean;
  /** "API permissions": what the app asks administrators for. */
  readonly permissions: Permissions;
  /** `false`: disabled by Microsoft or its owner, in every tenant. */
  readonly enabled: boolean;
}

/** What a user agreed to in an app's sign-in. */
export interface UserConsent {
  /** The user's object id. */
  readonly user: string;
  readonly scopes: readonly string[];
}

/** What a tenant holds for an app: Entra's service principal, shown as "enterprise application". */
export interface EnterpriseApp {
  /** The id that `New-ServicePrincipal -ObjectId` in Exchange wants, and the `oid` of the app's tokens. */
  readonly objectId: string;
  readonly clientId: string;
  /** Application permissions of Office 365 Exchange Online that an administrator consented to. */
  readonly roles: readonly string[];
  /** Delegated permissions of Office 365 Exchange Online that an administrator consented to for everyone. */
  readonly scopes: readonly string[];
  /** Consents users gave for themselves. */
  readonly consents: readonly UserConsent[];
  /** "Enabled for users to sign-in?" */
  readonly enabled: boolean;
  /** Object ids of the users the app is for; `undefined`: everyone. */
  readonly assigned: readonly string[] | undefined;
}

/** What `New-ServicePrincipal` made in Exchange. The object id may be a wrong one: Exchange takes any. */
export interface ServicePrincipal {
  readonly clientId: string;
  readonly objectId: string;
}

/** An account people sign in with. */
export interface User {
  readonly objectId: string;
  /** Sign-in name. */
  readonly upn: string;
  readonly name: string;
  readonly password: string;
  readonly enabled: boolean;
  /** May consent for the whole tenant. */
  readonly admin: boolean;
  /** Epoch milliseconds; `undefined`: never. */
  readonly passwordExpiresAt: number | undefined;
}

/** Conditional Access, as far as mail senders meet it. */
export interface ConditionalAccess {
  /** For sign-ins of users: nothing, multi-factor authentication, a compliant device, or no access at all. */
  readonly users: 'allow' | 'mfa' | 'compliant device' | 'block';
  /** For apps on their own ("workload identities"). */
  readonly apps: 'allow' | 'block';
  /** Milliseconds after which users must sign in again; `undefined`: never. */
  readonly signInFrequency: number | undefined;
}

/** Model B: the role `Application SMTP.SendAsApp`, assigned to a service principal for some mailboxes. */
export interface RoleAssignment {
  /** Object id of the service principal. */
  readonly objectId: string;
  /** Addresses of the mailboxes in its management scope. */
  readonly scope: readonly string[];
}

/** A High Volume Email account (`New-MailUser -HVEAccount`). */
export interface HveAccount {
  readonly address: string;
  /** Object ids of the enterprise applications that may use it (`Add-HVEAppAccess`); empty: any. */
  readonly allowedApps: readonly string[];
  /** As `Get-HVEAccountBillingPolicy` tells. */
  readonly billing:
    | 'BillingPolicyValid'
    | 'NoProperBillingPolicyStored'
    | 'BillingPolicyNotFound'
    | 'NoConnectedBillingPolicyFound'
    | 'SubscriptionIsNotActive'
    | 'NoSPOLicenseFound';
}

export interface Mailbox {
  /** Primary SMTP address. */
  readonly address: string;
  /** `false`: the licence was withdrawn, and with it the rights others had. */
  readonly licensed: boolean;
  /** Nobody gets in. */
  readonly locked: boolean;
  /** Bytes Sent Items may grow to; what is sent is kept there. */
  readonly quota: number;
  readonly aliases: readonly string[];
  /** The mailbox's own SMTP AUTH switch; `undefined` leaves it to the tenant. */
  readonly smtpAuth: boolean | undefined;
  /** Object ids of the service principals and users with FullAccess (`Add-MailboxPermission`). */
  readonly fullAccess: readonly string[];
  /** Object ids of the service principals and users with SendAs (`Add-RecipientPermission`). */
  readonly sendAs: readonly string[];
}

export interface Tenant {
  readonly id: string;
  readonly name: string;
  /** Verified domains; the first is the initial one. */
  readonly domains: readonly string[];
  readonly cloud: Cloud;
  /** SMTP AUTH for mailboxes that do not say otherwise. */
  readonly smtpAuth: boolean;
  readonly users: readonly User[];
  readonly conditionalAccess: ConditionalAccess;
  /** Security defaults: no sign-in by password alone. */
  readonly securityDefaults: boolean;
  /** Whether users may consent to apps themselves. */
  readonly userConsent: boolean;
  /** Entra's service principal of Office 365 Exchange Online. */
  readonly exchangeOnline: 'enabled' | 'disabled' | 'missing';
  readonly enterpriseApps: readonly EnterpriseApp[];
  readonly servicePrincipals: readonly ServicePrincipal[];
  readonly roleAssignments: readonly RoleAssignment[];
  /** `SendFromAliasEnabled`: whether mail keeps an alias as its sender. */
  readonly sendFromAlias: boolean;
  readonly mailboxes: readonly Mailbox[];
  readonly hveAccounts: readonly HveAccount[];
}

export interface Directory {
  readonly tenants: readonly Tenant[];
  readonly apps: readonly AppRegistration[];
  readonly issuers: readonly FederatedIssuer[];
}

const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** The tenant with this id or verified domain. */
export const findTenant = (directory: Directory, idOrDomain: string): Tenant | undefined =>
  directory.tenants.find(({ id, domains }) => same(id, idOrDomain) || domains.some((name) => same(name, idOrDomain)));

export const findApp = (directory: Directory, clientId: string): AppRegistration | undefined =>
  directory.apps.find((app) => same(app.clientId, clientId));

export const findEnterpriseApp = (tenant: Tenant, clientId: string): EnterpriseApp | undefined =>
  tenant.enterpriseApps.find((app) => same(app.clientId, clientId));

/** Whether `address` is the mailbox's primary address or one of its aliases. */
export const hasAddress = (mailbox: Mailbox, address: string): boolean =>
  same(mailbox.address, address) || mailbox.aliases.some((alias) => same(alias, address));

export const findMailbox = (tenant: Tenant, address: string): Mailbox | undefined =>
  tenant.mailboxes.find((mailbox) => hasAddress(mailbox, address));

/** The user with this sign-in name, and their tenant. */
export function findUser(
  directory: Directory,
  upn: string,
): { readonly user: User; readonly tenant: Tenant } | undefined {
  for (const tenant of directory.tenants) {
    const user = tenant.users.find((one) => same(one.upn, upn));
    if (user !== undefined) return { user, tenant };
  }
  return undefined;
}

/** The directory with one tenant changed. */
export const editTenant = (directory: Directory, tenantId: string, edit: (tenant: Tenant) => Tenant): Directory => ({
  ...directory,
  tenants: directory.tenants.map((tenant) => (same(tenant.id, tenantId) ? edit(tenant) : tenant)),
});

/** The directory with the mailbox of this address changed. */
export const editMailbox = (directory: Directory, address: string, edit: (mailbox: Mailbox) => Mailbox): Directory => ({
  ...directory,
  tenants: directory.tenants.map((tenant) => ({
    ...tenant,
    mailboxes: tenant.mailboxes.map((mailbox) => (hasAddress(mailbox, address) ? edit(mailbox) : mailbox)),
  })),
});

/** The directory with one app registration changed. */
export const editApp = (
  directory: Directory,
  clientId: string,
  edit: (app: AppRegistration) => AppRegistration,
): Directory => ({
  ...directory,
  apps: directory.apps.map((app) => (same(app.clientId, clientId) ? edit(app) : app)),
});

/** The directory with the user of this sign-in name changed. */
export const editUser = (directory: Directory, upn: string, edit: (user: User) => User): Directory => ({
  ...directory,
  tenants: directory.tenants.map((tenant) => ({
    ...tenant,
    users: tenant.users.map((user) => (same(user.upn, upn) ? edit(user) : user)),
  })),
});

/** The directory with the enterprise application of one tenant changed. */
export const editEnterpriseApp = (
  directory: Directory,
  tenantId: string,
  clientId: string,
  edit: (app: EnterpriseApp) => EnterpriseApp,
): Directory =>
  editTenant(directory, tenantId, (tenant) => ({
    ...tenant,
    enterpriseApps: tenant.enterpriseApps.map((app) => (same(app.clientId, clientId) ? edit(app) : app)),
  }));
