// Decides one token request: directory, form, time and what Entra remembers in; what the token shall say, or the refusal, out.
import { type AppRegistration, findTenant } from '../directory.ts';
import { isShared, proveClient, resolveApp, resolveEnterpriseApp, resolveTenant } from './client.ts';
import { authorizationCode, deviceCode, password, refreshToken } from './delegated.ts';
import type { Grant, TokenRequest } from './grant.ts';
import { type EntraProblem, isProblem, problem } from './problem.ts';
import { EXCHANGE, RESOURCES } from './scope.ts';
import { judgeResource } from './user.ts';

const DELEGATED_GRANTS: ReadonlyMap<
  string,
  (request: TokenRequest, app: AppRegistration) => Promise<Grant | EntraProblem>
> = new Map([
  ['authorization_code', authorizationCode],
  ['refresh_token', refreshToken],
  ['urn:ietf:params:oauth:grant-type:device_code', deviceCode],
  ['device_code', deviceCode],
  ['password', password],
]);

/** Decides a token request by its grant type. */
export async function decideGrant(request: TokenRequest): Promise<Grant | EntraProblem> {
  const { directory, form } = request;
  const { fields, tenant: name } = form;
  const grantType = fields.get('grant_type') ?? '';
  if (grantType === '') return problem(900144, { parameter: 'grant_type' });
  const clientId = fields.get('client_id') ?? '';
  if (clientId === '') return problem(900144, { parameter: 'client_id' });
  const delegated = DELEGATED_GRANTS.get(grantType);
  if (grantType === 'password' && isShared(name)) return problem(9001023);
  if (delegated === undefined || !isShared(name)) {
    const tenant = resolveTenant(directory, name);
    if (isProblem(tenant)) return tenant;
  }
  if (delegated === undefined && grantType !== 'client_credentials') return problem(70003, { grant: grantType });
  const app = resolveApp(directory, clientId, findTenant(directory, name)?.name ?? name);
  if (isProblem(app)) return app;
  const values = { app: clientId, name: app.name };
  if (name === 'consumers') return problem(9002332, values);
  if (isShared(name) && !app.multiTenant) return problem(50194, values);
  return delegated === undefined ? clientCredentials(request, app) : delegated(request, app);
}

/** Client credentials: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow */
async function clientCredentials(request: TokenRequest, app: AppRegistration): Promise<Grant | EntraProblem> {
  const { directory, form, now } = request;
  const tenant = resolveTenant(directory, form.tenant);
  if (isProblem(tenant)) return tenant;
  const enterprise = resolveEnterpriseApp(tenant, app);
  if (isProblem(enterprise)) return enterprise;
  const proof = await proveClient(form, directory, app, tenant.id, now);
  if (typeof proof === 'object') return proof;
  if (proof === 'none') return problem(7000218);

  const scope = (form.fields.get('scope') ?? '').trim();
  if (scope === '') return problem(900144, { parameter: 'scope' });
  if (scope.split(/\s+/).length !== 1 || !/^[\x21-\x7e]+$/.test(scope)) return problem(70011, { scope });
  if (!scope.endsWith('/.default')) return problem(1002012, { scope });
  const audience = scope.slice(0, -'/.default'.length);
  if (audience.toLowerCase() === app.clientId.toLowerCase()) return problem(90009);
  if (!RESOURCES.has(audience)) return problem(500011, { resource: audience, tenant: tenant.name });
  const missing = judgeResource(tenant, audience);
  if (missing !== undefined) return missing;
  if (tenant.conditionalAccess.apps === 'block') return problem(53003, {}, { error: 'access_denied' });
  return { tenant, app, enterprise, audience, proof, roles: EXCHANGE.has(audience) ? enterprise.roles : [] };
}
