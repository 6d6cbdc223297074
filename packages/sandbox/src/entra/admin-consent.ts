// The admin consent endpoint: an administrator agrees to what an app asks for, for everyone in the tenant.
import { type Directory, editEnterpriseApp, findTenant, findUser } from '../directory.ts';
import { type AuthorizeOutcome, errorRedirect, sameRedirect, type SignInChoice } from './authorize.ts';
import { isShared, resolveApp, resolveTenant } from './client.ts';
import { type EntraProblem, isProblem, problem } from './problem.ts';
import { EXCHANGE } from './scope.ts';
import { withEnterpriseApp } from './user.ts';

/** An admin consent request that is in order. */
export interface ConsentRequest {
  readonly directory: Directory;
  readonly name: string;
  readonly clientId: string;
  readonly scope: string;
  readonly redirectUri: string;
  readonly state: string | undefined;
}

/** Reads `GET /{tenant}/v2.0/adminconsent`. */
export function readConsent(
  directory: Directory,
  name: string,
  query: URLSearchParams,
): ConsentRequest | AuthorizeOutcome {
  const page = (refusal: EntraProblem): AuthorizeOutcome => ({ page: refusal });
  const clientId = query.get('client_id') ?? '';
  if (clientId === '') return page(problem(900144, { parameter: 'client_id' }));
  const tenant = isShared(name) ? undefined : resolveTenant(directory, name);
  if (tenant !== undefined && isProblem(tenant)) return page(tenant);
  const app = resolveApp(directory, clientId, tenant?.name ?? name);
  if (isProblem(app)) return page(app);
  const values = { app: clientId, name: app.name, tenant: tenant?.name ?? name };
  if (name === 'consumers') return page(problem(9002332, values));
  if (!app.multiTenant && tenant?.id !== app.homeTenantId) return page(problem(tenant ? 700016 : 50194, values));
  const redirectUri = query.get('redirect_uri') ?? app.redirectUris[0] ?? '';
  if (!app.redirectUris.some((one) => sameRedirect(one, redirectUri))) {
    return page(problem(50011, { app: clientId, redirect: redirectUri }));
  }
  const scope = query.get('scope') ?? '';
  return { directory, name, clientId, scope, redirectUri, state: query.get('state') ?? undefined };
}

/** The administrator answered: what becomes of the directory, and where the browser goes. */
export function completeConsent(
  request: ConsentRequest,
  update: (edit: (directory: Directory) => Directory) => void,
  { as, consent = true }: SignInChoice,
): AuthorizeOutcome {
  const { directory, clientId, scope, redirectUri, state } = request;
  const target = { redirectUri, mode: 'query', state } as const;
  const app = resolveApp(directory, clientId, request.name);
  if (isProblem(app)) return { page: app };
  if (as === undefined || !consent) {
    const url = new URL(errorRedirect(target, problem(65004)).redirect);
    url.searchParams.set('admin_consent', 'True');
    return { redirect: url.href };
  }
  const account = findUser(directory, as);
  const named = findTenant(directory, request.name);
  const values = { user: as, tenant: named?.name ?? '', app: clientId, name: app.name, provider: '' };
  if (account === undefined) return { page: problem(50034, values) };
  const { user, tenant } = account;
  if (named !== undefined && named.id !== tenant.id)
    return { page: problem(50020, { ...values, provider: tenant.name }) };
  if (!user.enabled) return { page: problem(50057) };
  if (!user.admin) return { page: problem(90094, values) };
  const wanted = scope.split(/\s+/).filter(Boolean);
  const exchange = wanted.filter((one) => EXCHANGE.has(one.slice(0, one.lastIndexOf('/'))));
  if (exchange.length > 0 && tenant.exchangeOnline !== 'enabled') {
    return { page: problem(650052, { resource: exchange[0] ?? '', tenant: tenant.name }) };
  }
  const all = exchange.length === 0 || exchange.some((one) => one.endsWith('/.default'));
  const scopes = all ? app.permissions.scopes : exchange.map((one) => one.slice(one.lastIndexOf('/') + 1));
  update((now) =>
    editEnterpriseApp(
      withEnterpriseApp(now, findTenant(now, tenant.id) ?? tenant, app),
      tenant.id,
      clientId,
      (enterprise) => ({
        ...enterprise,
        roles: all ? [...new Set([...enterprise.roles, ...app.permissions.roles])] : enterprise.roles,
        scopes: [...new Set([...enterprise.scopes, ...scopes])],
      }),
    ),
  );
  const url = new URL(redirectUri);
  url.searchParams.set('admin_consent', 'True');
  url.searchParams.set('tenant', tenant.id);
  if (scope !== '') url.searchParams.set('scope', scope);
  if (state !== undefined) url.searchParams.set('state', state);
  return { redirect: url.href };
}
