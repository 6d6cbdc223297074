// What Entra and Exchange know: tenants, their apps, mailboxes and rights. Plain values; a change makes a new directory.

/** A client secret of an app registration. */
export interface ClientSecret {
  /** The secret's id, which people paste by mistake. */
  readonly id: string;
  readonly value: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

/** The app registration, in its home tenant. */
export interface AppRegistration {
  readonly clientId: string;
  readonly name: string;
  readonly homeTenantId: string;
  readonly secrets: readonly ClientSecret[];
}

/** What a tenant holds for an app: Entra's service principal, shown as "enterprise application". */
export interface EnterpriseApp {
  /** The id that `New-ServicePrincipal -ObjectId` in Exchange wants, and the `oid` of the app's tokens. */
  readonly objectId: string;
  readonly clientId: string;
  /** Application permissions of Office 365 Exchange Online that an administrator consented to. */
  readonly roles: readonly string[];
}

/** What `New-ServicePrincipal` made in Exchange. The object id may be a wrong one: Exchange takes any. */
export interface ServicePrincipal {
  readonly clientId: string;
  readonly objectId: string;
}

export interface Mailbox {
  /** Primary SMTP address. */
  readonly address: string;
  readonly aliases: readonly string[];
  /** The mailbox's own SMTP AUTH switch; `undefined` leaves it to the tenant. */
  readonly smtpAuth: boolean | undefined;
  /** Object ids of the service principals with FullAccess (`Add-MailboxPermission`). */
  readonly fullAccess: readonly string[];
  /** Object ids of the service principals with SendAs (`Add-RecipientPermission`). */
  readonly sendAs: readonly string[];
}

export interface Tenant {
  readonly id: string;
  readonly name: string;
  /** Verified domains; the first is the initial one. */
  readonly domains: readonly string[];
  /** SMTP AUTH for mailboxes that do not say otherwise. */
  readonly smtpAuth: boolean;
  readonly enterpriseApps: readonly EnterpriseApp[];
  readonly servicePrincipals: readonly ServicePrincipal[];
  readonly mailboxes: readonly Mailbox[];
}

export interface Directory {
  readonly tenants: readonly Tenant[];
  readonly apps: readonly AppRegistration[];
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
