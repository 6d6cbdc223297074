// Device codes (RFC 8628): given out here, answered by a person on the page.
import { type AppRegistration, findEnterpriseApp, findTenant, findUser } from '../directory.ts';
import type { AuthorizeContext, SignInChoice } from './authorize.ts';
import { isShared, resolveApp, resolveTenant } from './client.ts';
import type { TokenForm } from './form.ts';
import { type EntraProblem, isProblem, problem } from './problem.ts';
import { parseScope } from './scope.ts';
import { judgeUser, missingConsent, withConsent } from './user.ts';

export type DeviceAnswer = 'approved' | 'declined';

/** Answers a request to `devicecode`. Lifetime and interval in milliseconds. */
export function startDevice(
  { directory, store, now }: AuthorizeContext,
  { tenant: name, fields }: TokenForm,
  { origin, lifetime, interval }: { readonly origin: string; readonly lifetime: number; readonly interval: number },
): Record<string, unknown> | EntraProblem {
  const clientId = fields.get('client_id') ?? '';
  if (clientId === '') return problem(900144, { parameter: 'client_id' });
  const tenant = isShared(name) ? undefined : resolveTenant(directory(), name);
  if (tenant !== undefined && isProblem(tenant)) return tenant;
  const app = resolveApp(directory(), clientId, tenant?.name ?? name);
  if (isProblem(app)) return app;
  if (tenant === undefined && !app.multiTenant) return problem(50059);
  if (tenant !== undefined && !isKnown(tenant.id, app, findEnterpriseApp(tenant, clientId) !== undefined)) {
    return problem(700016, { app: clientId, tenant: tenant.name });
  }
  const scope = parseScope(fields.get('scope') ?? '', tenant?.name ?? name);
  if (isProblem(scope)) return scope;
  const { deviceCode, userCode } = store.createDeviceCode({
    clientId,
    tenant: name,
    scope,
    expiresAt: now() + lifetime,
  });
  const page = `${origin}/devicelogin`;
  return {
    user_code: userCode,
    device_code: deviceCode,
    verification_uri: page,
    expires_in: Math.floor(lifetime / 1000),
    interval: Math.ceil(interval / 1000),
    message: `To sign in, use a web browser to open the page ${page} and enter the code ${userCode} to authenticate.`,
  };
}

const isKnown = (tenantId: string, app: AppRegistration, installed: boolean): boolean =>
  installed || app.multiTenant || app.homeTenantId === tenantId;

/** A person answers for a user code. */
export function answerDevice(
  { directory, update, store, now }: AuthorizeContext,
  userCode: string,
  { as, consent = true }: SignInChoice,
): DeviceAnswer | EntraProblem {
  const device = store.userCode(userCode);
  if (device === undefined || device.state !== 'pending') return problem(70018);
  if (device.expiresAt <= now()) return problem(70019);
  const app = resolveApp(directory(), device.clientId, device.tenant);
  if (isProblem(app)) return app;
  if (as === undefined || !consent) {
    device.state = 'declined';
    return 'declined';
  }
  const account = findUser(directory(), as);
  const named = findTenant(directory(), device.tenant);
  const values = { user: as, app: app.clientId, name: app.name, tenant: named?.name ?? '', provider: '' };
  if (account === undefined) return problem(50034, values);
  const { user, tenant } = account;
  if (named !== undefined && named.id !== tenant.id) return problem(50020, { ...values, provider: tenant.name });
  const refusal = judgeUser(tenant, app, user, { by: 'browser' }, now());
  if (refusal !== undefined) return refusal;
  const missing = missingConsent(findEnterpriseApp(tenant, app.clientId), app, user, device.scope);
  if (missing.length > 0 && !tenant.userConsent && !user.admin) return problem(90094, values);
  update((current) => withConsent(current, findTenant(current, tenant.id) ?? tenant, app, user, missing));
  device.state = {
    tenantId: tenant.id,
    clientId: app.clientId,
    user: user.objectId,
    scope: device.scope,
    at: now(),
    mfa: tenant.conditionalAccess.users === 'mfa',
    password: user.password,
    nonce: undefined,
  };
  return 'approved';
}
