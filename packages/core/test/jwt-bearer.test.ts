// The JWT bearer grant against a real endpoint that checks what it is given.
import { generateKeyPairSync, verify } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { jwtBearer, type JwtBearerOptions } from '../src/oauth/jwt-bearer.ts';
import { Secret } from '../src/secret.ts';
import { answer, createTokenServer, token, type TokenServer } from './token-server.ts';

const NOW = 1_800_000_000_000;
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

let server: TokenServer;
beforeAll(async () => {
  server = await createTokenServer();
});
afterAll(async () => server[Symbol.asyncDispose]());

const source = (more: Partial<JwtBearerOptions> = {}) =>
  jwtBearer({
    tokenEndpoint: server.url,
    issuer: 'reports@project.iam.gserviceaccount.com',
    privateKey: pem,
    keyId: 'key-1',
    subject: 'reports@example.com',
    scope: 'https://mail.google.com/',
    now: () => NOW,
    ...more,
  });

function lastAssertion() {
  const form = server.requests.at(-1)?.form;
  const [header = '', payload = '', signature = ''] = form?.get('assertion')?.split('.') ?? [];
  expect(verify('sha256', Buffer.from(`${header}.${payload}`), publicKey, Buffer.from(signature, 'base64url'))).toBe(
    true,
  );
  const parse = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString());
  return { grant: form?.get('grant_type'), header: parse(header), payload: parse(payload) };
}

test('signs an assertion for the mailbox as Google wants it', async () => {
  server.answers(token('access'));
  expect(await source()()).toMatchObject({ expiresAt: NOW + 3_600_000 });
  expect(lastAssertion()).toEqual({
    grant: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    header: { alg: 'RS256', typ: 'JWT', kid: 'key-1' },
    payload: {
      iss: 'reports@project.iam.gserviceaccount.com',
      sub: 'reports@example.com',
      scope: 'https://mail.google.com/',
      aud: server.url,
      iat: NOW / 1000,
      exp: NOW / 1000 + 3600,
    },
  });
});

test.each<[string, JwtBearerOptions['privateKey']]>([
  ['a Secret', new Secret(pem)],
  ['a function', async () => pem],
  ['one line with \\n in it, as settings have it', pem.replaceAll('\n', String.raw`\n`)],
])('the key may be %s', async (_, key) => {
  server.answers(token('access'));
  await source({ privateKey: key, audience: 'https://oauth2.googleapis.com/token', lifetime: 600_000 })();
  expect(lastAssertion().payload).toMatchObject({
    aud: 'https://oauth2.googleapis.com/token',
    exp: NOW / 1000 + 600,
  });
});

test('an assertion refused because our clock is wrong is signed once more by the clock of the endpoint', async () => {
  const date = new Date(NOW + 900_000).toUTCString();
  server.answers((response, request) => {
    const { iat } = lastAssertion().payload as { iat: number };
    const refusal = answer(400, { error: 'invalid_grant', error_description: 'Invalid JWT: iat' }, { date });
    (iat === NOW / 1000 + 900 ? token('access') : refusal)(response, request);
  });
  const before = server.requests.length;
  const get = source();
  await get();
  expect(server.requests).toHaveLength(before + 2);
  await get();
  expect(server.requests).toHaveLength(before + 3);
});

test('an assertion refused for another reason is not sent again', async () => {
  server.answers(answer(401, { error: 'unauthorized_client' }, { date: new Date(NOW).toUTCString() }));
  const before = server.requests.length;
  await expect(source()()).rejects.toMatchObject({ code: 'ERR_OAUTH_REFUSED', error: 'unauthorized_client' });
  expect(server.requests).toHaveLength(before + 1);
});

test('a key that cannot be read, or is none, is told without a word of it', async () => {
  const cause = new Error('vault sealed');
  await expect(source({ privateKey: () => Promise.reject(cause) })()).rejects.toMatchObject({
    code: 'ERR_OAUTH_SOURCE',
    cause,
  });
  await expect(source({ privateKey: () => 'canary' })()).rejects.toThrow(
    'privateKey must be an unencrypted RSA private key in PEM',
  );
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
  for (const key of ['canary', ec.toString(), new Secret('')]) {
    expect(() => source({ privateKey: key })).toThrow(expect.objectContaining({ code: 'ERR_INPUT_OPTION' }));
  }
});

test.each<[string, Partial<JwtBearerOptions>]>([
  ['issuer', { issuer: '' }],
  ['lifetime', { lifetime: 3_600_001 }],
  ['tokenEndpoint', { tokenEndpoint: 'http://oauth2.example.com/token' }],
])('the option %s is checked at once', (name, options) => {
  expect(() => source(options)).toThrow(name);
});
