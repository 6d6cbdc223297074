// What every function of this package checks at its door.
import { InputError, PROVIDERS, type Provider } from '@mailgrant/core';
import { CLOUDS, type EntraCloud, type EntraCloudName } from './clouds.ts';

/** How requests to Entra are made. */
export interface EntraHttpOptions {
  /** Default: the `fetch` of Node.js, which goes through a proxy where `NODE_USE_ENV_PROXY=1` and `HTTPS_PROXY` are set. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Milliseconds from the start of a request to the last byte of its answer. Default 10 seconds. */
  readonly timeout?: number | undefined;
  /** Epoch milliseconds. */
  readonly now?: (() => number) | undefined;
}

/** The mail services of Microsoft that core knows. */
export type EntraProviderName = 'microsoft365' | 'hve' | 'outlook' | 'microsoft365-us' | 'microsoft365-china';

/** Which application of which tenant asks, and for what. */
export interface EntraOptions extends EntraHttpOptions {
  /** The tenant of the mailbox: its id, or one of its domains. */
  readonly tenantId: string;
  /** The application (client) id of the app registration. */
  readonly clientId: string;
  /** Default: the cloud of `provider`, and that is the worldwide one. */
  readonly cloud?: EntraCloudName | EntraCloud | undefined;
  /** The mail service the token is for. Default `microsoft365`, or its counterpart in `cloud`. */
  readonly provider?: EntraProviderName | Provider | undefined;
  /** What to ask for, where it is not what the provider needs. */
  readonly scope?: string | undefined;
}

/** The same, complete and checked. */
export interface Normalised {
  readonly tenantId: string;
  readonly clientId: string;
  readonly cloud: EntraCloud;
  readonly scope: string;
  readonly http: { readonly fetch: typeof globalThis.fetch; readonly timeout: number; readonly now: () => number };
}

/** Sign-in pages for several tenants. An application that acts for itself has to name one. */
const SHARED_TENANTS = ['common', 'organizations', 'consumers'];
const MICROSOFT = ['microsoft365', 'hve', 'outlook', 'microsoft365-us', 'microsoft365-china'];
const HVE = 'hve';

/** @throws TypeError `ERR_INPUT_OPTION`, naming the option. */
export function normalise(options: EntraOptions, kind: 'application' | 'delegated'): Normalised {
  const { tenantId, clientId, timeout = 10_000 } = options;
  const name = providerName(options.provider);
  const cloud = cloudOf(options.cloud, name);
  if (kind === 'application' && name === 'outlook') {
    throw bad("provider must not be 'outlook': personal mailboxes know no applications, a person has to sign in");
  }
  checkTenant(tenantId, kind === 'delegated');
  if (typeof clientId !== 'string' || clientId === '') throw bad('clientId must be a non-empty string');
  if (typeof timeout !== 'number' || !(timeout > 0 && timeout < 2 ** 31)) {
    throw bad('timeout must be a positive number of milliseconds');
  }
  const scope = options.scope ?? scopeOf(kind, cloud, options.provider);
  if (typeof scope !== 'string' || !/^[\x21-\x7e]+( [\x21-\x7e]+)*$/.test(scope)) {
    throw bad(`scope must be given: none is known for ${name ?? 'this provider'} in this cloud`);
  }
  if (kind === 'application' && !scope.endsWith('/.default')) {
    throw bad(`scope must end in /.default for an application, got ${shown(scope)}`);
  }
  const { fetch = globalThis.fetch, now = Date.now } = options;
  return { tenantId, clientId, cloud, scope, http: { fetch, timeout, now } };
}

/** @throws TypeError `ERR_INPUT_OPTION` unless it is a tenant's id or domain; with `shared` also `organizations` and its kin. */
export function checkTenant(tenantId: string, shared: boolean): void {
  if (typeof tenantId !== 'string' || !/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(tenantId)) {
    throw bad(`tenantId must be a tenant's id or one of its domains, got ${shown(tenantId)}`);
  }
  if (!shared && SHARED_TENANTS.includes(tenantId.toLowerCase())) {
    throw bad(`tenantId must name the mailbox's tenant: an application cannot log in at "${tenantId}"`);
  }
}

/** The settings of a cloud, checked. */
export function cloudOf(cloud: EntraCloudName | EntraCloud | undefined, provider?: string): EntraCloud {
  const known = typeof cloud === 'object' ? cloud : CLOUDS[cloud ?? cloudOfProvider(provider)];
  if (known === undefined) throw bad(`cloud must be one of ${Object.keys(CLOUDS).join(', ')}, or an object`);
  const url = URL.canParse(known.authority) ? new URL(known.authority) : undefined;
  const loopback = url !== undefined && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  if (url === undefined || (url.protocol !== 'https:' && !(url.protocol === 'http:' && loopback))) {
    throw bad('cloud.authority must be an https URL (http only to this machine)');
  }
  if (url.origin !== known.authority.replace(/\/$/, '')) throw bad('cloud.authority must be an origin, without a path');
  return { ...known, authority: url.origin };
}

function cloudOfProvider(provider: string | undefined): EntraCloudName {
  if (provider === 'microsoft365-us') return 'usgov';
  return provider === 'microsoft365-china' ? 'china' : 'worldwide';
}

function providerName(provider: EntraProviderName | Provider | undefined): string | undefined {
  if (typeof provider === 'object') return provider.id;
  if (provider !== undefined && !MICROSOFT.includes(provider)) {
    throw bad(`provider must be one of ${MICROSOFT.join(', ')}, or an object`);
  }
  return provider;
}

/** High Volume Email has a resource of its own; else the cloud knows. A provider object speaks for itself. */
function scopeOf(kind: 'application' | 'delegated', cloud: EntraCloud, provider: EntraOptions['provider']) {
  const named = typeof provider === 'object' ? provider : PROVIDERS[provider === HVE ? HVE : 'microsoft365'];
  const decides = typeof provider === 'object' || provider === HVE;
  return kind === 'application'
    ? ((decides ? named.applicationScope : undefined) ?? cloud.applicationScope)
    : ((decides ? named.delegatedScope : undefined) ?? cloud.delegatedScope);
}

export function bad(message: string): InputError {
  return new InputError('ERR_INPUT_OPTION', message);
}

/** Somebody else's text, fit to print. */
export function shown(value: unknown): string {
  return String(value)
    .replace(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, ' ')
    .slice(0, 300);
}
