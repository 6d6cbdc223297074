// The authorize endpoint: judges the request, then who signs in, and says where the browser goes next.
import { randomUUID } from 'node:crypto';
import {
  type AppRegistration,
  type Directory,
  findEnterpriseApp,
  findTenant,
  findUser,
  type Tenant,
  type User,
} from '../directory.ts';
import { isShared, resolveApp, resolveTenant } from './client.ts';
import { type EntraProblem, isProblem, problem, problemBody } from './problem.ts';
import { parseScope, type RequestedScope } from './scope.ts';
import type { EntraStore, SignIn } from './store.ts';
import { judgeUser, missingConsent, withConsent } from './user.ts';

/** What a person does on the sign-in page. */
export interface SignInChoice {
  /** Sign-in name of the account; `undefined`: nobody, as in a browser without a session. */
  readonly as?: string;
  /** Whether they agree to what the app asks for, should they be asked; default `true`. */
  readonly consent?: boolean;
}

/** How the answer gets to the app: in the query, in the fragment, or as a form its page posts. */
type ResponseMode = (typeof RESPONSE_MODES)[number];

export const RESPONSE_MODES = ['query', 'fragment', 'form_post'] as const;

/** An authorization request that is in order. */
export interface AuthorizeRequest {
  readonly app: AppRegistration;
  /** `undefined` on an endpoint for several tenants. */
  readonly tenant: Tenant | undefined;
  readonly redirectUri: string;
  readonly mode: ResponseMode;
  readonly state: string | undefined;
  readonly scope: RequestedScope;
  readonly prompt: string;
  readonly loginHint: string | undefined;
  readonly domainHint: string | undefined;
  readonly nonce: string | undefined;
  readonly challenge: { readonly method: 'S256' | 'plain'; readonly value: string } | undefined;
  readonly wantsClientInfo: boolean;
}

export interface AuthorizeContext {
  readonly directory: () => Directory;
  readonly update: (edit: (directory: Directory) => Directory) => void;
  readonly store: EntraStore;
  readonly now: () => number;
  /** Milliseconds an authorization code is good for. */
  readonly codeLifetime: number;
}

/** Where the browser goes, with a code or an error. */
export interface Redirect {
  readonly redirect: string;
  /** With `form_post`: what a page posts there; then `redirect` has nothing added. */
  readonly fields?: Readonly<Record<string, string>>;
}

/** The browser leaves, or (`page`) Entra shows an error and sends nobody anywhere. */
export type AuthorizeOutcome = Redirect | { readonly page: EntraProblem };

/** Reads an authorization request. Errors the app cannot be trusted with are for the page, the others for its redirect URI. */
export function readAuthorize(
  directory: Directory,
  name: string,
  query: URLSearchParams,
): AuthorizeRequest | AuthorizeOutcome {
  const page = (refusal: EntraProblem): AuthorizeOutcome => ({ page: refusal });
  const get = (parameter: string): string => query.get(parameter) ?? '';
  const clientId = get('client_id');
  if (clientId === '') return page(problem(900144, { parameter: 'client_id' }));
  const tenant = isShared(name) ? undefined : resolveTenant(directory, name);
  if (tenant !== undefined && isProblem(tenant)) return page(tenant);
  const app = resolveApp(directory, clientId, tenant?.name ?? name);
  if (isProblem(app)) return page(app);
  const values = { app: clientId, name: app.name, tenant: tenant?.name ?? name, redirect: get('redirect_uri') };
  if (name === 'consumers') return page(problem(9002332, values));
  if (isShared(name) && !app.multiTenant) return page(problem(50194, values));
  if (tenant !== undefined && findEnterpriseApp(tenant, clientId) === undefined && !app.multiTenant) {
    return page(problem(700016, values));
  }
  const redirectUri = get('redirect_uri') || (app.redirectUris[0] ?? '');
  if (!app.redirectUris.some((one) => sameRedirect(one, redirectUri))) return page(problem(50011, values));

  const mode = RESPONSE_MODES.find((one) => one === (get('response_mode') || 'query'));
  const target = { redirectUri, mode: mode ?? 'query', state: query.get('state') ?? undefined };
  const back = (refusal: EntraProblem): AuthorizeOutcome => errorRedirect(target, refusal);
  if (get('response_type') !== 'code') return back(problem(70005, { response: get('response_type') }));
  if (mode === undefined) {
    return back(problem(90023, {}, { text: `response_mode '${get('response_mode')}' is not supported here.` }));
  }
  const scope = parseScope(get('scope'), tenant?.name ?? name);
  if (isProblem(scope)) return back(scope);
  const value = get('code_challenge');
  if (value !== '' && !/^[\w.~-]{43,128}$/.test(value)) return back(problem(501491));
  const method = get('code_challenge_method') || 'plain';
  if (method !== 'S256' && method !== 'plain') return back(problem(90023));
  return {
    ...target,
    app,
    tenant,
    scope,
    prompt: get('prompt'),
    loginHint: query.get('login_hint') ?? undefined,
    domainHint: query.get('domain_hint') ?? undefined,
    nonce: query.get('nonce') ?? undefined,
    challenge: value === '' ? undefined : { method, value },
    wantsClientInfo: get('client_info') === '1',
  };
}

/** The account's place in this sign-in: its tenant's, unless another one was asked for. */
function findAccount(
  directory: Directory,
  request: Pick<AuthorizeRequest, 'tenant' | 'app' | 'prompt'>,
  upn: string,
): { readonly user: User; readonly tenant: Tenant } | EntraProblem {
  const found = findUser(directory, upn);
  const { app, tenant } = request;
  const values = { user: upn, tenant: tenant?.name ?? '', app: app.clientId, provider: found?.tenant.name ?? '' };
  if (found === undefined) return problem(50034, { ...values, tenant: tenant?.name ?? 'sandbox' });
  if (tenant === undefined || tenant.id === found.tenant.id) return found;
  return request.prompt === 'none' ? problem(16000, values) : problem(50020, values);
}

/** Whether the account has to be asked for consent first. */
export function wantsConsent(directory: Directory, request: AuthorizeRequest, upn: string): boolean {
  const account = findAccount(directory, request, upn);
  if (isProblem(account)) return false;
  const { app, scope, prompt } = request;
  const enterprise = findEnterpriseApp(account.tenant, app.clientId);
  const missing = missingConsent(enterprise, app, account.user, scope);
  return missing.length > 0 || enterprise === undefined || prompt === 'consent';
}

/** A person chose an account (and answered the question for consent, if one came): where the browser goes. */
export function completeAuthorize(
  context: AuthorizeContext,
  request: AuthorizeRequest,
  { as, consent = true }: SignInChoice,
): AuthorizeOutcome {
  const { app, scope } = request;
  const now = context.now();
  const back = (refusal: EntraProblem): AuthorizeOutcome => errorRedirect(request, refusal);
  const silent = request.prompt === 'none';
  if (as === undefined) return back(silent ? problem(50058) : problem(65004));
  const account = findAccount(context.directory(), request, as);
  if (isProblem(account)) return silent ? back({ ...account, error: 'interaction_required' }) : { page: account };
  const { user, tenant } = account;
  const refusal = judgeUser(tenant, app, user, { by: 'browser' }, now);
  if (refusal !== undefined) return silent ? back({ ...refusal, error: 'interaction_required' }) : { page: refusal };

  const enterprise = findEnterpriseApp(tenant, app.clientId);
  const missing = missingConsent(enterprise, app, user, scope);
  const values = { app: app.clientId, name: app.name, tenant: tenant.name };
  if (missing.length > 0 || enterprise === undefined || request.prompt === 'consent') {
    if (silent) return back(problem(65001, values, { error: 'consent_required' }));
    if (!consent) return back(problem(65004));
    if (missing.length > 0 && !tenant.userConsent && !user.admin) return { page: problem(90094, values) };
    context.update((directory) =>
      withConsent(directory, findTenant(directory, tenant.id) ?? tenant, app, user, missing),
    );
  }
  const signIn: SignIn = {
    tenantId: tenant.id,
    clientId: app.clientId,
    user: user.objectId,
    scope,
    at: now,
    mfa: tenant.conditionalAccess.users === 'mfa',
    password: user.password,
    nonce: request.nonce,
  };
  const { redirectUri, challenge } = request;
  const code = context.store.createCode({ signIn, redirectUri, challenge, expiresAt: now + context.codeLifetime });
  return redirectWith(request, {
    code,
    ...(request.wantsClientInfo && { client_info: clientInfo(user, tenant) }),
    session_state: randomUUID(),
  });
}

/** Which account MSAL keeps tokens under. */
export const clientInfo = (user: User, tenant: Tenant): string =>
  Buffer.from(JSON.stringify({ uid: user.objectId, utid: tenant.id })).toString('base64url');

type Target = Pick<AuthorizeRequest, 'redirectUri' | 'mode' | 'state'>;

function redirectWith({ redirectUri, mode, state }: Target, values: Readonly<Record<string, string>>): Redirect {
  const fields = { ...values, ...(state !== undefined && { state }) };
  if (mode === 'form_post') return { redirect: redirectUri, fields };
  const url = new URL(redirectUri);
  const all = new URLSearchParams(fields);
  if (mode === 'fragment') url.hash = all.toString();
  else for (const [name, value] of all) url.searchParams.set(name, value);
  return { redirect: url.href };
}

export function errorRedirect(target: Target, refusal: EntraProblem): Redirect {
  const { error, error_description: description, error_uri: uri } = problemBody(refusal, Date.now(), randomUUID());
  return redirectWith(target, {
    error: String(error),
    ...(refusal.error === 'access_denied' && { error_subcode: 'cancel' }),
    error_description: String(description),
    error_uri: String(uri),
  });
}

const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Letter for letter, but for the port of a loopback address (RFC 8252 section 7.3). */
export function sameRedirect(registered: string, given: string): boolean {
  if (registered === given) return true;
  if (!URL.canParse(registered) || !URL.canParse(given)) return false;
  const [one, other] = [new URL(registered), new URL(given)];
  if (!LOOPBACK.has(one.hostname)) return false;
  other.port = one.port;
  return one.href === other.href;
}
