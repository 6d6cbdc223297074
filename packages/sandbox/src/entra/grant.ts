// Decides one token request. Pure: directory, form and time in; what the token shall say, or the refusal, out.
import {
  type AppRegistration,
  type Directory,
  type EnterpriseApp,
  findApp,
  findEnterpriseApp,
  findTenant,
  type Tenant,
} from '../directory.ts';
import * as problems from './problem.ts';
import type { EntraProblem } from './problem.ts';

/** A token request as it came: path, form fields, and the credentials of a Basic header merged in. */
export interface TokenForm {
  readonly tenant: string;
  readonly fields: ReadonlyMap<string, string>;
}

/** What the token shall say. */
export interface Grant {
  readonly tenant: Tenant;
  readonly app: AppRegistration;
  readonly enterprise: EnterpriseApp;
  readonly audience: string;
  readonly roles: readonly string[];
}

export const EXCHANGE_APP_ID = '00000002-0000-0ff1-ce00-000000000000';
const EXCHANGE: ReadonlySet<string> = new Set([
  'https://outlook.office365.com',
  'https://outlook.office.com',
  EXCHANGE_APP_ID,
]);
const RESOURCES: ReadonlySet<string> = new Set([...EXCHANGE, 'https://graph.microsoft.com']);

const NO_TENANT: ReadonlySet<string> = new Set(['common', 'organizations', 'consumers']);
const TENANT_NAME = /^[0-9a-z-]+(\.[0-9a-z-]+)+$|^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export const isProblem = (decision: Grant | EntraProblem): decision is EntraProblem => 'number' in decision;

/** Client credentials with a secret: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow */
export function decideGrant(
  directory: Directory,
  { tenant: name, fields }: TokenForm,
  now: number,
): Grant | EntraProblem {
  const grantType = fields.get('grant_type') ?? '';
  if (grantType === '') return problems.missingParameter('grant_type');
  const clientId = fields.get('client_id') ?? '';
  if (clientId === '') return problems.missingParameter('client_id');

  if (NO_TENANT.has(name)) return problems.tenantMissing();
  if (!TENANT_NAME.test(name)) return problems.invalidTenantName(name);
  const tenant = findTenant(directory, name);
  if (tenant === undefined) return problems.unknownTenant(name);
  if (grantType !== 'client_credentials') return problems.unsupportedGrant(grantType);

  const app = findApp(directory, clientId);
  if (app === undefined) return problems.unknownApp(clientId, tenant.name);
  const enterprise = findEnterpriseApp(tenant, clientId);
  if (enterprise === undefined) return problems.appNotInTenant(clientId, tenant.id);
  const given = fields.get('client_secret') ?? '';
  if (given === '') return problems.missingCredential();
  const secret = app.secrets.find(({ value }) => value === given);
  if (secret === undefined) return problems.wrongSecret(clientId);
  if (secret.expiresAt <= now) return problems.expiredSecret(clientId);

  const scope = (fields.get('scope') ?? '').trim();
  if (scope === '') return problems.missingParameter('scope');
  const scopes = scope.split(/\s+/);
  if (scopes.length !== 1 || !/^[\x21-\x7e]+$/.test(scope)) return problems.invalidScope(scope);
  if (!scope.endsWith('/.default')) return problems.scopeNotDefault(scope);
  const audience = scope.slice(0, -'/.default'.length);
  if (!RESOURCES.has(audience)) return problems.unknownResource(audience, tenant.name);
  return { tenant, app, enterprise, audience, roles: EXCHANGE.has(audience) ? enterprise.roles : [] };
}
