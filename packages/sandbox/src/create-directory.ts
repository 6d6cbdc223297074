// Fills in what a description of the directory leaves out, so that mail flows.
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import type {
  AppRegistration,
  ClientSecret,
  Cloud,
  Directory,
  EnterpriseApp,
  FederatedIssuer,
  HveAccount,
  Mailbox,
  ServicePrincipal,
  Tenant,
  User,
} from './directory.ts';
import type {
  AppOptions,
  HveOptions,
  MailboxOptions,
  SecretOptions,
  TenantOptions,
  UserOptions,
} from './directory-options.ts';
import { CLOUDS } from './entra/clouds.ts';

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

const RESOURCES = '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/contoso/providers';

interface AppEntry {
  readonly registration: AppRegistration;
  readonly enterprise: EnterpriseApp;
  readonly servicePrincipal: ServicePrincipal | undefined;
  readonly options: AppOptions;
}

interface Home {
  readonly id: string;
  readonly cloud: Cloud;
  readonly users: readonly User[];
  readonly roles: readonly string[];
}

const appFrom = (options: AppOptions, { id, cloud, users, roles: defaultRoles }: Home, now: number): AppEntry => {
  const clientId = options.clientId ?? randomUUID();
  const objectId = options.objectId ?? randomUUID();
  const { servicePrincipal = true, managedIdentity: identity } = options;
  return {
    options,
    registration: {
      clientId,
      name: options.name ?? (identity === undefined ? 'Contoso Mailer' : 'contoso-vm'),
      homeTenantId: id,
      managedIdentity:
        identity === true
          ? { assigned: 'system', resourceId: `${RESOURCES}/Microsoft.Compute/virtualMachines/contoso-vm` }
          : identity && { assigned: 'user', resourceId: identity.resourceId },
      secrets: (options.secrets ?? (identity === undefined ? [{}] : [])).map((secret) => secretFrom(secret, now)),
      certificates: options.certificates ?? [],
      federatedCredentials: (options.federatedCredentials ?? []).map((one) => ({
        audience: CLOUDS[cloud].federatedAudience,
        ...one,
      })),
      redirectUris: options.redirectUris ?? ['http://localhost', 'http://localhost/callback'],
      publicClient: options.publicClient ?? identity === undefined,
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
    const cloud = options.cloud ?? 'worldwide';
    const apps = (options.apps ?? [{}]).map((app) => appFrom(app, { id, cloud, users, roles }, now));
    for (const { registration, options: app } of apps) {
      const known = registrations.get(registration.clientId);
      const several = known !== undefined && { ...known, multiTenant: app.multiTenant ?? true };
      registrations.set(registration.clientId, several || registration);
    }
    return {
      id,
      name: options.name ?? 'Contoso',
      domains,
      cloud,
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
