// The grants in a user's name: code, refresh token, device code, password.
import { createHash } from 'node:crypto';
import { type AppRegistration, findEnterpriseApp, findTenant, type Tenant } from '../directory.ts';
import { type ClientProof, proveClientOrPublic, resolveTenant } from './client.ts';
import { delegatedGrant, type Grant, type TokenRequest } from './grant.ts';
import { type EntraProblem, isProblem, problem, timestampOf } from './problem.ts';
import { EXCHANGE, parseScope, type RequestedScope } from './scope.ts';
import type { SignIn } from './store.ts';
import { consented, judgeResource, judgeUser, type Manner, missingConsent } from './user.ts';

/** Redeems an authorization code (RFC 6749 section 4.1.3, RFC 7636 section 4.5). */
export async function authorizationCode(request: TokenRequest, app: AppRegistration): Promise<Grant | EntraProblem> {
  const { form, store, now } = request;
  const text = form.fields.get('code') ?? '';
  if (text === '') return problem(900144, { parameter: 'code' });
  const redirectUri = form.fields.get('redirect_uri') ?? '';
  if (redirectUri === '') return problem(900144, { parameter: 'redirect_uri' });
  const code = store.code(text);
  if (code === undefined || code.signIn.clientId !== app.clientId) return problem(70000);
  const client = await prove(request, app, code.signIn);
  if (isProblem(client)) return client;
  if (code.redeemed) return problem(54005);
  if (code.expiresAt <= now) return problem(70008);
  if (code.redirectUri !== redirectUri) return problem(500112);
  if (code.challenge !== undefined) {
    const verifier = form.fields.get('code_verifier') ?? '';
    if (verifier === '') return problem(50147);
    const { method, value } = code.challenge;
    const given = method === 'plain' ? verifier : createHash('sha256').update(verifier).digest('base64url');
    if (given !== value) return problem(501481);
  }
  const scope = narrowed(form.fields.get('scope'), code.signIn.scope, client.tenant);
  if (isProblem(scope)) return scope;
  code.redeemed = true;
  return conclude(request, app, client, { ...code.signIn, scope }, { by: 'browser' });
}

/** Redeems a refresh token. A new one comes with every answer; what becomes of the old one is a setting. */
export async function refreshToken(request: TokenRequest, app: AppRegistration): Promise<Grant | EntraProblem> {
  const { form, store, now, settings } = request;
  const text = form.fields.get('refresh_token') ?? '';
  if (text === '') return problem(900144, { parameter: 'refresh_token' });
  const token = store.refreshToken(text);
  if (token === undefined) return problem(9002313, {}, { error: 'invalid_grant', suberror: 'bad_token' });
  const { signIn } = token;
  if (signIn.clientId !== app.clientId) return problem(70000);
  const client = await prove(request, app, signIn);
  if (isProblem(client)) return client;
  const user = client.tenant.users.find((one) => one.objectId === signIn.user);
  if (user === undefined) return problem(500341, { user: signIn.user, tenant: client.tenant.name });
  if (token.revoked || user.password !== signIn.password) return problem(50173);
  if (token.replaced && settings.replacedRefreshTokens === 'refuse') return problem(70000);
  if (now - token.issuedAt >= settings.refreshTokenLifetime) {
    const idle = `${Math.floor(settings.refreshTokenLifetime / 86_400_000)}.00:00:00`;
    return problem(700082, { issued: timestampOf(token.issuedAt), idle });
  }
  const asked = form.fields.get('scope');
  const scope = asked === undefined ? signIn.scope : parseScope(asked, client.tenant.name);
  if (isProblem(scope)) return scope;
  const grant = conclude(
    request,
    app,
    client,
    // A refresh goes on as it began: with another refresh token, for whatever resource is asked for.
    { ...signIn, scope: { ...scope, openId: new Set([...scope.openId, 'offline_access']) }, nonce: undefined },
    { by: 'refresh', mfa: signIn.mfa, signedInAt: signIn.at },
  );
  if (!isProblem(grant)) token.replaced = true;
  return grant;
}

/** Polls for a device code (RFC 8628 section 3.4). */
export async function deviceCode(request: TokenRequest, app: AppRegistration): Promise<Grant | EntraProblem> {
  const { form, store, now, settings } = request;
  const text = form.fields.get('device_code') ?? form.fields.get('code') ?? '';
  if (text === '') return problem(900144, { parameter: 'device_code' });
  const device = store.deviceCode(text);
  if (device === undefined || device.clientId !== app.clientId) return problem(70018);
  if (!app.publicClient && !form.fields.has('client_secret') && !form.fields.has('client_assertion')) {
    return problem(7000218);
  }
  const sincePoll = now - (device.polledAt ?? -Infinity);
  device.polledAt = now;
  if (device.state === 'declined') return problem(65004, {}, { error: 'authorization_declined' });
  if (device.state === 'redeemed') return problem(70000);
  if (typeof device.state === 'object') {
    const signIn = device.state;
    const client = await prove(request, app, signIn);
    if (isProblem(client)) return client;
    device.state = 'redeemed';
    return conclude(request, app, client, signIn, { by: 'browser' });
  }
  if (device.expiresAt <= now) return problem(70020);
  // Timers fire early by a little; that is not what slow_down is for.
  if (sincePoll < settings.deviceCodeInterval * 0.9) return problem(70016, {}, { error: 'slow_down' });
  return problem(70016);
}

/** Resource owner password credentials (RFC 6749 section 4.3). */
export async function password(request: TokenRequest, app: AppRegistration): Promise<Grant | EntraProblem> {
  const { directory, form, store, now } = request;
  const tenant = resolveTenant(directory, form.tenant);
  if (isProblem(tenant)) return tenant;
  const values = { app: app.clientId, name: app.name, tenant: tenant.name };
  if (findEnterpriseApp(tenant, app.clientId) === undefined) return problem(700016, values);
  const proof = await proveClientOrPublic(form, directory, app, tenant.id, now);
  if (typeof proof === 'object') return proof;
  const [username, given] = [form.fields.get('username') ?? '', form.fields.get('password') ?? ''];
  if (username === '') return problem(90014, { parameter: 'username' });
  if (given === '') return problem(90014, { parameter: 'password' });
  const scope = parseScope(form.fields.get('scope') ?? '', tenant.name);
  if (isProblem(scope)) return scope;
  const user = tenant.users.find(({ upn }) => upn.toLowerCase() === username.toLowerCase());
  if (user === undefined) return problem(50034, { user: username, tenant: tenant.name });
  if (store.locked(user.objectId, now)) return problem(50053);
  if (user.password !== given) {
    store.wrongPassword(user.objectId, now);
    return problem(50126);
  }
  store.rightPassword(user.objectId);
  const { objectId, password: remembered } = user;
  const signIn: SignIn = {
    tenantId: tenant.id,
    clientId: app.clientId,
    user: objectId,
    scope,
    at: now,
    mfa: false,
    password: remembered,
    nonce: undefined,
  };
  return conclude(request, app, { tenant, proof }, signIn, { by: 'password' });
}

interface Client {
  readonly tenant: Tenant;
  readonly proof: ClientProof;
}

/** The tenant a sign-in was for, and the client's proof. The path must name that tenant or none. */
async function prove(request: TokenRequest, app: AppRegistration, signIn: SignIn): Promise<Client | EntraProblem> {
  const { directory, form, now } = request;
  const tenant = findTenant(directory, signIn.tenantId);
  if (tenant === undefined) return problem(90002, { tenant: signIn.tenantId });
  const named = findTenant(directory, form.tenant);
  if (named !== undefined && named.id !== tenant.id) return problem(700005);
  const proof = await proveClientOrPublic(form, directory, app, tenant.id, now);
  return typeof proof === 'object' ? proof : { tenant, proof };
}

/** The scope to redeem a code for: what was signed in for, or a part of it. */
function narrowed(
  text: string | undefined,
  signedInFor: RequestedScope,
  tenant: Tenant,
): RequestedScope | EntraProblem {
  if (text === undefined) return signedInFor;
  if (text.trim() === '') return problem(28003);
  const scope = parseScope(text, tenant.name);
  if (isProblem(scope)) return scope.number === 70011 ? problem(28002, { scope: text }) : scope;
  return scope;
}

/** What all of them end with: user, policies, resource and consent are looked at once more. */
function conclude(
  { directory, now }: TokenRequest,
  app: AppRegistration,
  { tenant, proof }: Client,
  signIn: SignIn,
  manner: Manner,
): Grant | EntraProblem {
  const current = findTenant(directory, tenant.id) ?? tenant;
  const user = current.users.find((one) => one.objectId === signIn.user);
  if (user === undefined) return problem(500341, { user: signIn.user, tenant: tenant.name });
  const refusal = judgeUser(current, app, user, manner, now) ?? judgeResource(current, signIn.scope.resource);
  if (refusal !== undefined) return refusal;
  const enterprise = findEnterpriseApp(current, app.clientId);
  if (missingConsent(enterprise, app, user, signIn.scope).length > 0) {
    return problem(65001, { app: app.clientId, name: app.name });
  }
  const permissions = permissionsOf(signIn.scope, consented(enterprise, user));
  return delegatedGrant(current, app, proof, { user, permissions, scope: signIn.scope, signIn });
}

/** What `scp` lists: what was asked for, or with `/.default` all that was consented to. */
const permissionsOf = (scope: RequestedScope, has: ReadonlySet<string>): readonly string[] => {
  if (scope.permissions.length > 0) return scope.permissions;
  return EXCHANGE.has(scope.resource) ? [...has] : ['User.Read'];
};
