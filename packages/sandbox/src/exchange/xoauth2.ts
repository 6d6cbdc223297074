// SASL as Exchange takes it: XOAUTH2, and the password mechanisms it only knows how to refuse.
import { decodeJwt } from 'jose';

/** What XOAUTH2 carries: https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth */
export interface Xoauth2 {
  readonly user: string;
  readonly token: string;
}

/** Decodes an initial response or the answer to a challenge; `undefined` when it is not base64 (RFC 4954 section 4). */
export function decodeBase64(text: string): Buffer | undefined {
  if (text === '=') return Buffer.alloc(0); // an empty initial response
  const valid = text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
  return valid ? Buffer.from(text, 'base64') : undefined;
}

/** Takes `user=…^Aauth=Bearer …^A^A` apart. */
export function parseXoauth2(response: Buffer): Xoauth2 | undefined {
  const match = /^user=([^\u0001]+)\u0001auth=Bearer ([^\u0001\s]+)\u0001\u0001$/i.exec(response.toString('utf8')); // oxlint-disable-line no-control-regex
  return match === null ? undefined : { user: match[1] ?? '', token: match[2] ?? '' };
}

/** Credentials as a conversation may show them. */
export function describeCredentials(encoded: string): string {
  if (encoded === '') return '[empty line]';
  const token = parseXoauth2(Buffer.from(encoded, 'base64'))?.token;
  if (token === undefined) return `[credentials, ${encoded.length} chars]`;
  let app = 'unknown';
  try {
    const { appid } = decodeJwt<{ appid?: unknown }>(token);
    if (typeof appid === 'string' && /^[0-9a-f-]{36}$/i.test(appid)) app = appid;
  } catch {
    // not a JWT: it is of no known app
  }
  return `[token of app ${app}, ${token.length} chars]`;
}
