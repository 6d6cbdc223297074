import { getEventListeners } from 'node:events';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { expect, onTestFinished, test, vi } from 'vitest';
import { TokenError } from '../errors.ts';
import { Secret } from '../secret.ts';
import { cached, type CacheOptions, isCached } from './token-cache.ts';
import { type TokenEvent } from './token-events.ts';
import { type AccessTokenInput, type TokenRequest } from './token-source.ts';
import { memoryTokenStore, type TokenStore } from './token-store.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A source that answers when told to, a clock that stands still, and everything that was seen. */
function bench(options: CacheOptions = {}) {
  const clock = { now: 1_000_000 };
  const requests: (TokenRequest | undefined)[] = [];
  const events: TokenEvent[] = [];
  let answer: () => Promise<AccessTokenInput> = async () => token();
  const token = (lifetime = HOUR, value = `token-${requests.length}`): AccessTokenInput => ({
    value,
    expiresAt: clock.now + lifetime,
  });
  const source = cached(
    async (request) => {
      requests.push(request);
      return answer();
    },
    { now: () => clock.now, random: () => 1, onEvent: (event) => events.push(event), ...options },
  );
  const answers = (next: () => Promise<AccessTokenInput>) => {
    answer = next;
  };
  return { clock, requests, events, token, source, answers, value: async () => (await source()).value.reveal() };
}

function deferred<T>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const unreachable = () => new TokenError('ERR_OAUTH_UNREACHABLE', 'no network');
const refused = () => new TokenError('ERR_OAUTH_REFUSED', 'wrong secret', { error: 'invalid_client', status: 401 });

test('a hundred callers of a cold cache share one request', async () => {
  const { source, requests, answers, token } = bench();
  const answer = deferred<AccessTokenInput>();
  answers(() => answer.promise);
  const calls = Array.from({ length: 100 }, () => source());
  answer.resolve(token());
  expect(new Set(await Promise.all(calls)).size).toBe(1);
  expect(requests).toEqual([{ forceRefresh: false }]);
});

test('a fresh token is handed out without a request until ten minutes before its end', async () => {
  const { source, requests, clock } = bench();
  const first = await source();
  clock.now += 50 * MINUTE - 1;
  expect(await source()).toBe(first);
  expect(requests).toHaveLength(1);
});

test('in the soft window a hundred callers get the old token at once while one renewal runs behind them', async () => {
  const { source, requests, answers, clock, token, value, events } = bench();
  await source();
  const answer = deferred<AccessTokenInput>();
  answers(() => answer.promise);
  clock.now += 50 * MINUTE;
  for (let i = 0; i < 100; i += 1) expect(await value()).toBe('token-1');
  expect(requests).toHaveLength(2);
  answer.resolve(token());
  await settled();
  expect(await value()).toBe('token-2');
  expect(requests).toHaveLength(2);
  expect(events.map((event) => event.type)).toEqual(['renewed', 'renewed']);
});

test('the issuer may ask for an earlier renewal, not for a later one', async () => {
  const { source, requests, answers, clock } = bench();
  answers(async () => ({ value: 'a', expiresAt: clock.now + HOUR, refreshAt: clock.now + 30 * MINUTE }));
  await source();
  answers(async () => ({ value: 'b', expiresAt: clock.now + HOUR, refreshAt: clock.now + 59 * MINUTE }));
  clock.now += 30 * MINUTE;
  await source();
  await settled();
  expect(requests).toHaveLength(2);
  clock.now += 50 * MINUTE;
  await source();
  expect(requests).toHaveLength(3);
});

test('the margin is never more than half the lifetime', async () => {
  const { source, requests, answers, clock, token } = bench({ earlyBy: 20 * MINUTE });
  answers(async () => token(10 * MINUTE));
  await source();
  clock.now += 5 * MINUTE - 1;
  await source();
  expect(requests).toHaveLength(1);
  clock.now += 1;
  await source();
  expect(requests).toHaveLength(2);
});

test('a token within the reserve is no longer handed out', async () => {
  const { clock, value, source } = bench({ earlyBy: 20 * MINUTE, reserve: 10 * MINUTE });
  await source();
  clock.now += 50 * MINUTE;
  expect(source.state().token).toBe('unusable');
  expect(await value()).toBe('token-2');
});

test('the reserve is never more than a quarter of the lifetime', async () => {
  const { source, answers, clock, token } = bench({ reserve: 10 * MINUTE });
  answers(async () => token(20 * MINUTE));
  await source();
  clock.now += 15 * MINUTE - 1;
  expect(source.state().token).toBe('due');
  clock.now += 1;
  expect(source.state().token).toBe('unusable');
});

test('callers wait for a new token when the old one has ended', async () => {
  const { source, requests, answers, clock, token } = bench();
  await source();
  clock.now += HOUR;
  const answer = deferred<AccessTokenInput>();
  answers(() => answer.promise);
  const calls = [source(), source(), source()];
  answer.resolve(token());
  for (const call of calls) expect((await call).value.reveal()).toBe('token-2');
  expect(requests).toHaveLength(2);
});

test('a renewal that fails leaves the valid token in use, with one warning each attempt and growing pauses', async () => {
  const { source, requests, answers, clock, value, events } = bench();
  await source();
  answers(async () => {
    throw unreachable();
  });
  clock.now += 50 * MINUTE;
  const started = clock.now;
  const attempts: number[] = [];
  for (; clock.now < started + 60_000; clock.now += 500) {
    const before = requests.length;
    expect(await value()).toBe('token-1');
    await settled();
    if (requests.length > before) attempts.push(clock.now - started);
  }
  expect(attempts).toEqual([0, 1000, 3000, 7000, 15_000, 31_000]);
  const warnings = events.filter((event) => event.type === 'renewal-failed');
  expect(warnings.map(({ failures }) => failures)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(warnings[0]).toMatchObject({
    error: { code: 'ERR_OAUTH_UNREACHABLE' },
    nextAttemptAt: started + 1000,
    usableUntil: 1_000_000 + HOUR - 10_000,
  });
  expect(source.state()).toMatchObject({ token: 'due', failures: 6, error: { code: 'ERR_OAUTH_UNREACHABLE' } });
});

test('the end of the old token is worth an attempt although the pause has not passed', async () => {
  const { source, requests, answers, clock, value } = bench();
  await source();
  clock.now += HOUR - 10_500;
  answers(async () => {
    throw unreachable();
  });
  expect(await value()).toBe('token-1');
  await settled();
  clock.now += 500;
  answers(async () => ({ value: 'back', expiresAt: clock.now + HOUR }));
  expect(await value()).toBe('back');
  expect(requests).toHaveLength(3);
});

test('Retry-After is honoured, with and without a valid token', async () => {
  const { source, requests, answers, clock, value } = bench();
  await source();
  answers(async () => {
    throw new TokenError('ERR_OAUTH_UNAVAILABLE', 'busy', { status: 429, retryAfter: 15 * MINUTE });
  });
  clock.now += 50 * MINUTE;
  expect(await value()).toBe('token-1');
  await settled();
  clock.now += 9 * MINUTE;
  expect(await value()).toBe('token-1');
  clock.now += 5 * MINUTE;
  await expect(source()).rejects.toMatchObject({ code: 'ERR_OAUTH_UNAVAILABLE' });
  expect(requests).toHaveLength(2);
  clock.now += MINUTE;
  await expect(source()).rejects.toMatchObject({ code: 'ERR_OAUTH_UNAVAILABLE' });
  expect(requests).toHaveLength(3);
});

test('a clock that is set back by hours does not make a pause last as long', async () => {
  const { source, requests, answers, clock, value } = bench();
  answers(async () => {
    throw unreachable();
  });
  await expect(source()).rejects.toThrow('no network');
  clock.now -= 5 * HOUR;
  await expect(source()).rejects.toThrow('no network');
  expect(requests).toHaveLength(1);
  expect(source.state()).toMatchObject({ nextAttemptAt: clock.now + 1000 });
  clock.now += 1000;
  answers(async () => ({ value: 'back', expiresAt: clock.now + HOUR }));
  expect(await value()).toBe('back');
});

test('no endpoint can ask for a pause of more than an hour', async () => {
  const { source, requests, answers, clock, value } = bench();
  answers(async () => {
    throw new TokenError('ERR_OAUTH_UNAVAILABLE', 'busy', { retryAfter: 1e15 });
  });
  await expect(source()).rejects.toThrow('busy');
  answers(async () => ({ value: 'back', expiresAt: clock.now + HOUR }));
  clock.now += HOUR;
  expect(await value()).toBe('back');
  expect(requests).toHaveLength(2);
});

test('without a valid token callers share the failure, and the next attempt waits for the pause', async () => {
  const { source, requests, answers, clock, value, events } = bench();
  answers(async () => {
    throw unreachable();
  });
  const outcomes = await Promise.allSettled(Array.from({ length: 100 }, () => source()));
  expect(new Set(outcomes.map((outcome) => outcome.status === 'rejected' && (outcome.reason as unknown))).size).toBe(1);
  clock.now += 999;
  await expect(source()).rejects.toMatchObject({ code: 'ERR_OAUTH_UNREACHABLE' });
  expect(requests).toHaveLength(1);
  expect(events).toMatchObject([{ type: 'renewal-failed', usableUntil: undefined }]);
  clock.now += 1;
  answers(async () => ({ value: 'back', expiresAt: clock.now + HOUR }));
  expect(await value()).toBe('back');
  expect(source.state()).toMatchObject({ failures: 0, error: undefined, nextAttemptAt: undefined });
});

test('a refused credential is explained to everybody and asked again seldom', async () => {
  const { source, requests, answers, clock } = bench();
  answers(async () => {
    throw refused();
  });
  for (let passed = 0; passed < 10 * MINUTE; passed += 1000) {
    await expect(source()).rejects.toMatchObject({ code: 'ERR_OAUTH_REFUSED', error: 'invalid_client' });
    clock.now += 1000;
  }
  expect(requests).toHaveLength(9); // after 0, 5, 15, 35, 75, 155, 275, 395, 515 seconds
});

test('what a source throws that is no error of this package gets a code and stays as the cause', async () => {
  const { source, answers } = bench();
  const cause = new Error('vault\nis sealed');
  answers(async () => {
    throw cause;
  });
  await expect(source()).rejects.toMatchObject({
    code: 'ERR_OAUTH_SOURCE',
    message: String.raw`the token source failed: vault\x0ais sealed`,
    cause,
  });
});

test('a source that never answers ends in a time-out, and the next attempt is free to succeed', async () => {
  const { source, answers, clock, value } = bench({ timeout: 5 });
  answers(() => new Promise(() => undefined));
  // Holds the process, as a socket would: the cache itself does not.
  const alive = setTimeout(() => undefined, 60_000);
  await expect(source()).rejects.toMatchObject({ code: 'ERR_OAUTH_TIMEOUT' });
  clearTimeout(alive);
  clock.now += 1000;
  answers(async () => ({ value: 'back', expiresAt: clock.now + HOUR }));
  expect(await value()).toBe('back');
});

test('a rejected token is forgotten and the source is asked past its own caches', async () => {
  const { source, requests, value, events } = bench();
  const first = await source();
  source.reject(first);
  expect(await value()).toBe('token-2');
  expect(requests).toEqual([{ forceRefresh: false }, { forceRefresh: true }]);
  await value();
  expect(requests).toHaveLength(2);
  expect(events.map((event) => event.type)).toEqual(['renewed', 'refused', 'renewed']);
});

test('rejecting a token that has been replaced leaves the new one alone', async () => {
  const { source, requests, value, events } = bench();
  const first = await source();
  source.reject(first);
  await value();
  source.reject(first);
  source.reject({ ...first });
  expect(await value()).toBe('token-2');
  expect(requests).toHaveLength(2);
  expect(events.map((event) => event.type)).toEqual(['renewed', 'refused', 'renewed']);
});

test('a refused token is never handed out again, though the source insists', async () => {
  const { source, requests, answers, clock } = bench();
  answers(async () => ({ value: 'always-the-same', expiresAt: clock.now + HOUR }));
  source.reject(await source());
  await expect(source()).rejects.toMatchObject({ code: 'ERR_OAUTH_SOURCE' });
  await expect(source()).rejects.toThrow('the one a server refused');
  expect(requests).toHaveLength(2);
  clock.now += 5000;
  await expect(source()).rejects.toMatchObject({ code: 'ERR_OAUTH_SOURCE' });
  answers(async () => ({ value: 'another', expiresAt: clock.now + HOUR }));
  clock.now += 10_000;
  expect((await source()).value.reveal()).toBe('another');
});

test('a refused token stays refused though its source says it lasts longer by the day', async () => {
  const { source, answers, clock } = bench();
  answers(async () => ({ value: 'constant', expiresAt: clock.now + HOUR }));
  source.reject(await source());
  clock.now += 48 * HOUR;
  await expect(source()).rejects.toThrow('the one a server refused');
});

test('only the latest hundred refused tokens are remembered', async () => {
  const { source, answers, clock } = bench();
  let number = 0;
  answers(async () => ({ value: `token-${(number += 1)}`, expiresAt: clock.now + HOUR }));
  for (let i = 0; i < 101; i += 1) source.reject(await source());
  number = 0;
  expect((await source()).value.reveal()).toBe('token-1');
  number = 1;
  await expect(source({ forceRefresh: true })).rejects.toThrow('the one a server refused');
});

test('a token rejected while its renewal runs is not handed out when the renewal brings it again', async () => {
  const { source, requests, answers, clock } = bench();
  const first = await source();
  clock.now += 50 * MINUTE;
  const answer = deferred<AccessTokenInput>();
  answers(() => answer.promise);
  await source();
  source.reject(first);
  const waiting = source();
  answers(async () => ({ value: 'another', expiresAt: clock.now + HOUR }));
  answer.resolve(first);
  expect((await waiting).value.reveal()).toBe('another');
  expect(requests.map((request) => request?.forceRefresh)).toEqual([false, false, true]);
});

test('a source that answers a renewal from its own cache is asked past it', async () => {
  const { source, requests, answers, clock, value } = bench();
  const first = await source();
  answers(async () => (requests.at(-1)?.forceRefresh ? { value: 'new', expiresAt: clock.now + HOUR } : first));
  clock.now += 55 * MINUTE;
  expect(await value()).toBe('token-1');
  await settled();
  expect(await value()).toBe('new');
  expect(requests.map((request) => request?.forceRefresh)).toEqual([false, false, true]);
});

test('a token that has ended on arrival is no token', async () => {
  const { source, answers, token } = bench();
  answers(async () => token(-1));
  await expect(source()).rejects.toThrow('one that has ended by our clock');
});

test('a token without an end needs no renewal', async () => {
  const { source, requests, answers, clock } = bench();
  answers(async () => ({ value: 'constant', expiresAt: Infinity }));
  await source();
  clock.now += 1e12;
  await source();
  expect(requests).toHaveLength(1);
});

test.each([['ends'], ['with\r\ncontrol'], [''], ['ünicode']])(
  'a token such as %j is refused unless it is one',
  async (value) => {
    const { source, answers, clock } = bench();
    answers(async () => ({ value, expiresAt: clock.now + HOUR }));
    if (value === 'ends') await source();
    else await expect(source()).rejects.toMatchObject({ code: 'ERR_INPUT_TOKEN' });
  },
);

test('whoever asks with forceRefresh gets a new token, and others share that request', async () => {
  const { source, requests, answers, token } = bench();
  const answer = deferred<AccessTokenInput>();
  answers(() => answer.promise);
  const plain = source();
  const forced = Array.from({ length: 10 }, () => source({ forceRefresh: true }));
  const late = deferred<AccessTokenInput>();
  answers(() => late.promise);
  answer.resolve(token());
  expect((await plain).value.reveal()).toBe('token-1');
  await settled();
  late.resolve(token());
  for (const call of forced) expect((await call).value.reveal()).toBe('token-2');
  expect(requests.map((request) => request?.forceRefresh)).toEqual([false, true]);
});

test('a caller may stop waiting; the others keep the request', async () => {
  const { source, requests, answers, token } = bench();
  const answer = deferred<AccessTokenInput>();
  answers(() => answer.promise);
  const controller = new AbortController();
  const impatient = source({ signal: controller.signal });
  const patient = source();
  controller.abort(new Error('enough'));
  await expect(impatient).rejects.toThrow('enough');
  await expect(source({ signal: AbortSignal.abort(new Error('too late')) })).rejects.toThrow('too late');
  answer.resolve(token());
  await patient;
  expect(requests).toEqual([{ forceRefresh: false }]);
});

test('callers leave nothing behind on a signal they share, however their calls end', async () => {
  const { source, answers, clock, token } = bench();
  const controller = new AbortController();
  const { signal } = controller;
  await Promise.all([source({ signal }), source({ signal })]);
  answers(() => Promise.reject(unreachable()));
  await expect(source({ signal, forceRefresh: true })).rejects.toThrow('no network');
  await expect(source({ signal, forceRefresh: true })).rejects.toThrow('no network');
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  clock.now += HOUR;
  const answer = deferred<AccessTokenInput>();
  answers(() => answer.promise);
  const call = source({ signal });
  controller.abort(new Error('enough'));
  await expect(call).rejects.toThrow('enough');
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  answer.resolve(token());
});

test('a request everybody stopped waiting for fails without an unhandled rejection', async () => {
  const { source, answers, events } = bench();
  const answer = deferred<AccessTokenInput>();
  answers(() => answer.promise);
  const controller = new AbortController();
  const call = source({ signal: controller.signal });
  controller.abort();
  await expect(call).rejects.toMatchObject({ name: 'AbortError' });
  answer.reject(unreachable());
  await settled();
  expect(events).toMatchObject([{ type: 'renewal-failed' }]);
});

test('a listener that throws or rejects breaks nothing', async () => {
  const { value } = bench({
    onEvent: () => {
      throw new Error('listener');
    },
  });
  expect(await value()).toBe('token-1');
  const other = bench({ onEvent: (async () => Promise.reject(new Error('listener'))) as () => void });
  expect(await other.value()).toBe('token-1');
  await settled();
});

test('nothing of a token shows in the cache, its state or its events', async () => {
  const { source, answers, clock, events } = bench({ store: memoryTokenStore(), key: 'k' });
  answers(async () => ({ value: new Secret('canary-token'), expiresAt: clock.now + HOUR }));
  const token = await source();
  source.reject(token);
  await source().catch(() => undefined);
  const seen = { source, state: source.state(), events, token };
  expect(inspect(seen, { depth: 20, showHidden: true }) + JSON.stringify(seen)).not.toContain('canary');
});

test('options that make no sense are refused at once', () => {
  const source = async () => ({ value: 'a', expiresAt: 0 });
  expect(() => cached(source, { earlyBy: -1 })).toThrow(expect.objectContaining({ code: 'ERR_INPUT_OPTION' }));
  expect(() => cached(source, { timeout: Number.NaN })).toThrow('timeout must be a number of milliseconds, got NaN');
  expect(() => cached(source, { store: memoryTokenStore() })).toThrow('a token store needs the option key');
});

test('isCached tells a cache from a plain source', () => {
  const source = async () => ({ value: 'a', expiresAt: 0 });
  expect(isCached(source)).toBe(false);
  expect(isCached(cached(source))).toBe(true);
});

test('property: whatever happens, a token past its end or once refused is never handed out', async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('wait'), ms: fc.integer({ min: 1, max: 40 * MINUTE }) }),
    fc.record({ do: fc.constantFrom('call', 'reject', 'fail', 'work', 'repeat') }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { source, answers, clock, token, requests } = bench();
      const dead = new Set<string>();
      let last = await source();
      for (const { do: action, ...rest } of steps) {
        if ('ms' in rest) clock.now += rest.ms;
        if (action === 'fail') answers(() => Promise.reject(unreachable()));
        if (action === 'work') answers(async () => token(HOUR, `token-${requests.length}`));
        if (action === 'repeat') answers(async () => last);
        if (action === 'reject') {
          source.reject(last);
          dead.add(last.value.reveal());
        }
        const got = await source().catch(() => undefined);
        await settled();
        if (got === undefined) continue;
        expect(got.expiresAt).toBeGreaterThan(clock.now);
        expect(dead).not.toContain(got.value.reveal());
        last = got;
      }
    }),
    { numRuns: 50 },
  );
});

test('caches that share a store make one request between them', async () => {
  const store = memoryTokenStore();
  const one = bench({ store, key: 'tenant/app' });
  const two = bench({ store, key: 'tenant/app' });
  const values = await Promise.all([one.value(), two.value(), one.value(), two.value()]);
  expect(new Set(values)).toEqual(new Set(['token-1']));
  expect(one.requests.length + two.requests.length).toBe(1);
  one.answers(async () => one.token(HOUR, 'renewed'));
  two.answers(async () => two.token(HOUR, 'renewed'));
  one.clock.now += 50 * MINUTE;
  two.clock.now += 50 * MINUTE;
  expect(await Promise.all([one.value(), two.value()])).toEqual(['token-1', 'token-1']);
  await settled();
  expect(await Promise.all([one.value(), two.value()])).toEqual(['renewed', 'renewed']);
  expect(one.requests.length + two.requests.length).toBe(2);
});

test('a token that one cache rejected is not taken from the store; the one another cache got instead is', async () => {
  const store = memoryTokenStore();
  const one = bench({ store, key: 'k' });
  const two = bench({ store, key: 'k' });
  const first = await one.source();
  await two.source();
  one.clock.now += 1000;
  one.answers(async () => one.token(HOUR, 'second'));
  one.source.reject(first);
  expect(await one.value()).toBe('second');
  two.source.reject(await two.source());
  expect(await two.value()).toBe('second');
  expect(one.requests.map((request) => request?.forceRefresh)).toEqual([false, true]);
  expect(two.requests).toHaveLength(0);
});

test('a refused token whose renewal fails is not left in the store for the next process to try', async () => {
  const store = memoryTokenStore();
  const one = bench({ store, key: 'k' });
  const refused = await one.source();
  one.clock.now += 1000;
  one.answers(async () => {
    throw new TokenError('ERR_OAUTH_UNREACHABLE', 'no network');
  });
  one.source.reject(refused);
  await expect(one.source()).rejects.toMatchObject({ code: 'ERR_OAUTH_UNREACHABLE' });
  const next = bench({ store, key: 'k' });
  next.answers(async () => next.token(HOUR, 'new'));
  expect(await next.value()).toBe('new');
});

test('whoever asks with forceRefresh is not served from the store', async () => {
  const store = memoryTokenStore();
  const one = bench({ store, key: 'k' });
  const two = bench({ store, key: 'k' });
  await one.source();
  two.clock.now += 1000;
  two.answers(async () => two.token(HOUR, 'new'));
  expect((await two.source({ forceRefresh: true })).value.reveal()).toBe('new');
  expect(two.requests).toEqual([{ forceRefresh: true }]);
});

test('a token stored by a process whose clock is ahead does not serve whoever asks with forceRefresh', async () => {
  const store = memoryTokenStore();
  const ahead = bench({ store, key: 'k' });
  ahead.clock.now += 5 * MINUTE;
  await ahead.source();
  const two = bench({ store, key: 'k' });
  two.answers(async () => two.token(HOUR, 'new'));
  expect((await two.source({ forceRefresh: true })).value.reveal()).toBe('new');
});

test('whoever asks with forceRefresh shares what another process gets meanwhile', async () => {
  const store = memoryTokenStore();
  const one = bench({ store, key: 'k' });
  const two = bench({ store, key: 'k' });
  await one.source();
  const values = await Promise.all([one.source({ forceRefresh: true }), two.source({ forceRefresh: true })]);
  expect(values.map(({ value }) => value.reveal())).toEqual(['token-2', 'token-2']);
  expect(two.requests).toHaveLength(0);
});

test('a stored token that is due serves a cache that has none, and is renewed behind it', async () => {
  const store = memoryTokenStore();
  await bench({ store, key: 'k' }).source();
  const late = bench({ store, key: 'k' });
  late.clock.now += 50 * MINUTE;
  late.answers(async () => late.token(HOUR, 'new'));
  expect(await late.value()).toBe('token-1');
  expect(await late.value()).toBe('token-1');
  await settled();
  expect(await late.value()).toBe('new');
  expect(late.requests).toHaveLength(1);
});

test('a store that fails is reported and does not keep the token from its user', async () => {
  const failing: TokenStore = {
    get: () => Promise.reject(new Error('disk')),
    compareAndSet: () => Promise.reject(new Error('disk')),
    lock: () => Promise.reject(new Error('disk')),
  };
  const { value, events } = bench({ store: failing, key: 'k' });
  expect(await value()).toBe('token-1');
  expect(events.map((event) => event.type)).toEqual(['store-failed', 'renewed']);
});

test.each(['get', 'lock', 'compareAndSet', 'release'])(
  'a store whose %s never answers is reported and does not keep the token from its user',
  async (method) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const hang = () => new Promise<never>(() => undefined);
    const lock = async () => ({ release: hang });
    const hanging: TokenStore = { ...memoryTokenStore(), ...(method === 'release' ? { lock } : { [method]: hang }) };
    const { source, value, events } = bench({ store: hanging, key: 'k' });
    const call = value();
    await vi.advanceTimersByTimeAsync(15_000);
    expect(source.state().token).toBe('fresh');
    expect(await call).toBe('token-1');
    expect(events.map((event) => event.type)).toEqual(['store-failed', 'renewed']);
  },
);

test('a lock is given back though the token could not be stored', async () => {
  const store = memoryTokenStore();
  const { value } = bench({ store: { ...store, compareAndSet: () => Promise.reject(new Error('disk')) }, key: 'k' });
  await value();
  expect(await store.lock('k#access-token', { lease: 1, wait: 0 })).toBeDefined();
});

test('what another version wrote into the store is replaced', async () => {
  const store = memoryTokenStore();
  await store.compareAndSet('k#access-token', undefined, new Secret('{"format":9}'));
  const { value } = bench({ store, key: 'k' });
  expect(await value()).toBe('token-1');
  expect((await store.get('k#access-token'))?.value.reveal()).toContain('token-1');
});
