// The refresh token grant against a real endpoint that rotates, as strict servers do.
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { refreshToken, type RefreshTokenOptions } from '../src/oauth/refresh-token.ts';
import { memoryTokenStore } from '../src/oauth/token-store.ts';
import { Secret } from '../src/secret.ts';
import { answer, createTokenServer, token, type TokenServer } from './token-server.ts';

let server: TokenServer;
/** The one refresh token that is good, and how often any other was used. */
let good: string;
let reused: number;

beforeAll(async () => {
  server = await createTokenServer();
});
beforeEach(() => {
  good = 'refresh-1';
  reused = 0;
  server.answers((response, request) => {
    if (request.form.get('refresh_token') !== good) {
      reused += 1;
      answer(400, { error: 'invalid_grant', suberror: 'bad_token' })(response, request);
      return;
    }
    const number = Number(good.split('-')[1]);
    good = `refresh-${number + 1}`;
    token(`access-${number}`, { refresh_token: good })(response, request);
  });
});
afterAll(async () => server[Symbol.asyncDispose]());

const source = (more: Partial<RefreshTokenOptions> = {}) =>
  refreshToken({ tokenEndpoint: server.url, clientId: 'app', refreshToken: 'refresh-1', ...more });

type Work = <T>(result: T) => Promise<T>;

/** Something that does not answer at its first call until told to. */
function hangsOnce() {
  let begin: () => void = () => undefined;
  let goOn: () => void = () => undefined;
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const told = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  let calls = 0;
  const work: Work = async (result) => {
    calls += 1;
    begin();
    if (calls === 1) await told;
    return result;
  };
  return { work, begun, goOn: () => goOn() };
}

const value = async (get: ReturnType<typeof source>) => {
  const { value: secret } = await get();
  return secret instanceof Secret ? secret.reveal() : secret;
};

test('asks as RFC 6749 section 6 has it, with no secret for a public client', async () => {
  await source({ scope: 'https://outlook.office.com/SMTP.Send offline_access' })();
  expect(Object.fromEntries(server.requests.at(-1)?.form ?? [])).toEqual({
    grant_type: 'refresh_token',
    refresh_token: 'refresh-1',
    scope: 'https://outlook.office.com/SMTP.Send offline_access',
    client_id: 'app',
  });
});

test('concurrent calls run one after the other, each with the newest refresh token', async () => {
  const get = source();
  expect(await Promise.all([value(get), value(get), value(get)])).toEqual(['access-1', 'access-2', 'access-3']);
  expect(reused).toBe(0);
});

test('a rotated refresh token is kept before the access token is handed out', async () => {
  const order: string[] = [];
  let kept: () => void = () => undefined;
  const keeping = new Promise<void>((resolve) => {
    kept = resolve;
  });
  const get = source({
    onRotate: async (rotated) => {
      order.push(`keeping ${rotated.reveal()}`);
      kept();
      await new Promise(setImmediate);
      order.push('kept');
    },
  });
  const call = value(get).then((access) => order.push(access));
  await keeping;
  await call;
  expect(order).toEqual(['keeping refresh-2', 'kept', 'access-1']);
});

test('a refresh token that could not be kept holds the access token back, and is kept first next time', async () => {
  const kept: string[] = [];
  let broken = true;
  const get = source({
    onRotate: (rotated) => {
      if (broken) throw new Error('disk full');
      kept.push(rotated.reveal());
    },
  });
  for (let i = 0; i < 2; i += 1) {
    await expect(get()).rejects.toMatchObject({ code: 'ERR_OAUTH_SOURCE', cause: { message: 'disk full' } });
  }
  expect(good).toBe('refresh-2'); // the second call asked for nothing
  broken = false;
  expect(await value(get)).toBe('access-2');
  expect(kept).toEqual(['refresh-2', 'refresh-3']);
});

test('a function that reads the refresh token sees what onRotate wrote, and a new consent wins', async () => {
  let saved = 'refresh-1';
  const get = source({
    refreshToken: async () => saved,
    onRotate: (rotated) => {
      saved = rotated.reveal();
    },
  });
  expect(await value(get)).toBe('access-1');
  expect(await value(get)).toBe('access-2');
  good = 'refresh-50';
  saved = 'refresh-50';
  expect(await value(get)).toBe('access-50');
  expect(reused).toBe(0);
});

test('sources that share a store never use a replaced refresh token, nor do later ones', async () => {
  const store = memoryTokenStore();
  const one = source({ store, key: 'mailbox' });
  const two = source({ store, key: 'mailbox' });
  const values = await Promise.all([value(one), value(two), value(one), value(two)]);
  expect(values.sort()).toEqual(['access-1', 'access-2', 'access-3', 'access-4']);
  expect(await value(source({ store, key: 'mailbox' }))).toBe('access-5');
  expect(reused).toBe(0);
});

test('a newly configured refresh token puts an end to the stored line', async () => {
  const store = memoryTokenStore();
  await source({ store, key: 'mailbox' })();
  good = 'refresh-50';
  expect(await value(source({ store, key: 'mailbox', refreshToken: 'refresh-50' }))).toBe('access-50');
  expect(await value(source({ store, key: 'mailbox', refreshToken: 'refresh-50' }))).toBe('access-51');
});

test('a lock that another process does not give back ends in a time-out', async () => {
  const store = memoryTokenStore();
  await store.lock('mailbox#refresh-token', { lease: 60_000, wait: 0 });
  await expect(source({ store, key: 'mailbox', timeout: 5 })()).rejects.toMatchObject({ code: 'ERR_OAUTH_TIMEOUT' });
});

test.each<[string, (work: Work) => Partial<RefreshTokenOptions>]>([
  ['a secret', (work) => ({ clientSecret: () => work('secret') })],
  ['onRotate', (work) => ({ onRotate: () => work(undefined) })],
  [
    'a store',
    (work) => {
      const store = memoryTokenStore();
      return { store: { ...store, get: async (key) => work(await store.get(key)) } };
    },
  ],
])('%s that never answers ends in a time-out and holds up that call only', async (_, more) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { work, begun, goOn } = hangsOnce();
  const get = source({ key: 'mailbox', ...more(work) });
  const first = get().catch((error: unknown) => error);
  await begun;
  await vi.advanceTimersByTimeAsync(30_000);
  expect(await first).toMatchObject({ code: 'ERR_OAUTH_TIMEOUT' });
  expect(await value(get)).toMatch(/^access-[12]$/);
  goOn();
  expect(await value(get)).toMatch(/^access-[23]$/);
  expect(reused).toBe(0);
});

test('a consent that ended is told as invalid_grant, and the next call is free to try', async () => {
  const get = source();
  good = 'refresh-9';
  await expect(get()).rejects.toMatchObject({
    code: 'ERR_OAUTH_REFUSED',
    error: 'invalid_grant',
    suberror: 'bad_token',
  });
  good = 'refresh-1';
  expect(await value(get)).toBe('access-1');
});

test('a server that rotates nothing keeps nobody busy', async () => {
  server.answers(token('access', { refresh_token: 'refresh-1' }));
  const get = source({
    onRotate: () => {
      throw new Error('called');
    },
  });
  expect(await value(get)).toBe('access');
  server.answers(token('access', { refresh_token: '' }));
  expect(await value(get)).toBe('access');
});

test('a server that echoes the refresh token prints nothing of it', async () => {
  server.answers((response, request) => {
    answer(400, { error: 'invalid_grant', error_description: `unknown: ${request.body}` })(response, request);
  });
  const error: unknown = await source({ refreshToken: 'canary-refresh-token' })().catch((caught: unknown) => caught);
  expect(String(error)).toContain('refresh_token=[redacted]');
  expect(String(error)).not.toContain('canary');
});

test.each<[string, Partial<RefreshTokenOptions>]>([
  ['store and onRotate exclude each other', { store: memoryTokenStore(), key: 'k', onRotate: () => undefined }],
  ['a token store needs the option key', { store: memoryTokenStore() }],
  ['clientSecret and clientAssertion exclude each other', { clientSecret: 's', clientAssertion: async () => 'a' }],
])('%s', (message, options) => {
  expect(() => source(options)).toThrow(message);
});
