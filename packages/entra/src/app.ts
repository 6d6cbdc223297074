// An application that sends in its own name: the client credentials grant (RFC 6749 section 4.4).
import { type AccessToken, type TokenRequest } from '@mailgrant/core';
import { checkCredentials, type EntraCredential } from './credential.ts';
import { type EntraListener } from './events.ts';
import { FallOver } from './fall-over.ts';
import { type EntraHealth } from './health.ts';
import { type EntraOptions, normalise } from './input.ts';
import { confidential } from './msal/client.ts';

export interface EntraAppOptions extends EntraOptions {
  /** A secret, a certificate, a federated assertion, or several of them: when one does not work the next is tried, loudly. */
  readonly credential: EntraCredential | readonly EntraCredential[];
  /** Told when a credential fails, and 30, 14, 7 and 1 days before one expires. What it throws is ignored. */
  readonly onEvent?: EntraListener | undefined;
}

/** A token source, and what is known of its credentials. */
export interface EntraSource {
  (request?: TokenRequest): Promise<AccessToken>;
  /** Reads certificates' files; asks nobody else. */
  health(): Promise<EntraHealth>;
}

/**
 * A token source for an application that sends as itself. Each call is one request to Entra: a mailer puts its cache around
 * it, and `cached()` of @mailgrant/core shares one between mailers.
 *
 * The source throws TokenEndpointError of @mailgrant/core with what Entra said, TokenError `ERR_OAUTH_UNREACHABLE` or
 * `ERR_OAUTH_TIMEOUT` when it did not answer, `ERR_OAUTH_SOURCE` when a credential cannot be read.
 * @throws TypeError `ERR_INPUT_OPTION` at once, naming the option.
 */
export function entraApp(options: EntraAppOptions): EntraSource {
  const settings = normalise(options, 'application');
  const { cloud, tenantId, clientId, scope, http } = settings;
  const fallOver = new FallOver({
    credentials: checkCredentials(options.credential),
    request: { clientId, tokenEndpoint: `${cloud.authority}/${tenantId}/oauth2/v2.0/token` },
    now: http.now,
    onEvent: options.onEvent,
  });
  const source = (): Promise<AccessToken> =>
    fallOver.use(async (proof) => {
      const request = { scopes: [scope], skipCache: true };
      const { token } = await confidential(settings, proof, (msal) => msal.acquireTokenByClientCredential(request));
      return token;
    });
  return Object.assign(source, { health: () => fallOver.health() });
}
