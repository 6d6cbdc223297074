// The directory as a test describes it, with everything left out filled in so that mail flows.
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import type {
  AppRegistration,
  ClientSecret,
  Directory,
  EnterpriseApp,
  Mailbox,
  ServicePrincipal,
  Tenant,
} from './directory.ts';

export interface SecretOptions {
  /** Default: a random one of the length and shape Entra gives. */
  readonly value?: string;
  /** Epoch milliseconds; default: two years from now. */
  readonly expiresAt?: number;
}

export interface AppOptions {
  /** Default: a random GUID. */
  readonly clientId?: string;
  readonly name?: string;
  /** Object id of the enterprise application in this tenant; default: a random GUID. */
  readonly objectId?: string;
  /** Default: one secret. */
  readonly secrets?: readonly (string | SecretOptions)[];
  /** Exchange application permissions consented to; default `['SMTP.SendAsApp']`. */
  readonly roles?: readonly string[];
  /** Whether `New-ServicePrincipal` was run in Exchange; a string is the (wrong) object id it was given. Default `true`. */
  readonly servicePrincipal?: boolean | string;
  /** Mailboxes the app has FullAccess to: all of the tenant's (`true`, the default), none, or these addresses. */
  readonly fullAccess?: boolean | readonly string[];
  /** Addresses the app has SendAs for; default: none. */
  readonly sendAs?: readonly string[];
}

export interface MailboxOptions {
  readonly address: string;
  readonly aliases?: readonly string[];
  /** The mailbox's own SMTP AUTH switch; default: as the tenant. */
  readonly smtpAuth?: boolean;
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

interface AppEntry {
  readonly registration: AppRegistration;
  readonly enterprise: EnterpriseApp;
  readonly servicePrincipal: ServicePrincipal | undefined;
  readonly options: AppOptions;
}

const appFrom = (options: AppOptions, tenantId: string, now: number): AppEntry => {
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
    },
    enterprise: { clientId, objectId, roles: options.roles ?? ['SMTP.SendAsApp'] },
    servicePrincipal:
      servicePrincipal === false
        ? undefined
        : { clientId, objectId: typeof servicePrincipal === 'string' ? servicePrincipal : objectId },
  };
};

const mailboxFrom = (option: string | MailboxOptions, apps: readonly AppEntry[]): Mailbox => {
  const { address, aliases = [], smtpAuth }: MailboxOptions = typeof option === 'string' ? { address: option } : option;
  const holders = (has: (app: AppOptions) => boolean): string[] =>
    apps.filter(({ options }) => has(options)).map(({ enterprise }) => enterprise.objectId);
  const lists = (granted: boolean | readonly string[]): boolean =>
    typeof granted === 'boolean' ? granted : granted.some((one) => one.toLowerCase() === address.toLowerCase());
  return {
    address,
    aliases,
    smtpAuth,
    fullAccess: holders(({ fullAccess = true }) => lists(fullAccess)),
    sendAs: holders(({ sendAs = [] }) => lists(sendAs)),
  };
};

/** Builds the directory; the first mention of a client id is the app's home tenant and decides its secrets. */
export function createDirectory(tenants: readonly TenantOptions[], now: number): Directory {
  const registrations = new Map<string, AppRegistration>();
  const made = tenants.map((options): Tenant => {
    const id = options.id ?? randomUUID();
    const domains = options.domains ?? ['contoso.onmicrosoft.com', 'contoso.com'];
    const apps = (options.apps ?? [{}]).map((app) => appFrom(app, id, now));
    for (const { registration } of apps) {
      if (!registrations.has(registration.clientId)) registrations.set(registration.clientId, registration);
    }
    return {
      id,
      name: options.name ?? 'Contoso',
      domains,
      smtpAuth: options.smtpAuth ?? true,
      enterpriseApps: apps.map(({ enterprise }) => enterprise),
      servicePrincipals: apps.flatMap(({ servicePrincipal }) => servicePrincipal ?? []),
      mailboxes: (options.mailboxes ?? [`noreply@${domains.at(-1) ?? 'contoso.com'}`]).map((one) =>
        mailboxFrom(one, apps),
      ),
    };
  });
  return { tenants: made, apps: [...registrations.values()] };
}
