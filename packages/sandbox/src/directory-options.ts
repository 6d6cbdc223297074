// The directory as a test describes it, with everything left out filled in so that mail flows.
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import type {
  AppRegistration,
  ClientSecret,
  ConditionalAccess,
  Directory,
  EnterpriseApp,
  FederatedCredential,
  FederatedIssuer,
  HveAccount,
  Mailbox,
  Permissions,
  ServicePrincipal,
  Tenant,
  User,
} from './directory.ts';

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
  /** Default: one secret. */
  readonly secrets?: readonly (string | SecretOptions)[];
  /** PEM of the certificates the app may sign with; default: none. */
  readonly certificates?: readonly string[];
  /** Default: none. Audience by default `api://AzureADTokenExchange`. */
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

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~';
const letters = (count: number): string =>
  Array.from(randomBytes(count), (byte) => ALPHABET[byte % ALPHABET.length]).join('');
/** 40 characters with `Q~` from the fifth on, as Entra's secrets have. */
const secretValue = (): string => `${letters(3)}${randomInt(10)}Q~${letters(34)}`;

const secretFrom = (option: string | SecretOptions, now: number): ClientSecret => {
  const { value, expiresAt } = typeof option === 'string' ? { value: option } : { expiresAt: undefined, ...option };
  return { id: randomUUID(), value: value ?? secretValue(), expiresAt: expiresAt ?? now + 2 * 365 * 86_400_000 };
};

const SCOPES: readonly string[] = ['SMTP.Send', 'Mail.Send'];

const nameFrom = (upn: string): string => upn.slice(0, upn.indexOf('@'));

const userFrom = (option: string | UserOptions): User => {
  const { upn, ...given }: UserOptions = typeof option === 'string' ? { upn: option } : option;
  return {
    objectId: randomUUID(),
    upn,
    name: given.name ?? nameFrom(upn),
    password: given.password ?? letters(24),
    enabled: given.enabled ?? true,
    admin: given.admin ?? false,
    passwordExpiresAt: given.passwordExpiresAt,
  };
};

/** A user with a random password. */
export const newUser = (upn: string): User => userFrom(upn);

/** Object ids of the users with these sign-in names. */
const objectIds = (upns: readonly string[], users: readonly User[]): string[] =>
  upns.map((upn) => {
    const user = users.find((one) => one.upn.toLowerCase() === upn.toLowerCase());
    if (user === undefined) throw new TypeError(`the tenant has no user ${upn}`);
    return user.objectId;
  });

/** The tenant's users: those given, one for each mailbox, and an administrator. */
function usersFrom(options: TenantOptions, mailboxes: readonly string[], domain: string): User[] {
  const given = (options.users ?? []).map((user) => userFrom(user));
  const has = (upn: string): boolean => given.some((user) => user.upn.toLowerCase() === upn.toLowerCase());
  const owners = mailboxes.filter((address) => !has(address)).map((upn) => userFrom(upn));
  const admin = given.some((user) => user.admin) ? [] : [userFrom({ upn: `admin@${domain}`, admin: true })];
  return [...owners, ...given, ...admin];
}

interface AppEntry {
  readonly registration: AppRegistration;
  readonly enterprise: EnterpriseApp;
  readonly servicePrincipal: ServicePrincipal | undefined;
  readonly options: AppOptions;
}

const appFrom = (
  options: AppOptions,
  tenantId: string,
  now: number,
  users: readonly User[],
  defaultRoles: readonly string[],
): AppEntry => {
  const clientId = options.clientId ?? randomUUID();
  const objectId = options.objectId ?? randomUUID();
  const { servicePrincipal = true } = options;
  return {
    options,
    registration: {
      clientId,
      name: options.name ?? 'Contoso Mailer',
      homeTenantId: tenantId,
      secrets: (options.secrets ?? [{}]).map((secret) => secretFrom(secret, now)),
      certificates: options.certificates ?? [],
      federatedCredentials: (options.federatedCredentials ?? []).map((one) => ({
        audience: 'api://AzureADTokenExchange',
        ...one,
      })),
      redirectUris: options.redirectUris ?? ['http://localhost', 'http://localhost/callback'],
      publicClient: options.publicClient ?? true,
      multiTenant: options.multiTenant ?? false,
      permissions: { roles: defaultRoles, scopes: SCOPES, ...options.permissions },
      enabled: options.enabled ?? true,
    },
    enterprise: {
      clientId,
      objectId,
      roles: options.roles ?? (options.roleScope === undefined ? defaultRoles : []),
      scopes: options.scopes ?? SCOPES,
      consents: [],
      enabled: options.signIn ?? true,
      assigned: options.assigned && objectIds(options.assigned, users),
    },
    servicePrincipal:
      servicePrincipal === false
        ? undefined
        : { clientId, objectId: typeof servicePrincipal === 'string' ? servicePrincipal : objectId },
  };
};

const mailboxFrom = (option: string | MailboxOptions, apps: readonly AppEntry[], users: readonly User[]): Mailbox => {
  const given: MailboxOptions = typeof option === 'string' ? { address: option } : option;
  const { address, aliases = [], smtpAuth } = given;
  const holders = (has: (app: AppOptions) => boolean): string[] =>
    apps.filter(({ options }) => has(options)).map(({ enterprise }) => enterprise.objectId);
  const lists = (granted: boolean | readonly string[]): boolean =>
    typeof granted === 'boolean' ? granted : granted.some((one) => one.toLowerCase() === address.toLowerCase());
  return {
    address,
    licensed: given.licensed ?? true,
    locked: given.locked ?? false,
    quota: given.quota ?? Infinity,
    aliases,
    smtpAuth,
    fullAccess: [
      ...holders(({ roleScope, fullAccess = roleScope === undefined }) => lists(fullAccess)),
      ...objectIds(given.fullAccess ?? [], users),
    ],
    sendAs: [...holders(({ sendAs = [] }) => lists(sendAs)), ...objectIds(given.sendAs ?? [], users)],
  };
};

const hveFrom = (
  { address, allowedApps = [], billing = 'BillingPolicyValid' }: HveOptions,
  apps: readonly AppEntry[],
): HveAccount => ({
  address,
  billing,
  allowedApps: allowedApps.map((clientId) => {
    const app = apps.find(({ enterprise }) => enterprise.clientId === clientId);
    // Left out, it would open the account to every app.
    if (app === undefined) throw new TypeError(`the tenant has no app ${clientId} to allow for ${address}`);
    return app.enterprise.objectId;
  }),
});

/** Builds the directory; the first mention of a client id is the app's home tenant and decides its secrets. */
export function createDirectory(
  tenants: readonly TenantOptions[],
  issuers: readonly FederatedIssuer[],
  now: number,
): Directory {
  const registrations = new Map<string, AppRegistration>();
  const made = tenants.map((options): Tenant => {
    const id = options.id ?? randomUUID();
    const domains = options.domains ?? ['contoso.onmicrosoft.com', 'contoso.com'];
    const mailboxes = options.mailboxes ?? [`noreply@${domains.at(-1) ?? 'contoso.com'}`];
    const addresses = mailboxes.map((one) => (typeof one === 'string' ? one : one.address));
    const hve = (options.hve ?? []).map((one): HveOptions => (typeof one === 'string' ? { address: one } : one));
    const owners = [...addresses, ...hve.map(({ address }) => address)];
    const users = usersFrom(options, owners, domains[0] ?? 'contoso.com');
    const roles = ['SMTP.SendAsApp', ...(hve.length > 0 ? ['Mail.Send'] : [])];
    const apps = (options.apps ?? [{}]).map((app) => appFrom(app, id, now, users, roles));
    for (const { registration, options: app } of apps) {
      const known = registrations.get(registration.clientId);
      const several = known !== undefined && { ...known, multiTenant: app.multiTenant ?? true };
      registrations.set(registration.clientId, several || registration);
    }
    return {
      id,
      name: options.name ?? 'Contoso',
      domains,
      smtpAuth: options.smtpAuth ?? true,
      users,
      conditionalAccess: { users: 'allow', apps: 'allow', signInFrequency: undefined, ...options.conditionalAccess },
      securityDefaults: options.securityDefaults ?? false,
      userConsent: options.userConsent ?? true,
      exchangeOnline: options.exchangeOnline ?? 'enabled',
      enterpriseApps: apps.map(({ enterprise }) => enterprise),
      roleAssignments: apps.flatMap(({ options: { roleScope: scope }, enterprise: { objectId } }) =>
        scope === undefined ? [] : { objectId, scope },
      ),
      sendFromAlias: options.sendFromAlias ?? false,
      servicePrincipals: apps.flatMap(({ servicePrincipal }) => servicePrincipal ?? []),
      mailboxes: mailboxes.map((one) => mailboxFrom(one, apps, users)),
      hveAccounts: hve.map((account) => hveFrom(account, apps)),
    };
  });
  return { tenants: made, apps: [...registrations.values()], issuers };
}
