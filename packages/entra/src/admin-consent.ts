// An app of tenant A that is to send from a mailbox in tenant B: B's administrator agrees once, the token then comes from B.
import { randomBytes } from 'node:crypto';
import { TokenError } from '@mailgrant/core';
import { checkRedirectUri, parseCallback, throwRefusal } from './callback.ts';
import { bad, type EntraOptions, normalise, shown } from './input.ts';

export interface AdminConsentOptions extends Pick<EntraOptions, 'clientId' | 'cloud' | 'provider' | 'scope'> {
  /** The tenant that is to agree. Default `organizations`: the one the administrator signs in to. */
  readonly tenantId?: string | undefined;
  /** Where the browser comes back to; one of the app registration's. */
  readonly redirectUri: string;
  /** Default: random. Keep it with the administrator's session. */
  readonly state?: string | undefined;
}

export interface AdminConsentRequest {
  /** Where to send the administrator. */
  readonly url: string;
  /** What the callback must carry: hand it to `parseAdminConsent`. */
  readonly state: string;
}

/** An administrator's yes. */
export interface AdminConsent {
  /** The tenant that agreed: the `tenantId` for `entraApp`. */
  readonly tenantId: string;
  readonly scope: string | undefined;
}

/**
 * The page on which an administrator of another tenant agrees to the application permissions of an app.
 * The app registration must be for several tenants (`AzureADMultipleOrgs`).
 * @throws TypeError `ERR_INPUT_OPTION`, naming the option.
 */
export function adminConsentUrl(options: AdminConsentOptions): AdminConsentRequest {
  const { tenantId = 'organizations', redirectUri, state = randomBytes(24).toString('base64url') } = options;
  if (tenantId.toLowerCase() === 'common') throw bad("tenantId must not be 'common': personal accounts cannot consent");
  const { cloud, clientId } = normalise({ ...options, tenantId }, 'delegated');
  // Application permissions are consented to as they are registered: by the resource and /.default.
  const { scope } = normalise({ ...options, tenantId: 'a-tenant' }, 'application');
  checkRedirectUri(redirectUri);
  if (state === '') throw bad('state must not be empty');
  const query = new URLSearchParams({ client_id: clientId, scope, redirect_uri: redirectUri, state });
  return { url: `${cloud.authority}/${tenantId}/v2.0/adminconsent?${query.toString()}`, state };
}

/**
 * Judges the callback of an admin consent.
 * @param expected.state what `adminConsentUrl` returned
 * @param expected.tenantId the id of the tenant that was to agree, where it is known
 * @throws TokenEndpointError `ERR_OAUTH_REFUSED` when the administrator declined (`AADSTS65004`) or may not agree.
 * @throws TokenError `ERR_OAUTH_CALLBACK` when the callback belongs to another request, tenant or purpose.
 */
export function parseAdminConsent(
  callbackUrl: string | URL,
  expected: { readonly state: string; readonly tenantId?: string | undefined },
): AdminConsent {
  const { state, parameters } = parseCallback(callbackUrl);
  if (state !== expected.state) throw misplaced('the callback of an admin consent belongs to another request');
  throwRefusal(parameters, 'the administrator did not consent');
  const tenantId = parameters.get('tenant') ?? '';
  if (parameters.get('admin_consent')?.toLowerCase() !== 'true') {
    throw misplaced('the callback says nothing of an admin consent');
  }
  if (!/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(tenantId)) throw misplaced('the callback names no tenant');
  if (expected.tenantId !== undefined && expected.tenantId.toLowerCase() !== tenantId.toLowerCase()) {
    throw misplaced(`tenant ${tenantId} consented, not ${shown(expected.tenantId)}`);
  }
  return { tenantId, scope: parameters.get('scope') ?? undefined };
}

function misplaced(message: string): TokenError {
  return new TokenError('ERR_OAUTH_CALLBACK', message);
}
