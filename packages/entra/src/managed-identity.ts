// The identity a platform gives to what runs on it: Azure VMs, App Service, Functions, Container Apps, Arc and others.
import { accessToken, type AccessToken, MailError, TokenError, type TokenRequest } from '@mailgrant/core';
import { bad, cloudOf, type EntraHttpOptions, type EntraOptions, shown } from './input.ts';
import { identityNetwork, type IdentityRequest, withIdentityRequest } from './msal/identity-network.ts';

export interface EntraManagedIdentityOptions
  extends Pick<EntraHttpOptions, 'fetch' | 'timeout'>, Pick<EntraOptions, 'cloud' | 'scope'> {
  /** A user-assigned identity, by one of its three ids. Default: the system-assigned one. */
  readonly clientId?: string | undefined;
  readonly objectId?: string | undefined;
  readonly resourceId?: string | undefined;
}

/**
 * A token source for the managed identity of this machine. Which platform it is, MSAL finds out from the environment.
 *
 * Experimental: nobody has been seen sending over SMTP with such a token; what Exchange wants to know of the identity is the
 * same as for an application. The source throws TokenError with the endpoint's status and words.
 * @throws TypeError `ERR_INPUT_OPTION` at once, naming the option.
 * @experimental
 */
export function entraManagedIdentity(
  options: EntraManagedIdentityOptions = {},
): (request?: TokenRequest) => Promise<AccessToken> {
  const { clientId, objectId, resourceId, fetch = globalThis.fetch, timeout = 10_000 } = options;
  if ([clientId, objectId, resourceId].filter((id) => id !== undefined).length > 1) {
    throw bad('clientId, objectId and resourceId exclude each other');
  }
  const scope = options.scope ?? cloudOf(options.cloud).applicationScope;
  if (!scope?.endsWith('/.default')) throw bad('scope must be a resource and /.default');
  const ids = {
    ...(clientId !== undefined && { userAssignedClientId: clientId }),
    ...(objectId !== undefined && { userAssignedObjectId: objectId }),
    ...(resourceId !== undefined && { userAssignedResourceId: resourceId }),
  };

  return async () => {
    const { ManagedIdentityApplication } = await import('@azure/msal-node');
    const request: IdentityRequest = { fetch, timeout, failure: undefined };
    try {
      const identity = new ManagedIdentityApplication({
        ...(Object.keys(ids).length > 0 && { managedIdentityIdParams: ids }),
        system: {
          networkClient: identityNetwork,
          disableInternalRetries: true, // core's cache knows when to try again
          loggerOptions: { loggerCallback: () => undefined, piiLoggingEnabled: false },
        },
      });
      // MSAL's cache is one for the process; whether to ask is decided above.
      const ask = () => identity.acquireToken({ resource: scope, forceRefresh: true });
      const { accessToken: value, expiresOn } = await withIdentityRequest(request, ask);
      if (value === '' || expiresOn === null || Number.isNaN(expiresOn.getTime())) {
        throw new TokenError('ERR_OAUTH_MALFORMED', 'the identity endpoint answered without a token or its end');
      }
      return accessToken({ value, expiresAt: expiresOn.getTime() });
    } catch (error) {
      if (request.failure !== undefined) throw request.failure;
      if (error instanceof MailError) throw error;
      const { errorCode } = (error ?? {}) as { errorCode?: unknown };
      const why = typeof errorCode === 'string' ? shown(errorCode) : 'see the environment';
      throw new TokenError('ERR_OAUTH_SOURCE', `MSAL found no managed identity to ask: ${why}`);
    }
  };
}
