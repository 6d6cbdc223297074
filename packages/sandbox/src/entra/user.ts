// Whether a user may have a token for an app: account, assignment, Conditional Access, consent.
import {
  type AppRegistration,
  type Directory,
  editEnterpriseApp,
  editTenant,
  type EnterpriseApp,
  findEnterpriseApp,
  type Tenant,
  type User,
} from '../directory.ts';
import { randomUUID } from 'node:crypto';
import { type EntraProblem, problem } from './problem.ts';
import { EXCHANGE, isExchangeOf, type RequestedScope } from './scope.ts';

/** How a user comes: in a browser, by password alone, or by an earlier sign-in. */
export type Manner =
  | { readonly by: 'browser' | 'password' }
  | { readonly by: 'refresh'; readonly mfa: boolean; readonly signedInAt: number };

/** Account and policies; `undefined` when nothing is against it. */
export function judgeUser(
  tenant: Tenant,
  app: AppRegistration,
  user: User,
  manner: Manner,
  now: number,
): EntraProblem | undefined {
  const values = { user: user.upn, tenant: tenant.name, app: app.clientId, name: app.name, resource: 'Exchange' };
  if (!user.enabled) return problem(50057);
  if (manner.by !== 'refresh' && user.passwordExpiresAt !== undefined && user.passwordExpiresAt <= now) {
    return problem(50055);
  }
  const enterprise = findEnterpriseApp(tenant, app.clientId);
  if (enterprise?.enabled === false) return problem(7000112, values);
  if (enterprise?.assigned?.includes(user.objectId) === false) return problem(50105, values);
  const { users, signInFrequency } = tenant.conditionalAccess;
  if (users === 'block') return problem(53003);
  if (users === 'compliant device') return problem(53000);
  const strong = manner.by === 'browser' || (manner.by === 'refresh' && manner.mfa);
  if (users === 'mfa' && !strong) return problem(50076, values);
  if (tenant.securityDefaults && manner.by === 'password') return problem(530035);
  if (manner.by === 'refresh' && signInFrequency !== undefined && now - manner.signedInAt >= signInFrequency) {
    return problem(70043);
  }
  return undefined;
}

/** Delegated permissions that were consented to, by the administrator or the user. */
export const consented = (enterprise: EnterpriseApp | undefined, user: User): ReadonlySet<string> =>
  new Set([
    ...(enterprise?.scopes ?? []),
    ...(enterprise?.consents ?? []).filter((one) => one.user === user.objectId).flatMap(({ scopes }) => scopes),
  ]);

/** The permissions asked for that nobody consented to yet. Only Exchange's are looked at. */
export const missingConsent = (
  enterprise: EnterpriseApp | undefined,
  app: AppRegistration,
  user: User,
  scope: RequestedScope,
): string[] => {
  if (!EXCHANGE.has(scope.resource)) return [];
  const has = consented(enterprise, user);
  const asked = scope.permissions.length > 0 ? scope.permissions : has.size > 0 ? [] : app.permissions.scopes;
  return asked.filter((name) => !has.has(name));
};

/** Whether the tenant has the resource at all. */
export function judgeResource(tenant: Tenant, resource: string): EntraProblem | undefined {
  const values = { resource, tenant: tenant.name };
  if (!EXCHANGE.has(resource)) return undefined;
  if (!isExchangeOf(tenant, resource)) return problem(500011, values); // another cloud's
  if (tenant.exchangeOnline === 'enabled') return undefined;
  return problem(tenant.exchangeOnline === 'missing' ? 500011 : 500014, values);
}

/** The directory with the app known in the tenant. */
export const withEnterpriseApp = (directory: Directory, tenant: Tenant, app: AppRegistration): Directory =>
  findEnterpriseApp(tenant, app.clientId) === undefined
    ? editTenant(directory, tenant.id, (now) => ({
        ...now,
        enterpriseApps: [
          ...now.enterpriseApps,
          {
            clientId: app.clientId,
            objectId: randomUUID(),
            roles: [],
            scopes: [],
            consents: [],
            enabled: true,
            assigned: undefined,
          },
        ],
      }))
    : directory;

/** The directory with a user's consent noted. */
export const withConsent = (
  directory: Directory,
  tenant: Tenant,
  app: AppRegistration,
  user: User,
  scopes: readonly string[],
): Directory =>
  editEnterpriseApp(withEnterpriseApp(directory, tenant, app), tenant.id, app.clientId, (enterprise) => ({
    ...enterprise,
    consents: scopes.length > 0 ? [...enterprise.consents, { user: user.objectId, scopes }] : enterprise.consents,
  }));
