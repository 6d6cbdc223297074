// Tokens for managed identities, as the machine gets them: from Azure's metadata service (IMDS), or from App Service.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type AppRegistration, type Directory, findEnterpriseApp, findTenant } from '../directory.ts';
import { sendJson } from '../http.ts';
import { ENTRA_POINT, faultStatus, onlyDelays, pause, sendFault } from './fault.ts';
import type { Grant } from './grant.ts';
import { isProblem, problem } from './problem.ts';
import { EXCHANGE, RESOURCES } from './scope.ts';
import type { TokenEndpoint, TokenRequestRecord } from './token-endpoint.ts';
import { claimsOf } from './tokens.ts';
import { judgeResource } from './user.ts';

/** The two ways to ask. */
export type IdentityShape = 'imds' | 'app-service';

export interface IdentityEndpoint extends Pick<
  TokenEndpoint,
  'directory' | 'now' | 'tokenLifetime' | 'faults' | 'signer' | 'record'
> {
  /** What App Service's `X-IDENTITY-HEADER` has to be. */
  readonly identityHeader: string;
}

/** A refusal: HTTP status, OAuth error, words. */
interface Refusal {
  readonly status: number;
  readonly error: string;
  readonly text: string;
  readonly number?: number;
}

const refusal = (text: string, error = 'invalid_request', status = 400): Refusal => ({ status, error, text });

/** Answers one request for a token. */
export async function answerIdentity(
  endpoint: IdentityEndpoint,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  shape: IdentityShape,
): Promise<void> {
  const { faults, now, directory } = endpoint;
  const app = findIdentity(directory(), url.searchParams);
  const known = typeof app === 'object' && 'clientId' in app ? app : undefined;
  const record = (outcome: TokenRequestRecord['outcome'], status: number, error?: string): void =>
    endpoint.record({
      at: now(),
      tenant: known?.homeTenantId ?? '',
      grant: 'managed_identity',
      clientId: known?.clientId ?? '',
      scope: url.searchParams.get('resource') ?? '',
      credential: 'none',
      user: undefined,
      outcome,
      status,
      error,
    });
  const fault = faults.take(ENTRA_POINT);
  if (fault !== undefined) {
    if (fault.delay !== undefined) await pause(fault.delay, response);
    if (!onlyDelays(fault)) {
      const silent = fault.hang === true || fault.reset === true;
      record(
        'fault',
        silent ? 0 : faultStatus(fault),
        fault.aadsts === undefined ? undefined : `AADSTS${fault.aadsts}`,
      );
      return sendFault(response, fault, now(), randomUUID(), { app: known?.clientId ?? '', tenant: '' });
    }
  }
  const refuse = ({ status, error, text, number }: Refusal): void => {
    record('refused', status, number === undefined ? error : `AADSTS${number}`);
    if (shape === 'imds') return sendJson(response, status, { error, error_description: text });
    sendJson(response, status, { statusCode: status, message: text, correlationId: randomUUID() });
  };
  const wrong = judgeRequest(endpoint, request, url.searchParams, shape);
  if (wrong !== undefined) return refuse(wrong);
  if (!('clientId' in app)) return refuse(app);
  const grant = decide(directory(), app, url.searchParams.get('resource') ?? '');
  if (!('tenant' in grant)) return refuse(grant);
  const { sign } = await endpoint.signer;
  const token = await sign(claimsOf(grant, now(), endpoint.tokenLifetime));
  record('issued', 200);
  sendJson(response, 200, answer(grant, token, now(), endpoint.tokenLifetime, shape));
}

/** Whether it is a request at all. */
function judgeRequest(
  { identityHeader }: IdentityEndpoint,
  { method, headers }: IncomingMessage,
  query: URLSearchParams,
  shape: IdentityShape,
): Refusal | undefined {
  if (method !== 'GET') return refusal('Method not allowed', 'invalid_request', 405);
  if (shape === 'app-service' && headers['x-identity-header'] !== identityHeader) {
    return refusal('The request is not authorized: X-IDENTITY-HEADER', 'unauthorized', 401);
  }
  if (shape === 'imds' && headers['metadata'] !== 'true') {
    return refusal('Required metadata header not specified', 'bad_request_102');
  }
  for (const name of ['api-version', 'resource']) {
    if (!query.get(name)) return refusal(`Required query variable '${name}' is missing`);
  }
  const version = query.get('api-version') ?? '';
  if (shape === 'imds' ? version < '2018-02-01' : version !== '2019-08-01') {
    return refusal(`The api-version '${version}' is not supported`);
  }
  return undefined;
}

/** The identity asked for, or the machine's own. */
function findIdentity({ apps, tenants }: Directory, query: URLSearchParams): AppRegistration | Refusal {
  const identities = apps.filter(({ managedIdentity }) => managedIdentity !== undefined);
  const [clientId, resourceId] = [query.get('client_id'), query.get('msi_res_id') ?? query.get('mi_res_id')];
  const objectId = query.get('object_id') ?? query.get('principal_id');
  const asked = clientId ?? resourceId ?? objectId;
  const objectIdOf = (app: AppRegistration): string | undefined =>
    tenants.flatMap((tenant) => findEnterpriseApp(tenant, app.clientId) ?? [])[0]?.objectId;
  const same = (one: string | undefined, other: string | null): boolean =>
    other !== null && one?.toLowerCase() === other.toLowerCase();
  if (asked !== null) {
    const found = identities.find(
      (app) =>
        same(app.clientId, clientId) ||
        same(app.managedIdentity?.resourceId, resourceId) ||
        same(objectIdOf(app), objectId),
    );
    return found ?? refusal('Identity not found');
  }
  const own = identities.find(({ managedIdentity }) => managedIdentity?.assigned === 'system');
  if (own !== undefined) return own;
  if (identities.length > 1) {
    return refusal('Multiple user assigned identities exist, please specify the clientId / resourceId of the identity');
  }
  return identities[0] ?? refusal('Identity not found');
}

function decide(directory: Directory, app: AppRegistration, resource: string): Grant | Refusal {
  const tenant = findTenant(directory, app.homeTenantId);
  const enterprise = tenant && findEnterpriseApp(tenant, app.clientId);
  if (tenant === undefined || enterprise === undefined) return refusal('Identity not found');
  const audience = resource.replace(/\/$/, '');
  const missing = RESOURCES.has(audience)
    ? judgeResource(tenant, audience)
    : problem(500011, { resource, tenant: tenant.name });
  const blocked = enterprise.enabled ? missing : problem(7000112, { app: app.clientId, name: app.name });
  if (blocked !== undefined && isProblem(blocked)) {
    const { number, text, error } = blocked;
    return {
      status: 400,
      error: number === 500011 ? 'invalid_resource' : error,
      text: `AADSTS${number}: ${text}`,
      number,
    };
  }
  const roles = EXCHANGE.has(audience) ? enterprise.roles : [];
  return { tenant, app, enterprise, audience, proof: 'machine', roles };
}

/** Numbers are texts here, as in version 1.0 of everything. */
function answer(
  { app, audience }: Grant,
  token: string,
  now: number,
  lifetime: number,
  shape: IdentityShape,
): Record<string, string> {
  const seconds = Math.floor(now / 1000);
  const expiresIn = Math.floor(lifetime / 1000);
  return {
    access_token: token,
    client_id: app.clientId,
    expires_on: String(seconds + expiresIn),
    resource: audience,
    token_type: 'Bearer',
    ...(shape === 'imds' && {
      expires_in: String(expiresIn),
      ext_expires_in: String(expiresIn),
      not_before: String(seconds - 300),
    }),
  };
}
