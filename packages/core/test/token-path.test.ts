// The whole way to a token, cache and grant and a real endpoint, when the endpoint is in trouble.
import { inspect } from 'node:util';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { createMailer } from '../src/mailer.ts';
import { clientCredentials } from '../src/oauth/client-credentials.ts';
import { cached } from '../src/oauth/token-cache.ts';
import { type TokenEvent } from '../src/oauth/token-events.ts';
import { answer, createTokenServer, token, type TokenAnswer, type TokenServer } from './token-server.ts';

const HOUR = 3_600_000;
const SECRET = 'canary-client-secret';

let server: TokenServer;
beforeAll(async () => {
  server = await createTokenServer();
});
afterAll(async () => server[Symbol.asyncDispose]());

function path() {
  /** Changed by tests that let an endpoint hang. */
  const limits = { timeout: 10_000 };
  const clock = { now: 1_800_000_000_000 };
  const now = () => clock.now;
  const events: TokenEvent[] = [];
  const grant = { tokenEndpoint: server.url, clientId: 'app', clientSecret: SECRET, scope: 's', now };
  let wake = (): void => undefined;
  const onEvent = (event: TokenEvent): void => {
    events.push(event);
    wake();
  };
  const source = cached((request) => clientCredentials({ ...grant, ...limits })(request), {
    now,
    random: () => 1,
    onEvent,
  });
  const warnings = () => events.filter((event) => event.type === 'renewal-failed');
  /** When the attempt in flight is over. */
  const attempt = async () => {
    while (source.state().renewing) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { clock, limits, source, events, warnings, attempt };
}

test('a hundred callers of a cold cache make one request', async () => {
  server.answers(token('cold'));
  const before = server.requests.length;
  const { source } = path();
  const tokens = await Promise.all(Array.from({ length: 100 }, () => source()));
  expect(new Set(tokens.map(({ value }) => value.reveal()))).toEqual(new Set(['cold']));
  expect(server.requests).toHaveLength(before + 1);
});

test('in the soft window a hundred callers make one request and none waits for it', async () => {
  server.answers(token('old'));
  const { source, clock, attempt } = path();
  await source();
  clock.now += HOUR - 600_000;
  const before = server.requests.length;
  let release = (): void => undefined;
  const arrived = new Promise<void>((resolve) => {
    server.answers((response, request) => {
      release = () => {
        token('new')(response, request);
      };
      resolve();
    });
  });
  for (let i = 0; i < 100; i += 1) expect((await source()).value.reveal()).toBe('old');
  await arrived;
  release();
  await attempt();
  expect((await source()).value.reveal()).toBe('new');
  expect(server.requests).toHaveLength(before + 1);
});

const html = '<html>maintenance canary-client-secret</html>';
test.each<[string, TokenAnswer, string]>([
  ['a reset connection', (response) => response.destroy(), 'ERR_OAUTH_UNREACHABLE'],
  ['429', answer(429, { error: 'throttled' }), 'ERR_OAUTH_UNAVAILABLE'],
  ['503', answer(503, 'busy'), 'ERR_OAUTH_UNAVAILABLE'],
  ['401', answer(401, { error: 'invalid_client', error_description: SECRET }), 'ERR_OAUTH_REFUSED'],
  ['a hang', () => undefined, 'ERR_OAUTH_TIMEOUT'],
  ['HTML', answer(200, html), 'ERR_OAUTH_MALFORMED'],
  ['200 without a token', answer(200, { token_type: 'Bearer' }), 'ERR_OAUTH_MALFORMED'],
])(
  'with a valid token, a renewal that meets %s is warned of once an attempt and stops nobody',
  async (_, how, code) => {
    server.answers(token('old'));
    const { source, clock, limits, warnings, attempt, events } = path();
    await source();
    if (code === 'ERR_OAUTH_TIMEOUT') limits.timeout = 20;
    server.answers(how);
    clock.now += HOUR - 600_000;
    const before = server.requests.length;
    for (let attempts = 1; attempts <= 3; attempts += 1) {
      for (let i = 0; i < 10; i += 1) expect((await source()).value.reveal()).toBe('old');
      await attempt();
      expect(warnings().map(({ error }) => 'code' in error && error.code)).toEqual(Array(attempts).fill(code));
      for (let i = 0; i < 10; i += 1) expect((await source()).value.reveal()).toBe('old');
      // Within 20 ms a request may not have got as far as the endpoint.
      if (code !== 'ERR_OAUTH_TIMEOUT') expect(server.requests).toHaveLength(before + attempts);
      clock.now += 60_000;
    }
    server.answers(token('new'));
    limits.timeout = 10_000;
    await source();
    await attempt();
    expect((await source()).value.reveal()).toBe('new');
    expect(inspect([events, source.state()], { depth: 20, showHidden: true }) + JSON.stringify(events)).not.toContain(
      'canary',
    );
  },
);

test('an endpoint that hangs ends a cold call within its limit, and no earlier caller keeps a later one', async () => {
  server.answers(() => undefined);
  const { source, clock, limits } = path();
  limits.timeout = 20;
  const started = performance.now();
  await expect(Promise.all([source(), source()])).rejects.toMatchObject({ code: 'ERR_OAUTH_TIMEOUT' });
  expect(performance.now() - started).toBeLessThan(5000);
  server.answers(token('back'));
  limits.timeout = 10_000;
  clock.now += 1000;
  expect((await source()).value.reveal()).toBe('back');
});

test('an endpoint that hangs ends a cold call after 10 seconds', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const fetch = vi.fn<typeof globalThis.fetch>(() => new Promise(() => undefined));
  const grant = { tokenEndpoint: server.url, clientId: 'app', clientSecret: SECRET, scope: 's', fetch };
  const source = cached(clientCredentials(grant));
  const call = source().catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(9_999);
  expect(source.state()).toMatchObject({ renewing: true });
  await vi.advanceTimersByTimeAsync(1);
  expect(source.state()).toMatchObject({ renewing: false });
  expect(await call).toMatchObject({ code: 'ERR_OAUTH_TIMEOUT' });
  expect(fetch).toHaveBeenCalledOnce();
});

test('a secret corrected while it was refused works at the next attempt', async () => {
  server.answers((response, { form, ...request }) => {
    const right = form.get('client_secret') === 'right';
    (right ? token('welcome') : answer(401, { error: 'invalid_client' }))(response, { form, ...request });
  });
  let secret = 'wrong';
  const clock = { now: 0 };
  const source = cached(
    clientCredentials({ tokenEndpoint: server.url, clientId: 'a', clientSecret: () => secret, scope: '' }),
    { now: () => Date.now() + clock.now },
  );
  const before = server.requests.length;
  for (let i = 0; i < 20; i += 1) await expect(source()).rejects.toMatchObject({ error: 'invalid_client' });
  expect(server.requests).toHaveLength(before + 1);
  secret = 'right';
  clock.now += 5000;
  expect((await source()).value.reveal()).toBe('welcome');
});

test.each(['Fri, 31 Dec 9999 23:59:59 GMT', '999999999'])(
  'an endpoint that answers Retry-After: %s is obeyed for an hour, not for years',
  async (retryAfter) => {
    server.answers(answer(401, { error: 'invalid_client' }, { 'retry-after': retryAfter }));
    const token = clientCredentials({ tokenEndpoint: server.url, clientId: 'app', clientSecret: SECRET, scope: 's' });
    // Any port will do that says nothing before the token is known.
    const port = Number(new URL(server.url).port);
    await using mailer = createMailer({ host: '127.0.0.1', port, user: 'noreply@contoso.com', token });
    await expect(mailer.verify()).rejects.toMatchObject({ code: 'ERR_OAUTH_REFUSED', retryAfter: HOUR });
    expect(mailer.health().suspendedUntil).toBeLessThanOrEqual(Date.now() + HOUR);
  },
);
