// Connecting a mailbox, with a browser, over HTTPS, at the sandbox's Entra: from the first click to a mail sent.
import { createHash } from 'node:crypto';
import { fastify } from 'fastify';
import { describe, expect, test } from 'vitest';
import connect from '../src/connect/index.ts';
import { type ConnectApp, DELEGATE, MAILBOX, SECRET, startConnectApp, STRANGER } from './connect-app.ts';
import type { Browser, Page } from './browser.ts';
import { ask } from './https.ts';
import { FASTIFYS } from './servers.ts';

const COOKIE = '__Host-mailgrant-connect';

/** From the application to Microsoft's page, where one can choose. */
async function begin({ url }: ConnectApp, browser: Browser, path = 'begin'): Promise<Page> {
  const page = await browser.open(`${url}${path}`);
  expect(page.status).toBe(200);
  return page;
}

const bare = (page: Page): string =>
  page.body
    .replace(/<style>.*?<\/style>/s, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');
const stateOf = (page: Page): string => page.url.searchParams.get('state') ?? '';

describe.each(FASTIFYS)('Fastify %s', (_, create) => {
  test('begin, sign in, back: the mailbox is connected and sends, until it is disconnected', async () => {
    await using started = await startConnectApp({ create });
    const { app, sandbox, connection, url } = started;
    const browser = started.browser();
    const hello = { from: MAILBOX, to: 'ada@example.org', subject: 'Connected', text: 'Hi' };
    await expect(app.mail.send(hello)).rejects.toMatchObject({ code: 'ERR_OAUTH_NOT_CONNECTED' });

    const signIn = await begin(started, browser);
    expect(signIn.url.origin).toBe(new URL(sandbox.authority).origin);
    expect(Object.fromEntries(signIn.url.searchParams)).toMatchObject({
      redirect_uri: `${url}callback`,
      code_challenge_method: 'S256',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      login_hint: MAILBOX,
    });
    const done = await browser.choose(signIn, MAILBOX);
    expect(done.status).toBe(200);
    expect(bare(done)).toContain('The mailbox is connected');
    expect(await connection.state()).toMatchObject({ account: { username: MAILBOX } });

    await app.mail.send(hello);
    expect(sandbox.inbox.messages.map(({ subject, identity }) => [subject, identity.user])).toEqual([
      ['Connected', MAILBOX],
    ]);

    const gone = await browser.post(`${url}disconnect`, {}, new URL(url));
    expect([gone.status, bare(gone)]).toEqual([200, expect.stringContaining('The mailbox is disconnected')]);
    expect(await connection.state()).toBeUndefined();
  });
});

test('whoever signs in anew need not wait until the pause after a refused login is over', async () => {
  await using started = await startConnectApp();
  const { app, sandbox } = started;
  const hello = { from: MAILBOX, to: 'ada@example.org', subject: 'Again', text: 'Hi' };
  const browser = started.browser();
  await browser.choose(await begin(started, browser), MAILBOX);
  sandbox.exchange.reply('AUTH', '535 5.7.3 Authentication unsuccessful', { times: 2 });
  await expect(app.mail.send(hello)).rejects.toMatchObject({ code: 'ERR_SMTP_AUTH_REFUSED' });
  await expect(app.mail.send(hello)).rejects.toMatchObject({ code: 'ERR_MAILER_SUSPENDED', statusCode: 503 });
  await browser.choose(await begin(started, browser), MAILBOX);
  await app.mail.send(hello);
  expect(sandbox.inbox.messages.map(({ subject }) => subject)).toEqual(['Again']);
});

describe('the cookie', () => {
  test('is HttpOnly, Secure, Lax, bound to the host, lives as long as the sign-in, and is gone afterwards', async () => {
    await using started = await startConnectApp();
    const { headers } = await ask(`${started.url}begin`, trusted(started), { headers: { cookie: 'session=admin' } });
    const [cookie = '', ...others] = headers['set-cookie'] ?? [];
    expect(others).toEqual([]);
    const [pair, ...attributes] = cookie.split('; ');
    expect(pair).toMatch(new RegExp(`^${COOKIE}=[\\w-]{43}:default$`));
    expect(attributes.toSorted()).toEqual([
      'HttpOnly',
      expect.stringMatching(/^Max-Age=(?:900|89\d)$/),
      'Path=/',
      'SameSite=Lax',
      'Secure',
    ]);

    const browser = started.browser();
    const signIn = await begin(started, browser);
    expect(browser.cookies.has(COOKIE)).toBe(true);
    await browser.choose(signIn, MAILBOX);
    expect(browser.cookies.has(COOKIE)).toBe(false);
  });

  test('is asked for at the callback: another browser cannot finish, and the first one still can', async () => {
    await using started = await startConnectApp();
    const first = started.browser();
    const signIn = await begin(started, first);
    const callback = started.sandbox.entra.signIn(signIn.url.href, { as: MAILBOX });
    const stolen = await started.browser().open(callback);
    expect([stolen.status, bare(stolen)]).toEqual([400, expect.stringContaining('not begun in this browser')]);
    expect(stolen.body).toContain('href="begin?name=default"');
    expect(await started.connection.state()).toBeUndefined();
    expect(bare(await first.open(callback, { from: signIn.url }))).toContain('The mailbox is connected');
  });

  test('does not let a sign-in of somebody else be planted: their link changes nothing', async () => {
    await using started = await startConnectApp();
    const [victim, attacker] = [started.browser(), started.browser()];
    const theirs = await begin(started, attacker);
    const planted = started.sandbox.entra.signIn(theirs.url.href, { as: MAILBOX });
    const signIn = await begin(started, victim);
    expect((await victim.open(planted, { from: new URL('https://evil.example/') })).status).toBe(400);
    expect(await started.connection.state()).toBeUndefined();
    // The sign-in under way is none the worse for it.
    expect(bare(await victim.choose(signIn, MAILBOX))).toContain('The mailbox is connected');
  });

  test('names the mailbox: it cannot be turned to another one', async () => {
    const names: string[] = [];
    let started: ConnectApp | undefined;
    await using app = await startConnectApp({
      connect: {
        connection: (name) => {
          names.push(name);
          return ['reports', 'billing'].includes(name) ? started?.connection : undefined;
        },
      },
    });
    started = app;
    const browser = app.browser();
    const signIn = await begin(app, browser, 'begin?name=reports');
    const callback = app.sandbox.entra.signIn(signIn.url.href, { as: MAILBOX });
    const cookie = browser.cookies.get(COOKIE)!;
    browser.cookies.set(COOKIE, { ...cookie, value: cookie.value.replace('reports', 'nobody') });
    expect(bare(await browser.open(callback, { from: signIn.url }))).toContain('There is no such mailbox');
    expect(names).toEqual(['reports', 'nobody']);
    // Without the cookie nobody knows which mailbox it was about, so there is no link to begin with it again.
    expect((await browser.open(callback, { from: signIn.url })).body).not.toContain('href');
    const again = await begin(app, browser, 'begin?name=reports');
    expect(bare(await browser.choose(again, MAILBOX))).toContain('The mailbox is connected');
  });
});

describe('a callback', () => {
  test('is good for once, also with its cookie', async () => {
    await using started = await startConnectApp();
    const browser = started.browser();
    const signIn = await begin(started, browser);
    const cookie = browser.cookies.get(COOKIE)!;
    const callback = started.sandbox.entra.signIn(signIn.url.href, { as: MAILBOX });
    expect((await browser.open(callback, { from: signIn.url })).status).toBe(200);
    const { length } = started.sandbox.tokenRequests;
    expect(bare(await browser.open(callback, { from: signIn.url }))).toContain('not begun in this browser');
    browser.cookies.set(COOKIE, cookie);
    const replayed = await browser.open(callback, { from: signIn.url });
    expect([replayed.status, bare(replayed)]).toEqual([400, expect.stringContaining('This sign-in is over')]);
    expect(started.sandbox.tokenRequests).toHaveLength(length);
    expect(await started.connection.state()).toBeDefined();
  });

  test('needs no login of the application: strict session cookies and bearer tokens are missing there', async () => {
    await using started = await startConnectApp();
    const browser = started.browser();
    const signIn = await begin(started, browser);
    const done = await browser.choose(signIn, MAILBOX);
    // The browser kept the session back, because it came from another site.
    expect(done.visited.at(-1)).toContain('/connect/callback?');
    expect(done.status).toBe(200);
  });

  test.each([
    ['callback'],
    ['callback?state='],
    ['callback?state=x&state=y'],
    ['callback?code=x'],
    ['callback?state=%ff'],
  ])('that is none is refused: %s', async (path) => {
    await using started = await startConnectApp();
    const browser = started.browser();
    await begin(started, browser);
    expect((await browser.open(`${started.url}${path}`)).status).toBe(400);
    expect(browser.cookies.has(COOKIE)).toBe(true);
  });
});

describe('somebody who', () => {
  test('signs in with another account is told which one to take, nothing is stored, and may begin again', async () => {
    await using started = await startConnectApp({ entra: { delegates: [DELEGATE] } });
    const browser = started.browser();
    const page = await browser.choose(await begin(started, browser), STRANGER);
    expect(page.status).toBe(403);
    expect(bare(page)).toContain(`You signed in as ${STRANGER}, which may not send as ${MAILBOX}. Nothing was stored.`);
    expect(bare(page)).toContain(`choose the account of ${MAILBOX}`);
    expect(page.body).not.toContain(DELEGATE);
    expect(await started.connection.state()).toBeUndefined();
    const [, link = ''] = /<a href="([^"]+)">Begin again/.exec(page.body) ?? [];
    const signIn = await browser.open(link, { from: page.url });
    expect(bare(await browser.choose(signIn, DELEGATE))).toContain('The mailbox is connected');
  });

  test('signs in with another account loses no consent of before', async () => {
    await using started = await startConnectApp();
    const browser = started.browser();
    await browser.choose(await begin(started, browser), MAILBOX);
    await browser.choose(await begin(started, browser), STRANGER);
    expect(await started.connection.state()).toMatchObject({ account: { username: MAILBOX } });
  });

  test('declines is told what it was about', async () => {
    await using started = await startConnectApp();
    const browser = started.browser();
    const page = await browser.choose(await begin(started, browser), 'yes'); // "Cancel"
    expect([page.status, bare(page)]).toEqual([
      403,
      expect.stringContaining('The permission to send mail was not given'),
    ]);
  });

  test('is not allowed by the application can neither begin nor disconnect', async () => {
    await using started = await startConnectApp();
    const browser = started.browser();
    browser.cookies.delete('session');
    expect(await browser.open(`${started.url}begin`)).toMatchObject({
      status: 401,
      body: '{"message":"Log in first"}',
    });
    expect((await browser.post(`${started.url}disconnect`, {}, new URL(started.url))).status).toBe(401);
    expect(browser.cookies.size).toBe(0);
  });

  test('was led here by another site gets nowhere', async () => {
    await using started = await startConnectApp();
    const evil = new URL('https://evil.example/');
    const headers = { cookie: 'session=admin', accept: 'application/json' };
    const at = (path: string, more: Record<string, string>, method = 'POST') =>
      ask(`${started.url}${path}`, trusted(started), { method, headers: { ...headers, ...more } });
    for (const more of [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: evil.origin },
      { origin: 'null' },
    ]) {
      expect(await at('disconnect', more as Record<string, string>)).toMatchObject({
        status: 403,
        body: expect.stringContaining('CROSS_SITE'),
      });
    }
    expect(await at('begin', { 'sec-fetch-site': 'cross-site' }, 'GET')).toMatchObject({ status: 403 });
    expect((await at('begin', {}, 'HEAD')).status).toBe(404);
    expect((await at('disconnect', {}, 'GET')).status).toBe(404);
  });
});

describe('when it does not work', () => {
  const failures: readonly (readonly [string, (started: ConnectApp) => void, number, string])[] = [
    ['Entra is away', ({ sandbox }) => sandbox.entra.next({ reset: true }), 503, 'MICROSOFT_UNREACHABLE'],
    ['Entra is busy', ({ sandbox }) => sandbox.entra.next({ status: 503 }), 503, 'MICROSOFT_UNREACHABLE'],
    ['Entra refuses the application', ({ sandbox }) => sandbox.entra.next({ aadsts: 7000222 }), 502, 'AADSTS7000222'],
    [
      'the consent cannot be kept',
      ({ store }) => Object.assign(store, { compareAndSet: () => Promise.reject(new Error('canary-store')) }),
      500,
      'FAILED',
    ],
  ];

  test.each(failures)('%s: the page says so and no more, the log says why', async (_name, cause, status, word) => {
    await using started = await startConnectApp();
    const browser = started.browser();
    const signIn = await begin(started, browser);
    cause(started);
    const page = await browser.choose(signIn, MAILBOX);
    expect([page.status, bare(page)]).toEqual([status, expect.stringContaining(word)]);
    expect(page.body).not.toMatch(/canary|trace|expired|at .*\.ts/i);
    expect(started.log()).toMatch(/"msg":"connecting failed: [A-Z_]+"/);
    expect(await started.connection.state()).toBeUndefined();
  });

  test('to begin: the same', async () => {
    await using started = await startConnectApp();
    Object.assign(started.store, { get: () => Promise.reject(new Error('canary-store')) });
    const page = await started.browser().open(`${started.url}begin`);
    expect([page.status, bare(page)]).toEqual([500, expect.stringContaining('Something went wrong here')]);
    expect(page.body).not.toContain('canary');
    expect(page.headers['set-cookie']).toBeUndefined();
  });
});

test.each(FASTIFYS)(
  'no secret, code, state or token is in the log, whatever happens: Fastify %s',
  async (_, create) => {
    await using started = await startConnectApp({ create, entra: { delegates: [DELEGATE] } });
    const { app, sandbox } = started;
    const browser = started.browser();
    const pages = [
      await browser.choose(await begin(started, browser), STRANGER),
      await browser.choose(await begin(started, browser), 'yes'),
    ];
    sandbox.entra.next({ aadsts: 7000222 });
    pages.push(await browser.choose(await begin(started, browser), MAILBOX));
    pages.push(await browser.choose(await begin(started, browser), MAILBOX));
    pages.push(await browser.open(pages.at(-1)!.url));
    await app.mail.send({ from: MAILBOX, to: 'ada@example.org', text: 'Hi' });
    const log = started.log();
    expect(log).toContain('"url":"/connect/callback"');
    const canaries = pages
      .flatMap(({ url }) => [url.searchParams.get('code'), stateOf({ url } as Page)])
      .filter(Boolean);
    expect(canaries.length).toBeGreaterThan(5);
    for (const canary of [SECRET, 'code=', 'state=', 'eyJ', COOKIE, ...canaries]) expect(log).not.toContain(canary);
  },
);

test('an application that logs requests in its own way logs no code either', async () => {
  const lines: string[] = [];
  const serializers = { req: ({ url }: { readonly url: string }) => ({ all: url }) };
  const app = fastify({ logger: { stream: { write: (line) => void lines.push(line) }, serializers } });
  await app.register(connect, { connection: () => undefined, authorize: async () => {} });
  await app.inject('/begin?name=seen');
  await app.inject('/callback?code=canary&state=canary');
  await app.close();
  expect(lines.join('')).toContain('/begin?name=seen');
  expect(lines.join('')).not.toContain('canary');
});

test.each(FASTIFYS)(
  'old browsers behind a proxy can disconnect where trustProxy is set: Fastify %s',
  async (_, create) => {
    const mailbox = { begin: never, finish: never, disconnect: async () => {} };
    const answers = async (trustProxy: boolean) => {
      const app = create({ trustProxy });
      await app.register(connect, { connection: mailbox, authorize: async () => {} });
      const headers = { host: 'inner:3000', origin: 'https://app.example', 'x-forwarded-host': 'App.example' };
      const { statusCode } = await app.inject({ method: 'POST', url: '/disconnect', headers });
      await app.close();
      return statusCode;
    };
    expect([await answers(true), await answers(false)]).toEqual([200, 403]);
  },
);

describe('for programs', () => {
  test('begin gives the address, the callback and disconnect say how it ended', async () => {
    await using started = await startConnectApp();
    const headers = { accept: 'application/json', cookie: 'session=admin', 'sec-fetch-site': 'same-origin' };
    const json = async (path: string, more: Record<string, string> = {}, method = 'GET') => {
      const {
        status,
        headers: got,
        body,
      } = await ask(new URL(path, started.url), trusted(started), {
        method,
        headers: { ...headers, ...more },
        ...(method === 'POST' && { body: '{}' }),
      });
      return {
        status,
        cookie: got['set-cookie']?.[0]?.split(';')[0] ?? '',
        value: JSON.parse(body) as Record<string, unknown>,
      };
    };
    const begun = await json('begin');
    expect(begun).toMatchObject({
      status: 200,
      value: { url: expect.stringContaining('/oauth2/v2.0/authorize?'), expiresAt: expect.any(Number) },
    });
    const callback = started.sandbox.entra.signIn(String(begun.value['url']), { as: STRANGER });
    expect(await json(callback, { cookie: begun.cookie })).toMatchObject({
      status: 403,
      value: { statusCode: 403, code: 'WRONG_ACCOUNT', message: expect.stringContaining(STRANGER) },
    });
    const disconnected = await json('disconnect', { 'content-type': 'application/json' }, 'POST');
    expect(disconnected).toMatchObject({ status: 200, value: { code: 'DISCONNECTED' } });
    expect(await json('begin?name=nobody')).toMatchObject({ status: 404, value: { code: 'UNKNOWN_MAILBOX' } });
  });
});

describe('pages', () => {
  test('run no script, load nothing, are kept by nobody, tell nobody their address, and repeat no request', async () => {
    await using started = await startConnectApp();
    const page = await started.browser().open(`${started.url}begin?name=%3Cscript%3Ealert(1)%3C/script%3E`);
    expect(page.status).toBe(404);
    expect(page.body).not.toContain('<script');
    const nothing = await started
      .browser()
      .open(`${started.url}callback?error=%3Cscript%3E&error_description=canary&state=x`);
    expect(nothing.body).not.toMatch(/<script|canary/);
    for (const { headers, body } of [page, nothing]) {
      const [, style = ''] = /<style>(.*?)<\/style>/s.exec(body) ?? [];
      const hash = createHash('sha256').update(style).digest('base64');
      expect(headers['content-security-policy']).toContain(`style-src 'sha256-${hash}';`);
      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        'content-security-policy': expect.stringMatching(
          /^default-src 'none'; style-src 'sha256-[\w+/]{43}='; .*frame-ancestors 'none'$/,
        ),
      });
    }
  });
});

describe('the application', () => {
  test('is told who connected and who disconnected, and takes over with returnTo', async () => {
    const told: unknown[] = [];
    await using started = await startConnectApp({
      connect: {
        returnTo: '/apps/mail/settings?mail=connected',
        onConnected: ({ name, account, request }) => told.push([name, account.username, request.method]),
        onDisconnected: ({ name }) => told.push(name),
      },
    });
    started.app.log.level = 'silent';
    const browser = started.browser();
    const done = await browser.choose(await begin(started, browser), MAILBOX);
    expect(done.url.pathname + done.url.search).toBe('/apps/mail/settings?mail=connected');
    const gone = await browser.post(`${started.url}disconnect`, {}, new URL(started.url));
    expect(gone.url.pathname).toBe('/apps/mail/settings');
    expect(told).toEqual([['default', MAILBOX, 'GET'], 'default']);
  });

  test('handles what its own hooks throw', async () => {
    await using started = await startConnectApp({
      connect: {
        onConnected: () => {
          throw Object.assign(new Error('the audit log is full'), { statusCode: 507 });
        },
      },
    });
    const browser = started.browser();
    const page = await browser.choose(await begin(started, browser), MAILBOX);
    expect([page.status, JSON.parse(page.body)]).toMatchObject([507, { message: 'the audit log is full' }]);
    expect(await started.connection.state()).toBeDefined();
  });

  test('has to say who may: it is not registered without', async () => {
    const refused = async (connect: object) => {
      const error: unknown = await startConnectApp({ connect }).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      return error;
    };
    const cases: [object, string][] = [
      [{ authorize: undefined }, 'anybody could connect'],
      [{ authorize: [] }, 'anybody could connect'],
      [{ connection: {} }, 'entraConnect()'],
      [{ returnTo: 'https://evil.example/' }, 'returnTo'],
      [{ returnTo: '//evil.example' }, 'returnTo'],
      [{ onConnected: 'log' }, 'onConnected'],
    ];
    for (const [options, word] of cases) {
      expect(await refused(options)).toMatchObject({
        code: 'FST_MAIL_CONNECT_OPTIONS',
        message: expect.stringContaining(word),
      });
    }
  });
});

const trusted = (started: ConnectApp): readonly string[] => started.browser().trusted;
const never = (): Promise<never> => Promise.reject(new Error('not in this test'));
