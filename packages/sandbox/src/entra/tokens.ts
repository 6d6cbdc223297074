// Access tokens: RS256 JWTs with the claims Entra puts into a version 1.0 token for Exchange.
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import type { Grant } from './grant.ts';

/** Changes to the claims of a token made for a test; `undefined` takes a claim out. */
export type ClaimChanges = Readonly<Record<string, unknown>>;

export interface TokenSigner {
  /** The public half, as the `keys` document lists it. */
  readonly jwk: JWK;
  sign(claims: Readonly<Record<string, unknown>>): Promise<string>;
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

/** The claims of an app-only token: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference */
export function claimsOf(grant: Grant, now: number, lifetime: number): Record<string, unknown> {
  const seconds = Math.floor(now / 1000);
  // Entra dates a token five minutes back, for verifiers whose clock is behind.
  const since = seconds - 300;
  const { tenant, app, enterprise, audience, roles } = grant;
  return {
    aud: audience,
    iss: `https://sts.windows.net/${tenant.id}/`,
    iat: since,
    nbf: since,
    exp: seconds + Math.floor(lifetime / 1000),
    aio: opaque(42),
    app_displayname: app.name,
    appid: app.clientId,
    appidacr: '1',
    idp: `https://sts.windows.net/${tenant.id}/`,
    idtyp: 'app',
    oid: enterprise.objectId,
    rh: `1.${opaque(40)}.`,
    ...(roles.length > 0 && { roles }),
    sid: randomUUID(),
    sub: enterprise.objectId,
    tid: tenant.id,
    uti: opaque(16),
    ver: '1.0',
    wids: ['0997a1d0-0d1d-4acb-b408-d5ca73121e90'],
    xms_ftd: opaque(48),
    xms_idrel: '7 30',
    xms_rd: opaque(48),
    xms_sub_fct: createHash('sha256').update(enterprise.objectId).digest('base64url').slice(0, 4),
  };
}
