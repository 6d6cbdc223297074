// Tokens in a person's name: signing in, by browser and by device code, and what is kept of it.
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { inspect } from 'node:util';
import { encryptedFileTokenStore, memoryTokenStore, Secret, type TokenStore } from '@mailgrant/core';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  entraConnect,
  type EntraConnectOptions,
  entraDelegated,
  entraDeviceCode,
  type EntraEvent,
  entraPassword,
  WrongAccountError,
} from '../src/index.ts';
import { CLIENT, createEntraServer, type EntraServer, json, personal, refusal, TENANT, token } from './entra-server.ts';

const MAILBOX = 'reports@contoso.com';
const DAY = 86_400_000;
const dir = mkdtempSync(join(tmpdir(), 'mailgrant-delegated-'));
let server: EntraServer;
let store: TokenStore;
let now: number;
beforeAll(async () => {
  server = await createEntraServer();
});
beforeEach(() => {
  store = memoryTokenStore();
  now = Date.UTC(2026, 10, 20);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

const options = (more: Partial<EntraConnectOptions> = {}): EntraConnectOptions => ({
  tenantId: TENANT,
  clientId: CLIENT,
  cloud: server.cloud,
  mailbox: MAILBOX,
  redirectUri: 'https://app.example/callback',
  store,
  timeout: 5000,
  now: () => now,
  ...more,
});
const connection = (more: Partial<EntraConnectOptions> = {}) => entraConnect(options(more));

/** The nonce of a sign-in page's URL, as Entra puts it into the ID token. */
const nonceOf = (url: string) => ({ nonce: new URL(url).searchParams.get('nonce') });
const callback = (state: string, more = 'code=the-code') => `https://app.example/callback?${more}&state=${state}`;

async function connect(more: Partial<EntraConnectOptions> = {}, name = MAILBOX) {
  const made = connection(more);
  const { url, state } = await made.begin();
  server.answers(personal(name, nonceOf(url)));
  await made.finish(callback(state), { state });
  return made;
}

describe('begin', () => {
  test('leads to the sign-in page with PKCE, state, nonce, and both the account chooser and a proposal', async () => {
    const { url, state, expiresAt } = await connection().begin();
    const { origin, pathname, searchParams } = new URL(url);
    expect(origin + pathname).toBe(`${server.origin}/${TENANT}/oauth2/v2.0/authorize`);
    expect(Object.fromEntries(searchParams)).toMatchObject({
      client_id: CLIENT,
      response_type: 'code',
      response_mode: 'query',
      redirect_uri: 'https://app.example/callback',
      prompt: 'select_account',
      login_hint: MAILBOX,
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      state,
    });
    expect(searchParams.get('scope')?.split(' ').toSorted()).toEqual([
      'https://outlook.office.com/SMTP.Send',
      'offline_access',
      'openid',
      'profile',
    ]);
    expect(expiresAt).toBe(now + 15 * 60_000);
  });

  test('proposes the delegate where there is one, or whom it is told', async () => {
    const hint = (url: string) => new URL(url).searchParams.get('login_hint');
    const shared = connection({ delegates: ['anna@contoso.com'] });
    expect(hint((await shared.begin()).url)).toBe('anna@contoso.com');
    expect(hint((await shared.begin({ loginHint: 'bob@contoso.com' })).url)).toBe('bob@contoso.com');
  });
});

describe('finish', () => {
  test('redeems the code with the verifier and gives tokens from then on', async () => {
    const made = connection();
    const { url, state } = await made.begin();
    server.answers(personal('Reports@Contoso.com', { ...nonceOf(url), name: 'Reports' }));
    const before = server.seen.length;
    expect(await made.finish(`/callback?code=the-code&state=${state}`, { state })).toEqual({
      username: 'Reports@Contoso.com',
      name: 'Reports',
      objectId: '33333333-3333-4333-8333-333333333333',
      tenantId: TENANT,
    });
    const [redeemed, ...more] = server.seen.slice(before);
    expect(more).toEqual([]);
    expect(redeemed?.form).toMatchObject({
      grant_type: 'authorization_code',
      code: 'the-code',
      redirect_uri: 'https://app.example/callback',
    });
    const challenge = createHash('sha256')
      .update(redeemed?.form['code_verifier'] ?? '')
      .digest('base64url');
    expect(challenge).toBe(new URL(url).searchParams.get('code_challenge'));
    expect(redeemed?.form).not.toHaveProperty('client_secret');

    server.answers(token('fresh'));
    expect((await made.token()).value.reveal()).toBe('fresh');
    expect(server.seen.at(-1)?.form).toMatchObject({ grant_type: 'refresh_token', refresh_token: 'refresh-token-1' });
    expect(await made.health()).toMatchObject({ status: 'ok', reasons: [] });
  });

  test('works in another process than begin, and for one that only sends', async () => {
    const path = join(dir, 'grants');
    const file = () => encryptedFileTokenStore({ path, key: Buffer.alloc(32, 7), now: () => now });
    const { url, state } = await connection({ store: file() }).begin();
    server.answers(personal(MAILBOX, nonceOf(url)));
    await connection({ store: file() }).finish(callback(state));
    server.answers(token('for-the-worker'));
    const { redirectUri: _, ...rest } = options({ store: file() });
    expect((await entraDelegated(rest).token()).value.reveal()).toBe('for-the-worker');
    expect(readFileSync(path).includes('refresh-token-1')).toBe(false);
  });

  test('proves itself where the app has a secret, with the next one when that is refused', async () => {
    const made = connection({ credential: ['old', 'new'] });
    const { url, state } = await made.begin();
    server.answers(refusal(401, 'invalid_client', 7000222), personal(MAILBOX, nonceOf(url)));
    await made.finish(callback(state));
    expect(server.seen.slice(-2).map(({ form }) => form['client_secret'])).toEqual(['old', 'new']);
  });

  test("the wrong account (HostBill's trap) is refused by name before anything is stored", async () => {
    const made = connection();
    const { url, state } = await made.begin();
    server.answers(personal('admin@contoso.com', { ...nonceOf(url), email: MAILBOX }));
    const error = await made.finish(callback(state)).catch((one: unknown) => one);
    expect(error).toBeInstanceOf(WrongAccountError);
    expect(error).toMatchObject({ signedIn: 'admin@contoso.com', mailbox: MAILBOX, code: 'ERR_OAUTH_WRONG_ACCOUNT' });
    expect(await made.state()).toBeUndefined();
    expect(await made.health()).toMatchObject({ status: 'down', reasons: [expect.stringContaining('not connected')] });
  });

  test('the wrong account leaves the consent from before as it was', async () => {
    const made = await connect();
    const { url, state } = await made.begin();
    server.answers(personal('admin@contoso.com', nonceOf(url), { refresh_token: 'of somebody else' }));
    await expect(made.finish(callback(state))).rejects.toBeInstanceOf(WrongAccountError);
    server.answers(token('still-good'));
    await made.token();
    expect(server.seen.at(-1)?.form['refresh_token']).toBe('refresh-token-1');
  });

  test('a shared mailbox is connected by whom it names', async () => {
    const made = await connect({ delegates: ['Anna@contoso.com'] }, 'anna@Contoso.com');
    expect(await made.state()).toMatchObject({ account: { username: 'anna@Contoso.com' } });
  });

  test('a callback is good once, for its own state, in its own session, in time', async () => {
    const made = connection();
    const { url, state } = await made.begin();
    const before = server.seen.length;
    const notBegun = { code: 'ERR_OAUTH_CALLBACK', message: expect.stringContaining('belongs to no connection') };
    await expect(made.finish(callback('x'.repeat(43)))).rejects.toMatchObject(notBegun);
    await expect(made.finish(callback(state), { state: 'of another session' })).rejects.toMatchObject(notBegun);
    expect(server.seen.length).toBe(before);
    server.answers(personal(MAILBOX, nonceOf(url)));
    const [first, second] = await Promise.allSettled([made.finish(callback(state)), made.finish(callback(state))]);
    expect([first?.status, second?.status].toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(server.seen.length).toBe(before + 1);

    const late = await made.begin();
    now += 15 * 60_000;
    await expect(made.finish(callback(late.state))).rejects.toMatchObject(notBegun);
  });

  test('of eleven sign-ins under way the oldest gives way: nobody fills the store by beginning', async () => {
    const made = connection();
    const oldest = await made.begin();
    const next = await made.begin();
    for (let more = 0; more < 9; more += 1) await made.begin();
    await expect(made.finish(callback(oldest.state))).rejects.toMatchObject({ code: 'ERR_OAUTH_CALLBACK' });
    server.answers(personal(MAILBOX, nonceOf(next.url)));
    expect(await made.finish(callback(next.state))).toMatchObject({ username: MAILBOX });
  });

  test('an ID token of another sign-in is refused by its nonce', async () => {
    const made = connection();
    const { state } = await made.begin();
    server.answers(personal(MAILBOX, { nonce: 'of another' }));
    await expect(made.finish(callback(state))).rejects.toMatchObject({
      code: 'ERR_OAUTH_CALLBACK',
      message: expect.stringContaining('nonce_mismatch'),
    });
    expect(await made.state()).toBeUndefined();
  });

  test('a person who declines, a code Entra refuses, an answer without a refresh token', async () => {
    const made = connection();
    const declined = await made.begin();
    const no = 'error=access_denied&error_description=AADSTS65004%3A+declined';
    await expect(made.finish(callback(declined.state, no))).rejects.toMatchObject({
      error: 'access_denied',
      aadsts: 65_004,
    });

    const stale = await made.begin();
    server.answers(refusal(400, 'invalid_grant', 54_005));
    await expect(made.finish(callback(stale.state))).rejects.toMatchObject({
      code: 'ERR_OAUTH_REFUSED',
      error: 'invalid_grant',
      aadsts: 54_005,
      traceId: 'trace',
    });

    const short = await made.begin();
    server.answers(personal(MAILBOX, nonceOf(short.url), { refresh_token: undefined }));
    await expect(made.finish(callback(short.state))).rejects.toMatchObject({
      message: expect.stringContaining('no refresh token'),
    });
  });
});

describe('a grant', () => {
  test('is rotated before its token is used: no write, no token', async () => {
    const made = await connect();
    server.answers(token('a', { refresh_token: 'refresh-token-2' }));
    await made.token();
    await made.token();
    expect(server.seen.at(-1)?.form['refresh_token']).toBe('refresh-token-2');

    const full: TokenStore = { ...store, compareAndSet: () => Promise.reject(new Error('disk full')) };
    server.answers(token('unsafe', { refresh_token: 'refresh-token-3' }));
    await expect(connection({ store: full }).token()).rejects.toMatchObject({
      code: 'ERR_OAUTH_SOURCE',
      cause: { message: 'disk full' },
    });
  });

  test('is used by one at a time, each with what the one before left', async () => {
    const made = await connect();
    let count = 1;
    server.answers((response, seen) => {
      count += 1;
      token('a', { refresh_token: `refresh-token-${count}` })(response, seen);
    });
    const before = server.seen.length;
    await Promise.all([made.token(), connection().token(), made.token()]);
    expect(server.seen.slice(before).map(({ form }) => form['refresh_token'])).toEqual([
      'refresh-token-1',
      'refresh-token-2',
      'refresh-token-3',
    ]);
  });

  test('that Entra has withdrawn says so each time, with its reason', async () => {
    const made = await connect();
    server.answers(refusal(400, 'invalid_grant', 50_173, { suberror: 'bad_token' }));
    for (let i = 0; i < 2; i += 1) {
      await expect(made.token()).rejects.toMatchObject({
        error: 'invalid_grant',
        suberror: 'bad_token',
        aadsts: 50_173,
      });
    }
    expect(await made.health()).toMatchObject({ status: 'down' });
  });

  test('that is withdrawn is no fault of the credential', async () => {
    const events: EntraEvent[] = [];
    const more = {
      credential: [{ assertion: () => 'a.b.c' }, 'secret'],
      onEvent: (event: EntraEvent) => events.push(event),
    };
    const made = await connect(more);
    server.answers(refusal(400, 'invalid_grant', 50_173));
    await expect(made.token()).rejects.toMatchObject({ error: 'invalid_grant' });
    expect(events).toEqual([]);
  });

  test('whose store is broken is down, and health says why', async () => {
    const broken: TokenStore = { ...store, get: () => Promise.reject(new Error('disk gone')) };
    expect(await connection({ store: broken }).health()).toMatchObject({ status: 'down', reasons: ['disk gone'] });
  });

  test('that needs a person again says that, too', async () => {
    const made = await connect();
    server.answers(refusal(400, 'interaction_required', 50_076, { suberror: 'basic_action' }));
    await expect(made.token()).rejects.toMatchObject({ code: 'ERR_OAUTH_REFUSED', error: 'interaction_required' });
  });

  test('is kept alive when idle, and warns before it dies', async () => {
    const events: EntraEvent[] = [];
    const made = await connect({ onEvent: (event) => events.push(event) });
    server.answers(token('kept'));
    const before = server.seen.length;
    now += 6 * DAY;
    expect(await made.keepAlive()).toBe('fresh');
    now += DAY;
    expect(await made.keepAlive()).toBe('renewed');
    expect(await made.keepAlive()).toBe('fresh');
    expect(server.seen.length).toBe(before + 1);
    expect(events).toEqual([]);

    now += 80 * DAY;
    expect(await made.health()).toMatchObject({
      status: 'degraded',
      reasons: [`the refresh token of ${MAILBOX} expires in 10 days`],
    });
    server.answers(json(503, {}));
    await expect(made.keepAlive()).rejects.toMatchObject({ code: 'ERR_OAUTH_UNAVAILABLE' });
    expect(events).toMatchObject([{ type: 'expiring', what: 'refresh token', name: MAILBOX, days: 14 }]);
  });

  test('of somebody who is not a delegate any more, or was asked for another mailbox, is not used', async () => {
    const key = 'the mail of the house';
    const made = await connect({ key, delegates: ['anna@contoso.com'] }, 'anna@contoso.com');
    await made.token();
    const before = server.seen.length;
    for (const more of [{}, { mailbox: 'other@contoso.com', delegates: ['bob@contoso.com'] }]) {
      const changed = connection({ key, ...more });
      await expect(changed.token()).rejects.toMatchObject({ code: 'ERR_OAUTH_WRONG_ACCOUNT' });
      expect(await changed.health()).toMatchObject({
        status: 'down',
        reasons: [expect.stringContaining('anna@contoso.com')],
      });
    }
    expect(server.seen.length).toBe(before);
    const other = connection({ key, mailbox: 'other@contoso.com', delegates: ['Anna@Contoso.com'] });
    server.answers(token('for-the-other'));
    expect((await other.token()).value.reveal()).toBe('for-the-other');
  });

  test('that is idle is used once, however many processes keep it alive', async () => {
    const made = await connect();
    server.answers(token('kept'));
    const before = server.seen.length;
    now += 7 * DAY;
    const outcomes = await Promise.all([made.keepAlive(), connection().keepAlive(), made.keepAlive()]);
    expect(outcomes.toSorted()).toEqual(['fresh', 'fresh', 'renewed']);
    expect(server.seen.length).toBe(before + 1);
  });

  test('that is disconnected is gone everywhere, a refresh under way included', async () => {
    const made = await connect();
    let answer = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      server.answers((response, seen) => {
        answer = () => token('late', { refresh_token: 'risen' })(response, seen);
        resolve();
      });
    });
    const refreshing = made.token().catch((error: unknown) => error);
    await asked;
    const { state } = await made.begin();
    await made.disconnect();
    answer();
    expect(await refreshing).toMatchObject({
      code: 'ERR_OAUTH_NOT_CONNECTED',
      message: expect.stringContaining('not connected'),
    });
    expect(await connection().state()).toBeUndefined();
    expect(await made.keepAlive()).toBe('not connected');
    await expect(made.finish(callback(state))).rejects.toMatchObject({ code: 'ERR_OAUTH_CALLBACK' });
  });

  test('and nothing it is made of can be printed', async () => {
    const made = connection();
    const begun = await made.begin();
    server.answers((response, { form }) => {
      const said = `${form['code_verifier']} ${form['code']} ${form['refresh_token']}`;
      json(400, { error: 'invalid_grant', error_description: said })(response, {} as never);
    });
    const error = await made
      .finish(callback(begun.state, 'code=canary-authorization-code'))
      .catch((one: unknown) => one);
    const verifier = server.seen.at(-1)?.form['code_verifier'] ?? 'nothing';
    const printed = inspect([error, made], { depth: 20, showHidden: true });
    expect(printed).toContain('[redacted]');
    expect(printed).not.toContain('canary-authorization-code');
    expect(printed).not.toContain(verifier);
  });
});

describe('device code', () => {
  const device = (more: Record<string, unknown> = {}) =>
    json(200, {
      user_code: 'ABCD-EFGH',
      device_code: 'canary-device-code',
      verification_uri: 'https://microsoft.com/devicelogin',
      expires_in: 900,
      interval: 0,
      message: 'Type ABCD-EFGH',
      ...more,
    });
  const pending = refusal(400, 'authorization_pending', 70_016);
  const codes = (more: Partial<EntraConnectOptions> = {}) => entraDeviceCode(options(more));

  test('polls until the person has signed in, through a busy moment of Entra', async () => {
    server.answers(device(), pending, json(503, 'busy'), pending, personal(MAILBOX));
    const made = codes();
    const { finished, ...begun } = await made.begin();
    expect(begun).toEqual({
      userCode: 'ABCD-EFGH',
      verificationUri: 'https://microsoft.com/devicelogin',
      message: 'Type ABCD-EFGH',
      expiresAt: now + 900_000,
    });
    expect(await finished).toMatchObject({ username: MAILBOX });
    expect(await made.state()).toMatchObject({ account: { username: MAILBOX } });
  });

  test('the wrong account, a declined code, an expired one', async () => {
    const outcome = async () => (await codes().begin()).finished.catch((error: unknown) => error);
    server.answers(device(), personal('admin@contoso.com'));
    expect(await outcome()).toBeInstanceOf(WrongAccountError);
    server.answers(device(), refusal(400, 'authorization_declined', 0));
    expect(await outcome()).toMatchObject({ code: 'ERR_OAUTH_REFUSED', error: 'authorization_declined' });
    server.answers(device(), refusal(400, 'expired_token', 70_019));
    expect(await outcome()).toMatchObject({ error: 'expired_token', aadsts: 70_019 });
    expect(await codes().state()).toBeUndefined();
  });

  test('a code nobody typed in time has expired, by our clock as by that of Entra', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      server.answers(device(), (response, seen) => {
        vi.setSystemTime(Date.now() + 901_000);
        pending(response, seen);
      });
      const { finished } = await codes().begin();
      await expect(finished).rejects.toMatchObject({ code: 'ERR_OAUTH_REFUSED', error: 'expired_token' });
    } finally {
      vi.useRealTimers();
    }
  });

  test('begin says why there is no code', async () => {
    server.answers(refusal(401, 'invalid_client', 7000218));
    await expect(codes().begin()).rejects.toMatchObject({ error: 'invalid_client', aadsts: 7000218 });
  });

  test('the wait can be given up, at once', async () => {
    const controller = new AbortController();
    server.answers(device({ interval: 60 }), pending);
    let polls = 0;
    const inMemory: typeof fetch = async (url, init) => {
      const response = await fetch(url, init);
      const body = await response.text();
      polls += 1;
      return new Response(body, response);
    };
    const { finished } = await codes({ fetch: inMemory }).begin({ signal: controller.signal });
    while (polls < 2) await nextTurn();
    for (let turn = 0; turn < 10; turn += 1) await nextTurn(); // MSAL waits for its next poll, a minute away
    controller.abort(new Error('enough'));
    await expect(finished).rejects.toThrow('enough');
    await expect(codes().begin({ signal: controller.signal })).rejects.toThrow('enough');
  });
});

describe('a password, for HVE', () => {
  test('gives a token, and one that was refused is not sent again', async () => {
    let password = 'wröng';
    const source = entraPassword({
      tenantId: TENANT,
      clientId: CLIENT,
      cloud: { authority: server.origin },
      username: 'hve@contoso.com',
      password: () => new Secret(password),
    });
    server.answers(refusal(400, 'invalid_grant', 50_126));
    const before = server.seen.length;
    for (let i = 0; i < 3; i += 1) {
      await expect(source()).rejects.toMatchObject({ error: 'invalid_grant', aadsts: 50_126 });
    }
    expect(server.seen.length).toBe(before + 1);
    password = 'right';
    server.answers(token('hve'));
    expect((await source()).value.reveal()).toBe('hve');
    expect(server.seen.at(-1)?.form).toMatchObject({ grant_type: 'password', username: 'hve@contoso.com', password });
    expect(server.seen.at(-1)?.form['scope']).toContain('https://outlook.office.com/.default');
  });
});

test.for([
  ['a mailbox that is none', { mailbox: 'reports' }, 'mailbox must be an address'],
  ['a delegate that is none', { delegates: ['anna'] }, 'delegates must be addresses'],
  ['a callback without TLS', { redirectUri: 'http://app.example/' }, 'redirectUri'],
  ['a callback with a fragment', { redirectUri: 'https://app.example/#x' }, 'redirectUri'],
  ['no store', { store: undefined as unknown as TokenStore }, 'store must be a token store'],
] as const)('%s is refused at once', ([, more, message]) => {
  expect(() => connection(more)).toThrow(
    expect.objectContaining({ code: 'ERR_INPUT_OPTION', message: expect.stringContaining(message) }),
  );
});
