// Applications that send in their own name: MSAL underneath, Entra on a real socket.
import { constants, createHash, verify, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { cached, createMailer, Secret, TokenEndpointError, TokenError } from '@mailgrant/core';
import { createSandbox } from '@mailgrant/sandbox';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { entraApp, type EntraAppOptions, type EntraCredential, type EntraEvent } from '../src/index.ts';
import { issuedBySomebody, selfSigned } from './certificates.ts';
import { CLIENT, createEntraServer, type EntraServer, json, refusal, TENANT, token } from './entra-server.ts';

const CANARY = 'canary~8Q~secret-value-that-nobody-may-see';
const dir = mkdtempSync(join(tmpdir(), 'mailgrant-entra-'));
let server: EntraServer;
beforeAll(async () => {
  server = await createEntraServer();
});
afterEach(() => {
  server.answers(token('token'));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

const app = (more: Partial<EntraAppOptions> = {}) =>
  entraApp({ tenantId: TENANT, clientId: CLIENT, credential: CANARY, cloud: server.cloud, timeout: 5000, ...more });

async function failure(work: () => Promise<unknown>): Promise<TokenEndpointError> {
  const outcome = await work().catch((error: unknown) => error);
  if (outcome instanceof Error) return outcome as TokenEndpointError;
  throw new Error('it worked');
}

const asked = (from: number) => server.seen.slice(from);

describe('against the sandbox', () => {
  test('a secret gives a token, and Exchange takes mail with it', async () => {
    await using sandbox = await createSandbox();
    const { tenantId, clientId, clientSecret, mailbox, smtp, ca } = sandbox;
    const source = entraApp({
      tenantId,
      clientId,
      credential: clientSecret,
      cloud: { authority: new URL(sandbox.url).origin, applicationScope: sandbox.scope },
    });
    await using mailer = createMailer({ provider: 'microsoft365', ...smtp, ca, user: mailbox, token: source });
    const envelope = { from: mailbox, to: ['guest@example.com'] };
    const { accepted } = await mailer.send({
      envelope,
      message: `From: ${mailbox}\r\nSubject: Hello\r\n\r\nHello\r\n`,
    });
    expect(accepted).toHaveLength(1);
    expect(sandbox.inbox.messages).toHaveLength(1);
  });

  test('an expired secret is refused in the words of Entra, with everything support asks for', async () => {
    await using sandbox = await createSandbox({
      tenants: [{ apps: [{ secrets: [{ value: CANARY, expiresAt: 0 }] }] }],
    });
    const source = entraApp({
      tenantId: sandbox.tenantId,
      clientId: sandbox.clientId,
      credential: CANARY,
      cloud: { authority: new URL(sandbox.url).origin, applicationScope: sandbox.scope },
    });
    const error = await failure(source);
    expect(error).toBeInstanceOf(TokenEndpointError);
    expect(error).toMatchObject({
      code: 'ERR_OAUTH_REFUSED',
      status: 401,
      error: 'invalid_client',
      aadsts: 7000222,
      traceId: expect.stringMatching(/^[\da-f-]{36}$/),
      correlationId: expect.stringMatching(/^[\da-f-]{36}$/),
      timestamp: expect.stringMatching(/^\d{4}-/),
      clockSkew: expect.any(Number),
    });
    expect(await source.health()).toMatchObject({ status: 'down', failed: [{ credential: 'secret 1' }] });
  });
});

describe('a request', () => {
  test('asks for the scope of the cloud with the secret, at the tenant', async () => {
    const before = server.seen.length;
    server.answers(token('good', { expires_in: 4000, refresh_in: 2000 }));
    const got = await app({ now: () => 1_800_000_000_000 })();
    expect(got).toMatchObject({ expiresAt: 1_800_004_000_000, refreshAt: 1_800_002_000_000 });
    expect(got.value.reveal()).toBe('good');
    const [request, ...more] = asked(before);
    expect(more).toEqual([]);
    expect(request?.path).toMatch(new RegExp(`^/${TENANT}/oauth2/v2\\.0/token(\\?|$)`));
    expect(request?.form).toMatchObject({
      grant_type: 'client_credentials',
      client_id: CLIENT,
      client_secret: CANARY,
      scope: 'https://outlook.office365.com/.default',
    });
  });

  test('is made at each call: whether to ask is decided by the cache above', async () => {
    const before = server.seen.length;
    const source = app();
    await source();
    await source();
    expect(asked(before)).toHaveLength(2);
    const shared = cached(app());
    await Promise.all(Array.from({ length: 100 }, () => shared()));
    expect(asked(before)).toHaveLength(3);
  });

  test('follows a refusal: nothing throttles it on this side', async () => {
    server.answers(json(503, 'busy'), json(429, {}, { 'retry-after': '5' }), token('after'));
    const source = app();
    expect(await failure(source)).toMatchObject({ code: 'ERR_OAUTH_UNAVAILABLE', status: 503, retryAfter: undefined });
    expect(await failure(source)).toMatchObject({ code: 'ERR_OAUTH_UNAVAILABLE', status: 429, retryAfter: 5000 });
    expect((await source()).value.reveal()).toBe('after');
  });

  test.for<[string, () => EntraCredential]>([
    ['a secret', () => CANARY],
    ['a Secret', () => new Secret(CANARY)],
    ['a function', () => ({ secret: () => Promise.resolve(`${CANARY}\n`) })],
    [
      'a file',
      () => {
        writeFileSync(join(dir, 'secret'), `${CANARY}\r\n`);
        return { secretFile: join(dir, 'secret') };
      },
    ],
  ])('takes the secret from %s', async ([, credential]) => {
    await app({ credential: credential() })();
    expect(server.seen.at(-1)?.form['client_secret']).toBe(CANARY);
  });

  test('hands an assertion on, and asks for it only when a request is made', async () => {
    const calls: unknown[] = [];
    const source = cached(
      app({
        credential: {
          assertion: (request): string => {
            calls.push(request);
            return 'header.payload.signature';
          },
        },
      }),
    );
    for (let i = 0; i < 10; i += 1) await source();
    expect(calls).toEqual([{ clientId: CLIENT, tokenEndpoint: `${server.origin}/${TENANT}/oauth2/v2.0/token` }]);
    expect(server.seen.at(-1)?.form).toMatchObject({
      client_assertion: 'header.payload.signature',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    });
  });

  test('reads the assertion of a workload identity from its file each time', async () => {
    const assertionFile = join(dir, 'assertion');
    const source = app({ credential: { assertionFile } });
    expect(await failure(source)).toMatchObject({
      code: 'ERR_OAUTH_SOURCE',
      message: expect.stringContaining(assertionFile),
    });
    for (const text of ['a.b.c', 'd.e.f']) {
      writeFileSync(assertionFile, text);
      await source();
      expect(server.seen.at(-1)?.form['client_assertion']).toBe(text);
    }
  });

  test('signs with a certificate: PS256, the SHA-256 thumbprint, the endpoint as audience', async () => {
    const { cert, key, publicKey, raw } = selfSigned();
    await app({ credential: { certificate: { pem: cert + key } } })();
    const [header = '', payload = '', signature = ''] = (server.seen.at(-1)?.form['client_assertion'] ?? '').split('.');
    const decode = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString());
    expect(decode(header)).toMatchObject({
      alg: 'PS256',
      'x5t#S256': createHash('sha256').update(raw).digest('base64url'),
    });
    expect(decode(payload)).toMatchObject({
      iss: CLIENT,
      sub: CLIENT,
      aud: expect.stringContaining('/oauth2/v2.0/token'),
    });
    const pss = { key: publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
    expect(verify('sha256', Buffer.from(`${header}.${payload}`), pss, Buffer.from(signature, 'base64url'))).toBe(true);
  });
});

describe('a certificate that is sent along', () => {
  const x5c = async (more: object): Promise<unknown> => {
    const { leaf, authorities } = issuedBySomebody();
    const pem = [...authorities.toReversed().map(({ cert }) => cert), leaf.cert, leaf.key].join('');
    await app({ credential: { certificate: { pem, ...more } } })();
    const [header = ''] = (server.seen.at(-1)?.form['client_assertion'] ?? '').split('.');
    const sent = (JSON.parse(Buffer.from(header, 'base64url').toString()) as { x5c?: string[] }).x5c;
    return sent?.map((one) => new X509Certificate(Buffer.from(one, 'base64')).subject);
  };

  test('has its issuers behind it, in their order, wherever they stand in the file', async () => {
    const names = ['leaf', 'issuer', 'root'].map((name) => `CN=mailgrant ${name}`);
    expect(await x5c({ sendChain: true })).toEqual(names);
  });

  test('is so only where that was asked for', async () => {
    expect(await x5c({})).toBeUndefined();
    expect(await x5c({ sendChain: false })).toBeUndefined();
  });
});

describe('what goes wrong', () => {
  test.for([
    ['a page of HTML', json(200, '<html>sign in</html>'), 'ERR_OAUTH_MALFORMED', 200],
    ['an empty answer', json(200, ''), 'ERR_OAUTH_MALFORMED', 200],
    ['an answer without a token', json(200, {}), 'ERR_OAUTH_MALFORMED', 200],
    ['an empty token', token(''), 'ERR_OAUTH_MALFORMED', 200],
    ['a token that is no ASCII', token('tökén'), 'ERR_OAUTH_MALFORMED', 200],
    ['a redirect', json(307, '', { location: 'https://elsewhere.example/' }), 'ERR_OAUTH_MALFORMED', 307],
    ['an endless body', json(200, 'x'.repeat(300_000)), 'ERR_OAUTH_MALFORMED', 200],
    ['a refusal without JSON', json(403, 'no'), 'ERR_OAUTH_MALFORMED', 403],
  ] as const)('%s is an error with its status', async ([, answer, code, status]) => {
    server.answers(answer);
    const error = await failure(app());
    expect(error).toBeInstanceOf(TokenError);
    expect(error).toMatchObject({ code, status });
  });

  test('silence ends with the time-out', async () => {
    server.answers(() => undefined);
    expect(await failure(app({ timeout: 50 }))).toMatchObject({ code: 'ERR_OAUTH_TIMEOUT' });
  });

  test('nobody there: the error says what the network said', async () => {
    const gone = await createEntraServer();
    await gone[Symbol.asyncDispose]();
    const error = await failure(app({ cloud: gone.cloud }));
    expect(error).toMatchObject({ code: 'ERR_OAUTH_UNREACHABLE', cause: { code: 'ECONNREFUSED' } });
  });

  test('Retry-After may be a date', async () => {
    const date = new Date('2026-11-20T10:00:00Z').toUTCString();
    const later = new Date('2026-11-20T10:00:30Z').toUTCString();
    server.answers(refusal(503, 'temporarily_unavailable', 90033));
    expect(await failure(app())).toMatchObject({ code: 'ERR_OAUTH_UNAVAILABLE', aadsts: 90033 });
    server.answers(json(429, {}, { date, 'retry-after': later }));
    expect(await failure(app())).toMatchObject({ retryAfter: 30_000 });
  });

  test('a GUID in place of the secret is recognised as the Secret ID', async () => {
    server.answers(refusal(401, 'invalid_client', 7000215));
    const error = await failure(app({ credential: '44444444-4444-4444-8444-444444444444' }));
    expect(error.hint).toContain('Secret ID');
  });

  test('the secret, the assertion and the key are in nothing that can be printed', async () => {
    const { cert, key } = selfSigned();
    server.answers((response, { form }) => {
      const echo = `${form['client_secret'] ?? ''} ${form['client_assertion'] ?? ''}`;
      json(401, { error: 'invalid_client', error_description: `AADSTS7000215: you sent ${echo}` })(
        response,
        {} as never,
      );
    });
    for (const credential of [CANARY, { assertion: () => CANARY }, { certificate: { pem: cert + key } }]) {
      const events: EntraEvent[] = [];
      const source = app({ credential, onEvent: (event) => events.push(event) });
      const error = await failure(source);
      const printed = inspect([error, events, source, await source.health()], { depth: 20, showHidden: true });
      expect(printed).toContain('[redacted]');
      expect(printed).not.toContain(CANARY.slice(4, 30));
      expect(printed).not.toContain('PRIVATE KEY');
      expect(printed).not.toContain(server.seen.at(-1)?.form['client_assertion']?.split('.')[2] ?? 'nothing');
    }
  });
});

describe('several credentials', () => {
  test('the next one is tried when one is refused, loudly, and stays in use', async () => {
    const events: EntraEvent[] = [];
    const source = app({ credential: ['old', 'new'], onEvent: (event) => events.push(event) });
    server.answers((response, seen) =>
      (seen.form['client_secret'] === 'old' ? refusal(401, 'invalid_client', 7000222) : token('new'))(response, seen),
    );
    expect((await source()).value.reveal()).toBe('new');
    expect(events).toMatchObject([{ type: 'credential-failed', credential: 'secret 1', next: 'secret 2' }]);
    expect(await source.health()).toMatchObject({ status: 'degraded', failed: [{ credential: 'secret 1' }] });
    const before = server.seen.length;
    await source();
    expect(asked(before).map(({ form }) => form['client_secret'])).toEqual(['new']);
  });

  test('the one that failed gets another chance after a day: replaced it is in use again, else that is said again', async () => {
    let now = Date.UTC(2026, 0, 1);
    let good = ['new'];
    const events: EntraEvent[] = [];
    const source = app({ credential: ['old', 'new'], onEvent: (event) => events.push(event), now: () => now });
    server.answers((response, seen) => {
      const { client_secret: secret = '' } = seen.form;
      (good.includes(secret) ? token(secret) : refusal(401, 'invalid_client', 7000222))(response, seen);
    });
    await source();
    now += 23 * 3_600_000;
    await source();
    expect(events).toHaveLength(1);
    now += 3_600_000;
    expect((await source()).value.reveal()).toBe('new');
    expect(events).toHaveLength(2);
    expect((await source.health()).failed).toMatchObject([{ credential: 'secret 1', since: Date.UTC(2026, 0, 1) }]);
    good = ['old', 'new'];
    now += 24 * 3_600_000;
    expect((await source()).value.reveal()).toBe('old');
    expect(await source.health()).toMatchObject({ status: 'ok', failed: [] });
  });

  test('when none works the error is that of the first and names the others', async () => {
    server.answers(refusal(401, 'invalid_client', 7000222), refusal(401, 'invalid_client', 7000215));
    const error = await failure(app({ credential: ['old', 'new'] }));
    expect(error).toMatchObject({
      aadsts: 7000222,
      hint: expect.stringContaining('secret 2: invalid_client AADSTS7000215'),
    });
    expect((error.cause as AggregateError).errors).toHaveLength(2);
  });

  test('a busy Entra and a wrong scope are no fault of a credential', async () => {
    for (const answer of [json(503, {}), refusal(400, 'invalid_scope', 70011)]) {
      const before = server.seen.length;
      server.answers(answer);
      await failure(app({ credential: ['old', 'new'] }));
      expect(asked(before)).toHaveLength(1);
    }
  });

  test.for<[string, () => unknown]>([
    ['throws', () => expect.unreachable()],
    ['rejects', () => Promise.reject(new Error('the listener is broken'))],
  ])('a listener that %s breaks nothing', async ([, onEvent]) => {
    server.answers((response, seen) =>
      (seen.form['client_secret'] === 'old' ? refusal(401, 'invalid_client', 7000222) : token('new'))(response, seen),
    );
    const source = app({ credential: ['old', 'new'], onEvent: onEvent as () => void });
    expect((await source()).value.reveal()).toBe('new');
  });

  test('a file that is gone falls over, too', async () => {
    const source = app({ credential: [{ certificate: { pemFile: join(dir, 'gone.pem') } }, CANARY] });
    await source();
    expect(await source.health()).toMatchObject({ status: 'degraded', failed: [{ credential: 'certificate 1' }] });
  });
});

test('ends are warned of once for each number of days, and in health', async () => {
  const day = 86_400_000;
  let now = Date.UTC(2026, 0, 1);
  const events: EntraEvent[] = [];
  const source = app({
    credential: { secret: CANARY, secretExpiresAt: new Date(now + 40 * day) },
    onEvent: (event) => events.push(event),
    now: () => now,
  });
  for (let i = 0; i <= 41; i += 1, now += day) await source();
  expect(events.map((event) => event.type === 'expiring' && event.days)).toEqual([30, 14, 7, 1, 0]);
  expect((await source.health()).reasons).toEqual(['secret 1 expired 2 days ago']);
});

describe('the door', () => {
  test.for([
    ['common as tenant', { tenantId: 'common' }, 'tenantId must name'],
    ['a tenant with a slash', { tenantId: 'a/b' }, 'tenantId'],
    ['no client', { clientId: '' }, 'clientId'],
    ['an empty secret', { credential: '' }, 'credential.secret'],
    ['no credential', { credential: [] }, 'credential'],
    ['two sources of a secret', { credential: { secret: 'a', secretFile: 'b' } }, 'credential needs one'],
    [
      'two sources of a certificate',
      { credential: { certificate: { pem: 'a', pfxFile: 'b' } } },
      'certificate needs one',
    ],
    [
      'a chain that is neither sent nor not',
      { credential: { certificate: { pem: 'a', sendChain: 'yes' as unknown as boolean } } },
      'sendChain',
    ],
    ['a delegated scope', { scope: 'https://outlook.office.com/SMTP.Send' }, 'scope must end in /.default'],
    ['an authority without TLS', { cloud: { authority: 'http://login.example' } }, 'cloud.authority'],
    ['an authority with a path', { cloud: { authority: 'https://login.example/tenant' } }, 'cloud.authority'],
    ['an unknown cloud', { cloud: 'mars' as 'china' }, 'cloud must be one of'],
    ['an unknown provider', { provider: 'gmail' as 'hve' }, 'provider must be one of'],
    ['personal mailboxes', { provider: 'outlook' }, 'provider'],
    ['a time-out of nothing', { timeout: 0 }, 'timeout'],
    ['a date that is none', { credential: { secret: 'a', secretExpiresAt: 'soon' } }, 'secretExpiresAt'],
  ] as const)('%s is refused at once', ([, options, message]) => {
    expect(() => app(options)).toThrow(
      expect.objectContaining({ code: 'ERR_INPUT_OPTION', message: expect.stringContaining(message) }),
    );
  });

  test.for([
    ['worldwide', undefined, 'login.microsoftonline.com', 'https://outlook.office365.com/.default'],
    ['worldwide', 'hve', 'login.microsoftonline.com', 'https://outlook.office.com/.default'],
    ['usgov', undefined, 'login.microsoftonline.us', 'https://outlook.office365.us/.default'],
    ['usgov-dod', undefined, 'login.microsoftonline.us', 'https://outlook.office365.us/.default'],
    ['china', undefined, 'login.partner.microsoftonline.cn', 'https://partner.outlook.cn/.default'],
    [undefined, 'microsoft365-us', 'login.microsoftonline.us', 'https://outlook.office365.us/.default'],
    [undefined, 'microsoft365-china', 'login.partner.microsoftonline.cn', 'https://partner.outlook.cn/.default'],
    [undefined, undefined, 'login.microsoftonline.com', 'https://outlook.office365.com/.default'],
  ] as const)('cloud %s, provider %s: asks %s for %s', async ([cloud, provider, host, scope]) => {
    const requests: [url: string, scope: string | null][] = [];
    const source = entraApp({
      tenantId: 'contoso.onmicrosoft.com',
      clientId: CLIENT,
      credential: CANARY,
      cloud,
      provider,
      fetch: async (url, init) => {
        const request = new Request(url, init);
        requests.push([request.url, new URLSearchParams(await request.text()).get('scope')]);
        return Response.json({ token_type: 'Bearer', expires_in: 3600, access_token: 'token' });
      },
    });
    await source();
    expect(requests).toEqual([
      [expect.stringMatching(`^https://${host}/contoso.onmicrosoft.com/oauth2/v2.0/token`), scope],
    ]);
  });
});
