// Tokens: RS256 JWTs with the claims Entra puts into a version 1.0 access token for Exchange, and ID tokens.
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { CLOUDS } from './clouds.ts';
import type { Delegated, Grant } from './grant.ts';

/** Changes to the claims of a token made for a test; `undefined` takes a claim out. */
export type ClaimChanges = Readonly<Record<string, unknown>>;

export interface TokenSigner {
  /** The public half, as the `keys` document lists it. */
  readonly jwk: JWK;
  readonly sign: (claims: Readonly<Record<string, unknown>>) => Promise<string>;
}

interface SigningKey {
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

// Making an RSA key takes a tenth of a second of a whole core. A process makes one and tells its sandboxes apart by key id.
let signingKey: Promise<SigningKey> | undefined;

async function createSigningKey(): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
  return { privateKey, publicJwk: await exportJWK(publicKey) };
}

/** A signer with a key id of its own: no other sandbox accepts its tokens. */
export async function createTokenSigner(): Promise<TokenSigner> {
  const { privateKey, publicJwk } = await (signingKey ??= createSigningKey());
  const kid = opaque(20);
  const header = { typ: 'JWT', alg: 'RS256', x5t: kid, kid };
  return {
    jwk: { kty: 'RSA', use: 'sig', alg: 'RS256', kid, x5t: kid, ...publicJwk },
    sign: (claims) => new SignJWT({ ...claims }).setProtectedHeader(header).sign(privateKey),
  };
}

/** Opaque claims that Entra adds for itself; here they only give the token its usual length. */
const opaque = (bytes: number): string => randomBytes(bytes).toString('base64url');

const APPIDACR = { none: '0', secret: '1', certificate: '2', federated: '2', machine: '2' } as const;

/** The claims of an access token: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference */
export function claimsOf(grant: Grant, now: number, lifetime: number): Record<string, unknown> {
  const seconds = Math.floor(now / 1000);
  // Entra dates a token five minutes back, for verifiers whose clock is behind.
  const since = seconds - 300;
  const { tenant, app, audience, proof } = grant;
  const objectId = grant.delegated?.user.objectId ?? grant.enterprise.objectId;
  return {
    aud: audience,
    iss: `${CLOUDS[tenant.cloud].issuer}/${tenant.id}/`,
    iat: since,
    nbf: since,
    exp: seconds + Math.floor(lifetime / 1000),
    aio: opaque(42),
    app_displayname: app.name,
    appid: app.clientId,
    appidacr: APPIDACR[proof],
    oid: objectId,
    rh: `1.${opaque(40)}.`,
    sid: randomUUID(),
    tid: tenant.id,
    uti: opaque(16),
    ver: '1.0',
    xms_ftd: opaque(48),
    xms_rd: opaque(48),
    xms_sub_fct: createHash('sha256').update(objectId).digest('base64url').slice(0, 4),
    ...(grant.delegated === undefined ? appClaims(grant) : userClaims(grant, grant.delegated)),
  };
}

const appClaims = ({ tenant, app, enterprise, roles }: Grant): Record<string, unknown> => ({
  idp: `${CLOUDS[tenant.cloud].issuer}/${tenant.id}/`,
  idtyp: 'app',
  ...(roles.length > 0 && { roles }),
  sub: enterprise.objectId,
  ...(app.managedIdentity && { xms_mirid: app.managedIdentity.resourceId }),
  wids: ['0997a1d0-0d1d-4acb-b408-d5ca73121e90'],
  xms_idrel: '7 30',
});

const userClaims = ({ app }: Grant, { user, permissions, signIn }: Delegated): Record<string, unknown> => ({
  acr: '1',
  amr: signIn.mfa ? ['pwd', 'mfa'] : ['pwd'],
  idtyp: 'user',
  name: user.name,
  scp: permissions.join(' '),
  sub: pairwise(user.objectId, app.clientId),
  unique_name: user.upn,
  upn: user.upn,
  xms_idrel: '1 2',
});

/** A user's `sub` is another for every app. */
const pairwise = (user: string, clientId: string): string =>
  createHash('sha256').update(`${user} ${clientId}`).digest('base64url');

/** The claims of an ID token: https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference */
export function idTokenClaims({ tenant, app }: Grant, delegated: Delegated, now: number): Record<string, unknown> {
  const { user, scope, signIn } = delegated;
  const seconds = Math.floor(now / 1000);
  return {
    aud: app.clientId,
    iss: `https://${CLOUDS[tenant.cloud].login}/${tenant.id}/v2.0`,
    iat: seconds - 300,
    nbf: seconds - 300,
    exp: seconds + 3600,
    ...(scope.openId.has('email') && { email: user.upn }),
    name: user.name,
    ...(signIn.nonce !== undefined && { nonce: signIn.nonce }),
    oid: user.objectId,
    preferred_username: user.upn,
    rh: `1.${opaque(40)}.`,
    sub: pairwise(user.objectId, app.clientId),
    tid: tenant.id,
    uti: opaque(16),
    ver: '2.0',
  };
}
