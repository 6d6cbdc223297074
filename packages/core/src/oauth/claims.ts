// What an access token says of itself, read for diagnosis. Nothing here is verified, so nothing may be decided by it.
import { printable } from '../redact.ts';
import { Secret } from '../secret.ts';
import { type AccessToken } from './token-source.ts';

/** The claims of a token as they are, unverified (RFC 7519 section 4). */
export type Claims = Readonly<Record<string, unknown>>;

/** What may be printed of a claim. */
export type PrintableClaim = string | number | boolean | readonly string[];

const LARGEST_TOKEN = 64 * 1024;
const LONGEST_TEXT = 200;
const LONGEST_LIST = 50;

/** What tells whom the token is for and what it allows; neither can be used to log in. */
const PRINTABLE = (
  'aud iss tid oid sub appid azp app_displayname roles scp scope idtyp ' +
  'appidacr azpacr ver iat nbf exp upn preferred_username unique_name'
).split(' ');

/**
 * The claims of a token in the form of a JWT, `undefined` for any other: many servers issue opaque tokens, Microsoft for
 * personal accounts among them. The signature is not looked at.
 */
export function decodeClaims(token: string | Secret | AccessToken): Claims | undefined {
  const secret = typeof token === 'object' && 'value' in token ? token.value : token;
  const text = secret instanceof Secret ? secret.reveal() : secret;
  const [header, payload, signature, more] = text.length > LARGEST_TOKEN ? [] : text.split('.');
  if (!header || !payload || signature === undefined || more !== undefined) return undefined;
  // A payload alone could be JSON by chance.
  return decodePart(header) && decodePart(payload);
}

/**
 * The claims that help to find out why a server refused a token, safe to print: no signature, control characters shown,
 * lengths limited. With the name of the account where the token was issued for a person.
 */
export function printableClaims(claims: Claims): Readonly<Record<string, PrintableClaim>> {
  const shown: Record<string, PrintableClaim> = {};
  for (const name of PRINTABLE) {
    const claim = printableClaim(claims[name]);
    if (claim !== undefined) shown[name] = claim;
  }
  return shown;
}

function printableClaim(value: unknown): PrintableClaim | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value === 'string') return printable(value).slice(0, LONGEST_TEXT);
  if (!Array.isArray(value)) return undefined;
  const texts = value.filter((item) => typeof item === 'string').slice(0, LONGEST_LIST);
  return texts.map((item) => printable(item).slice(0, LONGEST_TEXT));
}

function decodePart(part: string): Claims | undefined {
  if (!/^[\w-]+$/.test(part)) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Claims;
  } catch {
    // No JSON, so no JWT: an opaque token is nothing unusual.
  }
  return undefined;
}
