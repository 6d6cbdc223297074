import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Secret } from '../secret.ts';
import { decodeClaims, printableClaims } from './claims.ts';
import { accessToken } from './token-source.ts';

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const jwt = (claims: unknown) => `${part({ alg: 'RS256' })}.${part(claims)}.c2lnbmF0dXJl`;

const CLAIMS = {
  aud: 'https://outlook.office365.com',
  tid: 'tenant',
  appid: 'client',
  roles: ['SMTP.SendAsApp'],
  exp: 1_800_000_000,
};

test('reads the claims of a JWT, from text, a Secret or a token', () => {
  const text = jwt(CLAIMS);
  expect(decodeClaims(text)).toEqual(CLAIMS);
  expect(decodeClaims(new Secret(text))).toEqual(CLAIMS);
  expect(decodeClaims(accessToken({ value: text, expiresAt: 1 }))).toEqual(CLAIMS);
  expect(decodeClaims(`${part({ alg: 'none' })}.${part(CLAIMS)}.`)).toEqual(CLAIMS);
});

test.each([
  '',
  'EwBgA8l6BAAU/opaque+token==',
  'a.b.c',
  `${part({})}.${part(CLAIMS)}`,
  `${jwt(CLAIMS)}.more.parts`,
  `${part('no object')}.${part(CLAIMS)}.x`,
  jwt([1]),
  jwt(null),
  jwt({ padding: 'x'.repeat(70_000) }),
])('takes %.40s for an opaque token', (text) => {
  expect(decodeClaims(text)).toBeUndefined();
});

test('property: no text makes it throw', () => {
  fc.assert(
    fc.property(fc.string(), fc.json(), (text, json) => {
      decodeClaims(text);
      decodeClaims(`${part({})}.${Buffer.from(json).toString('base64url')}.${text}`);
    }),
  );
});

test('what may be printed is what helps, without control characters and without end', () => {
  const claims = {
    ...CLAIMS,
    upn: 'user@example.com\r\nfake log line',
    app_displayname: 'x'.repeat(1000),
    roles: ['SMTP.SendAsApp', 7, '\x1b[2J'],
    scp: { not: 'text' },
    uti: 'kept out',
    rh: 'kept out',
  };
  expect(printableClaims(claims)).toEqual({
    ...CLAIMS,
    upn: String.raw`user@example.com\x0d\x0afake log line`,
    app_displayname: 'x'.repeat(200),
    roles: ['SMTP.SendAsApp', String.raw`\x1b[2J`],
  });
});
