import { createPublicKey, verify } from 'node:crypto';
import { get } from 'node:https';
import { json } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { createSandbox, type SandboxOptions } from '../src/index.ts';
import { requestToken } from './clients.ts';

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const decode = (part = ''): Record<string, unknown> =>
  JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;

describe('client credentials', () => {
  test('give a signed token with the claims Exchange expects', async () => {
    const now = Date.parse('2026-11-20T10:00:00Z');
    await using sandbox = await createSandbox({ now: () => now });
    const { status, headers, body } = await requestToken(sandbox);
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toContain('no-store');
    const { access_token: token, ...rest } = body;
    expect(rest).toEqual({ token_type: 'Bearer', expires_in: 3599, ext_expires_in: 3599 });

    const [header, payload, signature] = String(token).split('.');
    expect(String(token).length).toBeGreaterThan(1400);
    const claims = decode(payload);
    expect(claims).toMatchObject({
      aud: 'https://outlook.office365.com',
      iss: `https://sts.windows.net/${sandbox.tenantId}/`,
      ver: '1.0',
      tid: sandbox.tenantId,
      appid: sandbox.clientId,
      appidacr: '1',
      idtyp: 'app',
      roles: ['SMTP.SendAsApp'],
      oid: sandbox.directory.current.tenants[0]?.enterpriseApps[0]?.objectId,
      iat: now / 1000 - 300,
      nbf: now / 1000 - 300,
      exp: now / 1000 + 3599,
    });
    expect(claims['sub']).toBe(claims['oid']);

    const keys = await fetch(sandbox.tokenEndpoint.replace('/oauth2/v2.0/token', '/discovery/v2.0/keys'));
    const { keys: list } = (await keys.json()) as { keys: { kid: string }[] };
    const jwk = list.find(({ kid }) => kid === decode(header)['kid']);
    const key = createPublicKey({ key: jwk ?? {}, format: 'jwk' });
    expect(decode(header)['alg']).toBe('RS256');
    expect(
      verify('RSA-SHA256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature ?? '', 'base64url')),
    ).toBe(true);
  });

  test('take the tenant by domain, the secret by Basic authentication, and another life', async () => {
    await using sandbox = await createSandbox({ tokenLifetime: 24 * 3_600_000 });
    const { body } = await requestToken(sandbox, {}, sandbox.tokenEndpoint.replace(sandbox.tenantId, 'contoso.com'));
    expect(body).toMatchObject({ expires_in: 86_400, refresh_in: 43_200 });

    const credentials = `${encodeURIComponent(sandbox.clientId)}:${encodeURIComponent(sandbox.clientSecret)}`;
    const basic = await fetch(sandbox.tokenEndpoint, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope: sandbox.scope }),
    });
    expect(basic.status).toBe(200);
  });

  test('for another resource give a token without roles', async () => {
    await using sandbox = await createSandbox();
    const { body } = await requestToken(sandbox, { scope: 'https://graph.microsoft.com/.default' });
    const claims = decode(String(body['access_token']).split('.')[1]);
    expect(claims).toMatchObject({ aud: 'https://graph.microsoft.com' });
    expect(claims).not.toHaveProperty('roles');
  });

  test('the discovery document leads to the endpoints', async () => {
    await using sandbox = await createSandbox();
    const url = sandbox.tokenEndpoint.replace('/oauth2/v2.0/token', '/v2.0/.well-known/openid-configuration');
    expect(await (await fetch(url)).json()).toMatchObject({
      token_endpoint: sandbox.tokenEndpoint,
      issuer: `https://login.microsoftonline.com/${sandbox.tenantId}/v2.0`,
    });
  });
});

test('everything is there over https, too, with a certificate of the same authority', async () => {
  await using sandbox = await createSandbox();
  const discovery = await new Promise<Record<string, unknown>>((resolve, reject) => {
    get(`${sandbox.authority}/v2.0/.well-known/openid-configuration`, { ca: sandbox.ca }, (response) => {
      json(response).then((body) => resolve(body as Record<string, unknown>), reject);
    }).on('error', reject);
  });
  expect(discovery).toMatchObject({
    token_endpoint: `${sandbox.authority}/oauth2/v2.0/token`,
    authorization_endpoint: `${sandbox.authority}/oauth2/v2.0/authorize`,
    device_authorization_endpoint: `${sandbox.authority}/oauth2/v2.0/devicecode`,
  });
});

const unknown = '11111111-2222-3333-4444-555555555555';
const past = { tenants: [{ apps: [{ secrets: [{ expiresAt: Date.now() - 1 }] }] }] } satisfies SandboxOptions;
const homeless = {
  tenants: [{}, { name: 'Fabrikam', domains: ['fabrikam.com'], apps: [{ clientId: unknown }] }],
} satisfies SandboxOptions;

type Case = [
  what: string,
  fields: Record<string, string | undefined>,
  status: number,
  error: string,
  number: number,
  more?: { tenant?: string; options?: SandboxOptions },
];
test.for<Case>([
  ['a wrong secret', { client_secret: 'wrong' }, 401, 'invalid_client', 7000215],
  ['an expired secret', {}, 401, 'invalid_client', 7000222, { options: past }],
  ['no secret', { client_secret: undefined }, 401, 'invalid_client', 7000218],
  ['an unknown app', { client_id: unknown }, 400, 'unauthorized_client', 700016],
  ['an app of another tenant', { client_id: unknown }, 401, 'invalid_client', 7000229, { options: homeless }],
  ['an unknown tenant', {}, 400, 'invalid_request', 90002, { tenant: unknown }],
  ['an unknown domain', {}, 400, 'invalid_request', 90002, { tenant: 'nowhere.example' }],
  ['no tenant', {}, 400, 'invalid_request', 50059, { tenant: 'common' }],
  ['a tenant that cannot be one', {}, 400, 'invalid_request', 900023, { tenant: 'con%20toso' }],
  ['no client_id', { client_id: undefined }, 400, 'invalid_request', 900144],
  ['no grant_type', { grant_type: undefined }, 400, 'invalid_request', 900144],
  ['no scope', { scope: undefined }, 400, 'invalid_request', 900144],
  ['another grant', { grant_type: 'magic' }, 400, 'unsupported_grant_type', 70003],
  ['two scopes', { scope: 'https://a.test/.default https://b.test/.default' }, 400, 'invalid_scope', 70011],
  ['a delegated scope', { scope: 'https://outlook.office.com/SMTP.Send' }, 400, 'invalid_scope', 1002012],
  [
    'a token for the app itself',
    { client_id: unknown, client_secret: 's', scope: `${unknown}/.default` },
    400,
    'invalid_request',
    90009,
    { options: { tenants: [{ apps: [{ clientId: unknown, secrets: ['s'] }] }] } },
  ],
  [
    'an app that was disabled',
    {},
    400,
    'unauthorized_client',
    7000112,
    { options: { tenants: [{ apps: [{ enabled: false }] }] } },
  ],
  [
    'an app switched off in the tenant',
    {},
    400,
    'unauthorized_client',
    7000112,
    { options: { tenants: [{ apps: [{ signIn: false }] }] } },
  ],
  [
    'a tenant without Exchange',
    {},
    400,
    'invalid_resource',
    500011,
    { options: { tenants: [{ exchangeOnline: 'missing' }] } },
  ],
  [
    'a tenant with Exchange disabled',
    {},
    400,
    'invalid_resource',
    500014,
    { options: { tenants: [{ exchangeOnline: 'disabled' }] } },
  ],
  [
    'an app blocked by Conditional Access',
    {},
    400,
    'access_denied',
    53003,
    { options: { tenants: [{ conditionalAccess: { apps: 'block' } }] } },
  ],
  ['an unknown resource', { scope: 'https://api.test/.default' }, 400, 'invalid_resource', 500011],
])('%s is refused in the words of Entra', async ([, fields, status, error, number, more = {}]) => {
  await using sandbox = await createSandbox(more.options);
  const endpoint = sandbox.tokenEndpoint.replace(sandbox.tenantId, more.tenant ?? sandbox.tenantId);
  const answer = await requestToken(sandbox, fields, endpoint);
  expect(answer.status).toBe(status);
  expect(answer.body).toEqual({
    error,
    error_description: expect.stringMatching(
      new RegExp(
        `^AADSTS${number}: .+ Trace ID: [0-9a-f-]{36} Correlation ID: [0-9a-f-]{36} Timestamp: \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\dZ$`,
      ),
    ),
    error_codes: [number],
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$/),
    trace_id: expect.stringMatching(GUID),
    correlation_id: expect.stringMatching(GUID),
    error_uri: `https://login.microsoftonline.com/error?code=${number}`,
    ...(number === 53003 && { suberror: 'message_only' }),
  });
  expect(sandbox.tokenRequests).toMatchObject([{ outcome: 'refused', status, error: `AADSTS${number}` }]);
});

test('a malformed request is refused: GET, JSON, a field twice, too much of it', async () => {
  await using sandbox = await createSandbox();
  const ask = async (init: RequestInit) => {
    const answer = (await (await fetch(sandbox.tokenEndpoint, init)).json()) as { error_codes: number[] };
    return answer.error_codes[0];
  };
  const type = { 'content-type': 'application/x-www-form-urlencoded' };
  expect(await ask({ method: 'GET' })).toBe(900561);
  expect(await ask({ method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })).toBe(900144);
  expect(await ask({ method: 'POST', body: 'scope=a&scope=b', headers: type })).toBe(9002313);
  expect(await ask({ method: 'POST', body: `a=${'x'.repeat(70_000)}`, headers: type })).toBe(9002313);
});

describe('faults', () => {
  test('come in order, each for as many requests as it is for, and are recorded', async () => {
    await using sandbox = await createSandbox();
    sandbox.entra.next({ status: 503, retryAfter: 5 });
    sandbox.entra.next({ status: 429, retryAfter: 'Fri, 20 Nov 2026 10:00:00 GMT', times: 2 });
    sandbox.entra.next({ body: { token_type: 'Bearer' } });
    const first = await requestToken(sandbox);
    expect([first.status, first.headers.get('retry-after')]).toEqual([503, '5']);
    expect(first.body).toMatchObject({ error: 'temporarily_unavailable', error_codes: [90033] });
    const second = await requestToken(sandbox);
    expect([second.status, second.headers.get('retry-after')]).toEqual([429, 'Fri, 20 Nov 2026 10:00:00 GMT']);
    expect((await requestToken(sandbox)).status).toBe(429);
    expect(await requestToken(sandbox)).toMatchObject({ status: 200, body: { token_type: 'Bearer' } });
    expect((await requestToken(sandbox)).body).toHaveProperty('access_token');
    expect(sandbox.tokenRequests.map(({ outcome, status }) => [outcome, status])).toEqual([
      ['fault', 503],
      ['fault', 429],
      ['fault', 429],
      ['fault', 200],
      ['issued', 200],
    ]);
  });

  test('can be a page, a redirect, a reset, or silence', async () => {
    await using sandbox = await createSandbox();
    const post = (signal?: AbortSignal) =>
      fetch(sandbox.tokenEndpoint, { method: 'POST', redirect: 'manual', ...(signal && { signal }) });
    sandbox.entra.next({ status: 502, body: '<html><body>Bad gateway</body></html>' });
    const page = await post();
    expect([page.status, page.headers.get('content-type')]).toEqual([502, 'text/html; charset=utf-8']);
    await page.text();
    sandbox.entra.next({ redirect: 'http://127.0.0.1:1/elsewhere' });
    const redirect = await post();
    expect([redirect.status, redirect.headers.get('location')]).toEqual([307, 'http://127.0.0.1:1/elsewhere']);
    sandbox.entra.next({ reset: true });
    await expect(post()).rejects.toThrow('fetch failed');
    sandbox.entra.next({ hang: true });
    const controller = new AbortController();
    const silent = post(controller.signal);
    while (sandbox.tokenRequests.length < 4) await new Promise(setImmediate);
    controller.abort();
    await expect(silent).rejects.toThrow('aborted');
    expect(sandbox.tokenRequests.map(({ status }) => status)).toEqual([502, 307, 0, 0]);
  });

  test('that only delay leave the answer as it is, and clear() takes the rest back', async () => {
    await using sandbox = await createSandbox();
    sandbox.entra.next({ delay: 5 });
    sandbox.entra.next({ status: 500, times: Infinity });
    expect((await requestToken(sandbox)).status).toBe(200);
    expect((await requestToken(sandbox)).status).toBe(500);
    expect((await requestToken(sandbox)).status).toBe(500);
    sandbox.entra.clear();
    expect((await requestToken(sandbox)).status).toBe(200);
  });

  test('a hanging request does not hold up close()', async () => {
    const sandbox = await createSandbox();
    sandbox.entra.next({ hang: true });
    const silent = fetch(sandbox.tokenEndpoint, { method: 'POST' }).catch(() => 'cut');
    while (sandbox.tokenRequests.length < 1) await new Promise(setImmediate);
    await sandbox.close();
    expect(await silent).toBe('cut');
  });
});
