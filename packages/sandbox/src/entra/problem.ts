// Entra's refusals: OAuth errors that carry an AADSTS number and text. The wording is Microsoft's as of 2026-11.
import { randomUUID } from 'node:crypto';

/** A refused token request (RFC 6749 section 5.2), in Entra's terms. */
export interface EntraProblem {
  readonly status: number;
  readonly error: string;
  /** AADSTS number. */
  readonly number: number;
  readonly text: string;
}

const problem = (status: number, error: string, number: number, text: string): EntraProblem => ({
  status,
  error,
  number,
  text,
});

export const missingParameter = (name: string): EntraProblem =>
  problem(400, 'invalid_request', 900144, `The request body must contain the following parameter: '${name}'.`);
export const malformedRequest = (): EntraProblem =>
  problem(400, 'invalid_request', 9002313, 'Invalid request. Request is malformed or invalid.');
export const postOnly = (method: string): EntraProblem =>
  problem(400, 'invalid_request', 900561, `The endpoint only accepts POST requests. Received a ${method} request.`);
export const invalidTenantName = (tenant: string): EntraProblem =>
  problem(
    400,
    'invalid_request',
    900023,
    `Specified tenant identifier '${tenant}' is neither a valid DNS name, nor a valid external domain.`,
  );
export const tenantMissing = (): EntraProblem =>
  problem(
    400,
    'invalid_request',
    50059,
    'No tenant-identifying information found in either the request or implied by any provided credentials.',
  );
export const unknownTenant = (tenant: string): EntraProblem =>
  problem(
    400,
    'invalid_request',
    90002,
    `Tenant '${tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.`,
  );
export const unsupportedGrant = (grant: string): EntraProblem =>
  problem(400, 'unsupported_grant_type', 70003, `The app requested an unsupported grant type '${grant}'.`);
export const unknownApp = (clientId: string, tenant: string): EntraProblem =>
  problem(
    400,
    'unauthorized_client',
    700016,
    `Application with identifier '${clientId}' was not found in the directory '${tenant}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.`,
  );
export const appNotInTenant = (clientId: string, tenantId: string): EntraProblem =>
  problem(
    401,
    'invalid_client',
    7000229,
    `The client application ${clientId} is missing service principal in the tenant ${tenantId}. See instructions here: https://go.microsoft.com/fwlink/?linkid=2225119`,
  );
export const missingCredential = (): EntraProblem =>
  problem(
    401,
    'invalid_client',
    7000218,
    "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
  );
export const wrongSecret = (clientId: string): EntraProblem =>
  problem(
    401,
    'invalid_client',
    7000215,
    `Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '${clientId}'.`,
  );
export const expiredSecret = (clientId: string): EntraProblem =>
  problem(
    401,
    'invalid_client',
    7000222,
    `The provided client secret keys for app '${clientId}' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.`,
  );
export const invalidScope = (scope: string): EntraProblem =>
  problem(
    400,
    'invalid_scope',
    70011,
    `The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope ${scope} is not valid.`,
  );
export const scopeNotDefault = (scope: string): EntraProblem =>
  problem(
    400,
    'invalid_scope',
    1002012,
    `The provided value for scope ${scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).`,
  );
export const unknownResource = (resource: string, tenant: string): EntraProblem =>
  problem(
    400,
    'invalid_resource',
    500011,
    `The resource principal named ${resource} was not found in the tenant named ${tenant}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.`,
  );
export const throttled = (status: number): EntraProblem =>
  problem(status, 'temporarily_unavailable', 90055, 'The tenant has been throttled.');
export const transient = (status: number): EntraProblem =>
  problem(status, 'temporarily_unavailable', 90033, 'A transient error has occurred. Please try again.');

/** The JSON body of a refusal, with the ids and the time people send to Microsoft's support. */
export function problemBody(refusal: EntraProblem, now: number, correlationId: string): Record<string, unknown> {
  const timestamp = `${new Date(now).toISOString().slice(0, 19).replace('T', ' ')}Z`;
  const traceId = randomUUID();
  return {
    error: refusal.error,
    error_description: `AADSTS${refusal.number}: ${refusal.text} Trace ID: ${traceId} Correlation ID: ${correlationId} Timestamp: ${timestamp}`,
    error_codes: [refusal.number],
    timestamp,
    trace_id: traceId,
    correlation_id: correlationId,
    error_uri: `https://login.microsoftonline.com/error?code=${refusal.number}`,
  };
}
