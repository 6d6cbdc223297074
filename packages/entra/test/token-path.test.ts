// What a mailer lives through between two tokens: core's cache above, MSAL below, Entra on a real socket.
import { once } from 'node:events';
import { cached, type TokenEvent } from '@mailgrant/core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { entraApp, type EntraEvent } from '../src/index.ts';
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

function source() {
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

describe('while the token is still good', () => {
  const trouble: [string, Answer, object][] = [
    ['a network that is down', (response) => response.destroy(), { code: 'ERR_OAUTH_UNREACHABLE' }],
    ['503', json(503, 'busy'), { code: 'ERR_OAUTH_UNAVAILABLE', status: 503 }],
    ['429', json(429, {}, { 'retry-after': '120' }), { code: 'ERR_OAUTH_UNAVAILABLE', retryAfter: 2 * MINUTE }],
    ['an expired secret', refusal(401, 'invalid_client', 7000222), { code: 'ERR_OAUTH_REFUSED', aadsts: 7000222 }],
  ];
  test.for(trouble)('%s leaves it in use, says so once and waits before it asks again', async ([, answer, error]) => {
    const { get, events, warnings, settled } = source();
    await get();
    now += 51 * MINUTE;
    server.answers(answer);
    const before = server.seen.length;
    const done = settled();
    expect(await value(get)).toBe('first');
    await done;
    expect(new Set(await hundred(() => value(get)))).toEqual(new Set(['first']));
    expect(server.seen.length).toBe(before + 1);
    expect(events.slice(1)).toMatchObject([
      { type: 'renewal-failed', failures: 1, error, usableUntil: expect.any(Number) },
    ]);
    const refused = 'aadsts' in error;
    expect(warnings.map(({ type }) => type)).toEqual(refused ? ['credential-failed'] : []);

    server.answers(token('second'));
    const again = settled();
    now += 3 * MINUTE;
    await get();
    await again;
    expect(await value(get)).toBe('second');
  });
});
