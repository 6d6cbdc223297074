// Which tenant, which app, and whether the client is the app it says it is.
import {
  type AppRegistration,
  type Directory,
  type EnterpriseApp,
  findApp,
  findEnterpriseApp,
  findTenant,
  type Tenant,
} from '../directory.ts';
import { verifyAssertion } from './client-assertion.ts';
import { CLOUDS } from './clouds.ts';
import type { TokenForm } from './form.ts';
import { type EntraProblem, isProblem, problem } from './problem.ts';

/** How a client proved itself. */
export type ClientProof = 'none' | 'secret' | 'certificate' | 'federated' | 'machine';

const SHARED_ENDPOINTS: ReadonlySet<string> = new Set(['common', 'organizations', 'consumers']);
const TENANT_NAME = /^[0-9a-z-]+(\.[0-9a-z-]+)+$|^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** Whether the path names no tenant but everyone's endpoint. */
export const isShared = (name: string): boolean => SHARED_ENDPOINTS.has(name);

/** The tenant a path names. */
export function resolveTenant(directory: Directory, name: string): Tenant | EntraProblem {
  if (isShared(name)) return problem(50059);
  if (!TENANT_NAME.test(name)) return problem(900023, { tenant: name });
  return findTenant(directory, name) ?? problem(90002, { tenant: name });
}

/** The registration, when it is enabled. */
export function resolveApp(directory: Directory, clientId: string, tenant: string): AppRegistration | EntraProblem {
  const app = findApp(directory, clientId);
  // A managed identity has no registration: nobody signs in with it, and no secret proves it.
  if (app === undefined || app.managedIdentity) return problem(700016, { app: clientId, tenant });
  return app.enabled ? app : problem(7000112, { app: clientId, name: app.name });
}

/** The app as the tenant knows it, when it is enabled there. */
export function resolveEnterpriseApp(tenant: Tenant, app: AppRegistration): EnterpriseApp | EntraProblem {
  const values = { app: app.clientId, name: app.name, tenant: tenant.id };
  const enterprise = findEnterpriseApp(tenant, app.clientId);
  if (enterprise === undefined) return problem(7000229, values);
  return enterprise.enabled ? enterprise : problem(7000112, values);
}

/** Checks secret or assertion. `'none'` when the request has neither. */
export async function proveClient(
  { fields, endpoint }: TokenForm,
  directory: Directory,
  app: AppRegistration,
  tenantId: string,
  now: number,
): Promise<ClientProof | EntraProblem> {
  const assertion = fields.get('client_assertion') ?? '';
  const given = fields.get('client_secret') ?? '';
  if (assertion === '' && given === '') return 'none';
  const confidential = app.secrets.length + app.certificates.length + app.federatedCredentials.length > 0;
  if (!confidential && app.publicClient) return problem(700025);
  if (assertion !== '') {
    if (fields.get('client_assertion_type') !== JWT_BEARER) {
      return problem(900144, { parameter: 'client_assertion_type' });
    }
    const cloud = findTenant(directory, tenantId)?.cloud ?? 'worldwide';
    const issuer = `https://${CLOUDS[cloud].login}/${tenantId}`;
    const audiences = [endpoint, `${issuer}/v2.0`, `${issuer}/oauth2/v2.0/token`];
    return verifyAssertion(assertion, { directory, app, audiences, now });
  }
  const secret = app.secrets.find(({ value }) => value === given);
  if (secret === undefined) return problem(7000215, { app: app.clientId });
  return secret.expiresAt <= now ? problem(7000222, { app: app.clientId }) : 'secret';
}

/** As `proveClient`; a client without any proof passes only where public clients are allowed. */
export async function proveClientOrPublic(
  ...args: Parameters<typeof proveClient>
): Promise<ClientProof | EntraProblem> {
  const [, , app] = args;
  const proof = await proveClient(...args);
  if (typeof proof === 'object' && isProblem(proof)) return proof;
  return proof === 'none' && !app.publicClient ? problem(7000218) : proof;
}
