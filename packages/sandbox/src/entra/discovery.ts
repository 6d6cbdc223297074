// The discovery document (OpenID Connect Discovery 1.0 section 3).
import type { Tenant } from '../directory.ts';
import { RESPONSE_MODES } from './authorize.ts';
import { CLOUDS } from './clouds.ts';

const CLAIMS = ['sub', 'iss', 'aud', 'exp', 'iat', 'nonce', 'preferred_username', 'name', 'tid', 'ver', 'email'];

/** What `/{name}/v2.0/.well-known/openid-configuration` says; `tenant` is `undefined` for everyone's endpoints. */
export function discoveryOf(origin: string, name: string, tenant: Tenant | undefined): Record<string, unknown> {
  const base = `${origin}/${name}`;
  const { login, instance, graph } = CLOUDS[tenant?.cloud ?? 'worldwide'];
  return {
    token_endpoint: `${base}/oauth2/v2.0/token`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
    jwks_uri: `${base}/discovery/v2.0/keys`,
    response_modes_supported: RESPONSE_MODES,
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    response_types_supported: ['code'],
    scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    issuer: `https://${login}/${tenant?.id ?? '{tenantid}'}/v2.0`,
    cloud_instance_name: instance,
    msgraph_host: new URL(graph).host,
    authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
    device_authorization_endpoint: `${base}/oauth2/v2.0/devicecode`,
    claims_supported: CLAIMS,
  };
}
