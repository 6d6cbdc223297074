// A service account that signs for itself and, where its domain allows it, for a mailbox (RFC 7523 section 2.1; Google).
import type * as Crypto from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { InputError, TokenError } from '../errors.ts';
import { Secret } from '../secret.ts';
import { type SecretInput } from './client-authentication.ts';
import { TokenEndpointError } from './token-endpoint-error.ts';
import { askTokenEndpoint, type HttpOptions, tokenEndpointUrl } from './token-endpoint.ts';
import { type AccessToken, type TokenSource } from './token-source.ts';
import { duration } from './waiting.ts';

/** A service account that signs for itself (RFC 7523 section 2.1), as Google's do. */
export interface JwtBearerOptions extends HttpOptions {
  /** `token_uri` of a Google service account's key file: `https://oauth2.googleapis.com/token`. */
  readonly tokenEndpoint: string;
  /** Who signs: `client_email` of the key file. */
  readonly issuer: string;
  /** An RSA private key in PEM (`private_key` of the key file), or a function that reads it. */
  readonly privateKey: SecretInput;
  /** `private_key_id` of the key file. */
  readonly keyId?: string | undefined;
  /** The mailbox to act for, by domain-wide delegation. */
  readonly subject?: string | undefined;
  /** For Gmail `https://mail.google.com/`. */
  readonly scope?: string | undefined;
  /** Who shall accept the assertion. Default: the token endpoint. */
  readonly audience?: string | undefined;
  /** Milliseconds the assertion is good for, at most an hour. Default 1 hour. */
  readonly lifetime?: number | undefined;
  /** Further parameters of the request. */
  readonly extra?: Readonly<Record<string, string | Secret>> | undefined;
}

const HOUR = 3_600_000;
/** Milliseconds our clock may be wrong before a refused assertion is worth a second one. */
const NOTABLE_SKEW = 5000;

/**
 * A token source that signs an assertion (RS256) and exchanges it for an access token (RFC 7523 section 2.1). If the endpoint
 * refuses it and its `Date` shows that our clock is wrong, it is signed once more by the endpoint's clock.
 * @throws TypeError `ERR_INPUT_OPTION` at once, naming the option. The source throws TokenError `ERR_OAUTH_REFUSED`,
 *   `ERR_OAUTH_UNAVAILABLE`, `ERR_OAUTH_UNREACHABLE`, `ERR_OAUTH_TIMEOUT` or `ERR_OAUTH_MALFORMED` for what the endpoint did,
 *   and `ERR_OAUTH_SOURCE` when the key could not be read.
 */
export function jwtBearer(options: JwtBearerOptions): TokenSource {
  tokenEndpointUrl(options.tokenEndpoint);
  duration('timeout', options.timeout, 0);
  if (!options.issuer) throw new InputError('ERR_INPUT_OPTION', 'issuer must be a non-empty string');
  if (!(duration('lifetime', options.lifetime, HOUR) <= HOUR)) {
    throw new InputError('ERR_INPUT_OPTION', 'lifetime must be at most an hour');
  }
  if (typeof options.privateKey !== 'function') rsaKey(options.privateKey);

  const exchange = async (clockSkew: number): Promise<AccessToken> => {
    const assertion = signAssertion(options, rsaKey(await readKey(options.privateKey)), clockSkew);
    const grant = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
    const { token } = await askTokenEndpoint({ ...options, form: { ...options.extra, grant_type: grant, assertion } });
    return token;
  };

  let clockSkew = 0;
  return async () => {
    try {
      return await exchange(clockSkew);
    } catch (error) {
      const skew = error instanceof TokenEndpointError ? error.clockSkew : undefined;
      const refused = error instanceof TokenError && error.code === 'ERR_OAUTH_REFUSED';
      if (!refused || skew === undefined || Math.abs(skew - clockSkew) < NOTABLE_SKEW) throw error;
      clockSkew = skew;
      return exchange(clockSkew);
    }
  };
}

function signAssertion(options: JwtBearerOptions, key: KeyObject, clockSkew: number): Secret {
  const {
    issuer,
    subject,
    scope,
    keyId,
    lifetime = HOUR,
    now = Date.now,
    tokenEndpoint,
    audience = tokenEndpoint,
  } = options;
  const issuedAt = Math.floor((now() + clockSkew) / 1000);
  const signed = [
    { alg: 'RS256', typ: 'JWT', kid: keyId },
    { iss: issuer, sub: subject, scope, aud: audience, iat: issuedAt, exp: issuedAt + Math.floor(lifetime / 1000) },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return new Secret(`${signed}.${cryptography().sign('sha256', Buffer.from(signed), key).toString('base64url')}`);
}

async function readKey(input: SecretInput): Promise<string | Secret> {
  if (typeof input !== 'function') return input;
  try {
    return await input();
  } catch (cause) {
    throw new TokenError('ERR_OAUTH_SOURCE', 'privateKey could not be read', { cause });
  }
}

/** Node's, not loaded with the core: a key is checked before anything could be awaited. */
function cryptography(): typeof Crypto {
  // oxlint-disable-next-line no-restricted-globals -- the way to a part of Node without importing it
  return process.getBuiltinModule('node:crypto');
}

/** @throws TypeError `ERR_INPUT_OPTION`, without a word of the key. */
function rsaKey(input: string | Secret): KeyObject {
  const pem = input instanceof Secret ? input.reveal() : input;
  try {
    // Settings often hold the line breaks of PEM as the two characters \n.
    const key = cryptography().createPrivateKey(pem.replaceAll(String.raw`\n`, '\n'));
    if (key.asymmetricKeyType === 'rsa') return key;
  } catch {
    // What the parser says of it helps nobody: it names neither the option nor what was expected.
  }
  throw new InputError('ERR_INPUT_OPTION', 'privateKey must be an unencrypted RSA private key in PEM');
}
