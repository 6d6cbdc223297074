// The managed identity of App Service, played by a server on this machine.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { entraManagedIdentity } from '../src/index.ts';
import { createEntraServer, type EntraServer, json, type Answer } from './entra-server.ts';

let server: EntraServer;
beforeAll(async () => {
  server = await createEntraServer();
  vi.stubEnv('IDENTITY_ENDPOINT', `${server.origin}/msi/token`);
  vi.stubEnv('IDENTITY_HEADER', 'canary-identity-header');
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await server[Symbol.asyncDispose]();
});

const END = Math.floor(Date.now() / 1000) + 86_400;
const token = (value: string): Answer =>
  json(200, {
    access_token: value,
    expires_on: String(END),
    resource: 'https://outlook.office365.com',
    token_type: 'Bearer',
  });

test('gives a token at each call, for the system or for an assigned identity', async () => {
  server.answers(token('one'), token('two'));
  const source = entraManagedIdentity();
  const first = await source();
  expect(first.value.reveal()).toBe('one');
  expect(first.expiresAt).toBeGreaterThan((END - 60) * 1000);
  expect(first.expiresAt).toBeLessThanOrEqual((END + 60) * 1000);
  expect((await entraManagedIdentity({ clientId: 'mine', cloud: 'usgov' })()).value.reveal()).toBe('two');
  const [system, assigned] = server.seen.slice(-2).map(({ path }) => new URL(path, server.origin).searchParams);
  expect(system?.get('resource')).toBe('https://outlook.office365.com');
  expect(system?.get('client_id')).toBeNull();
  expect(assigned?.get('resource')).toBe('https://outlook.office365.us');
  expect(assigned?.get('client_id')).toBe('mine');
  expect(server.seen.at(-1)?.headers['x-identity-header']).toBe('canary-identity-header');
});

test.for<[string, Answer, object]>([
  [
    'a busy endpoint',
    json(429, {}, { 'retry-after': '7' }),
    { code: 'ERR_OAUTH_UNAVAILABLE', status: 429, retryAfter: 7000 },
  ],
  [
    'one that names a date',
    json(503, {}, { date: 'Fri, 20 Nov 2026 10:00:00 GMT', 'retry-after': 'Fri, 20 Nov 2026 10:00:30 GMT' }),
    { code: 'ERR_OAUTH_UNAVAILABLE', status: 503, retryAfter: 30_000 },
  ],
  ['one that says nonsense', json(503, {}, { 'retry-after': 'soon' }), { status: 503, retryAfter: undefined }],
  ['one that starts', json(404, 'no'), { code: 'ERR_OAUTH_UNAVAILABLE', status: 404 }],
  [
    'no such identity',
    json(400, { error: 'invalid_request', error_description: 'Identity not found' }),
    { code: 'ERR_OAUTH_REFUSED', status: 400, error: 'invalid_request', description: 'Identity not found' },
  ],
  ['a redirect', json(302, '', { location: 'https://elsewhere.example' }), { code: 'ERR_OAUTH_REFUSED', status: 302 }],
  ['no token', json(200, {}), { code: 'ERR_OAUTH_MALFORMED' }],
  ['an endless answer', json(200, 'x'.repeat(300_000)), { code: 'ERR_OAUTH_MALFORMED', status: 200 }],
  ['a connection that breaks', (response) => response.destroy(), { code: 'ERR_OAUTH_UNREACHABLE' }],
])('%s is one request and an error that says so', async ([, answer, error]) => {
  server.answers(answer);
  const before = server.seen.length;
  await expect(entraManagedIdentity()()).rejects.toMatchObject(error);
  expect(server.seen.length).toBe(before + 1);
});

test('silence ends with the time-out, also after an application with a longer one', async () => {
  server.answers(token('one'), () => undefined);
  await entraManagedIdentity({ timeout: 10_000 })();
  await expect(entraManagedIdentity({ timeout: 50 })()).rejects.toMatchObject({ code: 'ERR_OAUTH_TIMEOUT' });
});

test('two ids exclude each other', () => {
  expect(() => entraManagedIdentity({ clientId: 'a', objectId: 'b' })).toThrow('exclude each other');
});
