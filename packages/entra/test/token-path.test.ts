// What a mailer lives through between two tokens: core's cache above, real MSAL below, Entra on a real socket.
// What is asked of the way to a token, and the test that shows it, here unless another file is named:
//   cold cache, 100 callers: 1 request                     'a hundred callers of a cold cache …'
//   soft refresh, 100 callers: 1 request, nobody waits     'a hundred callers of a token that is due …'
//   network down: the old token and one warning            'a network that is down leaves it in use …'
//   429, 503: the old token, next after Retry-After        '429 with …', '503 with …', '503 leaves it in use …'
//   silence: a typed time-out within ten seconds           'an endpoint that keeps silent …', 'ten seconds are given …'
//   HTML, empty 200, 200 without token: error with status  app.test.ts 'what goes wrong'; 'a page of HTML leaves …'
//   a refused secret: the old token and a loud warning     'an expired secret leaves it in use …'
//   a thumbprint with colons                               none is taken, ours has none: certificate.test.ts
//   an assertion only when a request is made               'an assertion is asked for …'
import { once } from 'node:events';
import { cached, type TokenEvent } from '@mailgrant/core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { entraApp, type EntraAppOptions, type EntraEvent } from '../src/index.ts';
import { normalise } from '../src/input.ts';
import {
  type Answer,
  CLIENT,
  createEntraServer,
  type EntraServer,
  json,
  refusal,
  TENANT,
  token,
} from './entra-server.ts';

const MINUTE = 60_000;
let server: EntraServer;
let now: number;
beforeAll(async () => {
  server = await createEntraServer();
});
beforeEach(() => {
  now = Date.UTC(2026, 10, 20);
  server.answers(token('first'));
});
afterAll(async () => server[Symbol.asyncDispose]());

function source(more: Partial<EntraAppOptions> = {}) {
  const events: TokenEvent[] = [];
  const warnings: EntraEvent[] = [];
  const settled = new EventTarget();
  const get = cached(
    entraApp({
      tenantId: TENANT,
      clientId: CLIENT,
      credential: 'secret',
      cloud: server.cloud,
      now: () => now,
      onEvent: (event) => warnings.push(event),
      ...more,
    }),
    {
      now: () => now,
      random: () => 1,
      onEvent: (event) => {
        events.push(event);
        settled.dispatchEvent(new Event('settled'));
      },
    },
  );
  return { get, events, warnings, settled: () => once(settled, 'settled') };
}

const value = async (get: ReturnType<typeof source>['get']) => (await get()).value.reveal();
const hundred = <T>(work: () => Promise<T>) => Promise.all(Array.from({ length: 100 }, work));

test('a hundred callers of a cold cache make one request', async () => {
  const { get } = source();
  const before = server.seen.length;
  expect(new Set(await hundred(() => value(get)))).toEqual(new Set(['first']));
  expect(server.seen.length).toBe(before + 1);
});

test('a hundred callers of a token that is due make one request, and none waits for it', async () => {
  const { get, settled } = source();
  await get();
  now += 51 * MINUTE;
  const before = server.seen.length;
  let release = (): void => undefined;
  server.answers((response, seen) => {
    release = () => token('second')(response, seen);
  });
  expect(new Set(await hundred(() => value(get)))).toEqual(new Set(['first'])); // the answer is still being held back
  const done = settled();
  while (server.seen.length === before) await new Promise(setImmediate);
  release();
  await done;
  expect(await value(get)).toBe('second');
  expect(server.seen.length).toBe(before + 1);
});

/** Asks for `what` at this moment and waits until the renewal behind it is over. */
async function renewal({ get, settled }: ReturnType<typeof source>): Promise<string> {
  const done = settled();
  const served = await value(get);
  await done;
  return served;
}

describe('while the token is still good', () => {
  const date = (time: number): string => new Date(time).toUTCString();
  const start = Date.UTC(2026, 10, 20) + 51 * MINUTE;
  const trouble: [name: string, answer: Answer, error: object, waits: number][] = [
    ['a network that is down', (response) => response.destroy(), { code: 'ERR_OAUTH_UNREACHABLE' }, 0],
    ['503', json(503, 'busy'), { code: 'ERR_OAUTH_UNAVAILABLE', status: 503 }, 0],
    [
      '429 with Retry-After in seconds',
      json(429, {}, { 'retry-after': '120' }),
      { code: 'ERR_OAUTH_UNAVAILABLE', retryAfter: 2 * MINUTE },
      2 * MINUTE,
    ],
    [
      '503 with Retry-After as a date',
      json(503, {}, { date: date(start), 'retry-after': date(start + 3 * MINUTE) }),
      { code: 'ERR_OAUTH_UNAVAILABLE', retryAfter: 3 * MINUTE },
      3 * MINUTE,
    ],
    ['a page of HTML', json(200, '<html>sign in</html>'), { code: 'ERR_OAUTH_MALFORMED', status: 200 }, 0],
    ['an answer without a token', json(200, {}), { code: 'ERR_OAUTH_MALFORMED', status: 200 }, 0],
    ['an expired secret', refusal(401, 'invalid_client', 7000222), { code: 'ERR_OAUTH_REFUSED', aadsts: 7000222 }, 0],
  ];
  test.for(trouble)(
    '%s leaves it in use, says so once and waits before it asks again',
    async ([, answer, error, waits]) => {
      const path = source();
      const { get, events, warnings } = path;
      await get();
      now = start;
      server.answers(answer);
      const before = server.seen.length;
      expect(await renewal(path)).toBe('first');
      expect(new Set(await hundred(() => value(get)))).toEqual(new Set(['first']));
      expect(server.seen.length).toBe(before + 1);
      expect(events.slice(1)).toMatchObject([
        { type: 'renewal-failed', failures: 1, error, usableUntil: expect.any(Number) },
      ]);
      const refused = 'aadsts' in error;
      expect(warnings.map(({ type }) => type)).toEqual(refused ? ['credential-failed'] : []);

      server.answers(token('second'));
      now = start + waits - 1;
      if (waits > 0) await hundred(() => value(get));
      expect(server.seen.length).toBe(before + 1);
      now = start + Math.max(waits, 3 * MINUTE);
      await renewal(path);
      expect(await value(get)).toBe('second');
      expect(server.seen.length).toBe(before + 2);
    },
  );

  test('an endpoint that keeps silent leaves it in use, and the attempt ends', async () => {
    const path = source({ timeout: 50 });
    await path.get();
    now = start;
    server.answers(() => undefined);
    expect(await renewal(path)).toBe('first');
    expect(path.events.at(-1)).toMatchObject({ type: 'renewal-failed', error: { code: 'ERR_OAUTH_TIMEOUT' } });
  });
});

test('ten seconds are given to a request unless told otherwise', () => {
  const options = { tenantId: TENANT, clientId: CLIENT };
  expect(normalise(options, 'application').http.timeout).toBe(10_000);
  expect(normalise(options, 'delegated').http.timeout).toBe(10_000);
});

test('an assertion is asked for when a request is made, and for nothing else', async () => {
  let asked = 0;
  const assertion = (): string => {
    asked += 1;
    return 'a.b.c';
  };
  const { get } = source({ credential: { assertion } });
  const before = server.seen.length;
  await hundred(() => value(get));
  await hundred(() => value(get));
  expect([asked, server.seen.length]).toEqual([1, before + 1]);
});
