// Every grant of a person from end to end: a token from the sandbox's Entra by real MSAL, mail taken by the sandbox's Exchange
// with it, and the grant's typical failures with the row of the catalogue that explains them.
import { createSandbox, editApp, editTenant, editUser, type Sandbox } from '@mailgrant/sandbox';
import { describe, expect, test } from 'vitest';
import { entraConnect, entraDelegated, entraDeviceCode, entraPassword } from '../src/index.ts';
import { cloudOf, connected, last, person, row, send } from './sandboxed.ts';

const DAY = 86_400_000;

describe('authorization code with PKCE', () => {
  test('sends as the person who signed in', async () => {
    await using sandbox = await createSandbox();
    const { token } = await connected(sandbox, entraConnect(person(sandbox)));
    expect(last(sandbox)).toMatchObject({ grant: 'authorization_code', credential: 'none', user: sandbox.mailbox });
    await send(sandbox, token);
    expect(last(sandbox).from).toMatchObject({ mailbox: sandbox.mailbox, user: sandbox.mailbox });
  });

  test('declined, a callback that comes twice, a redirect URI nobody registered, a sign-in in another session', async () => {
    await using sandbox = await createSandbox();
    const connection = entraConnect(person(sandbox));
    const no = await connection.begin();
    expect(await row(connection.finish(sandbox.entra.signIn(no.url, {})))).toBe('entra-consent-declined');
    const { url, state } = await connection.begin();
    const callback = sandbox.entra.signIn(url, { as: sandbox.mailbox });
    expect(await row(connection.finish(callback, { state: no.state }))).toBe('oauth-callback');
    await connection.finish(callback, { state });
    expect(await row(connection.finish(callback, { state }))).toBe('oauth-callback');
    const elsewhere = entraConnect({ ...person(sandbox), redirectUri: 'https://elsewhere.example/callback' });
    const begun = await elsewhere.begin();
    expect(() => sandbox.entra.signIn(begun.url, { as: sandbox.mailbox })).toThrow('AADSTS50011');
  });

  test('of a web app that proves itself; and of one that does not', async () => {
    await using sandbox = await createSandbox({ tenants: [{ apps: [{ publicClient: false }] }] });
    const credential = ['expired', sandbox.clientSecret];
    const { token } = await connected(sandbox, entraConnect({ ...person(sandbox), credential }));
    await send(sandbox, token);
    expect(last(sandbox)).toMatchObject({ grant: 'refresh_token', credential: 'secret' });
    const bare = connected(sandbox, entraConnect(person(sandbox)));
    expect(await row(bare)).toBe('entra-secret-missing');
  });

  test('before anybody signed in, and after disconnecting', async () => {
    await using sandbox = await createSandbox();
    const connection = entraConnect(person(sandbox));
    expect(await row(send(sandbox, connection.token))).toBe('oauth-not-connected');
    await connected(sandbox, connection);
    await send(sandbox, connection.token);
    await connection.disconnect();
    expect(await row(send(sandbox, connection.token))).toBe('oauth-not-connected');
  });

  test('for a shared mailbox; and without rights on it', async () => {
    const [ada, shared] = ['ada@contoso.com', 'shared@contoso.com'];
    for (const fullAccess of [[ada], []]) {
      await using sandbox = await createSandbox({ tenants: [{ mailboxes: [ada, { address: shared, fullAccess }] }] });
      const connection = entraConnect({ ...person(sandbox, shared), delegates: [ada] });
      const { url } = await connection.begin();
      await connection.finish(sandbox.entra.signIn(url, { as: ada }));
      const sent = send(sandbox, connection.token, shared);
      if (fullAccess.length === 0) {
        expect(await row(sent)).toBe('smtp-token-refused');
      } else {
        await sent;
        expect(last(sandbox).from).toMatchObject({ mailbox: shared, user: ada });
      }
    }
  });
});

describe('device code', () => {
  test('sends as the person who typed it', async () => {
    await using sandbox = await createSandbox({ entra: { deviceCodeInterval: 0 } });
    const codes = entraDeviceCode(person(sandbox));
    const { userCode, finished } = await codes.begin();
    sandbox.entra.approveDevice(userCode, { as: sandbox.mailbox });
    expect(await finished).toMatchObject({ username: sandbox.mailbox });
    expect(last(sandbox)).toMatchObject({ grant: expect.stringContaining('device_code'), user: sandbox.mailbox });
    await send(sandbox, codes.token);
    expect(last(sandbox).from).toMatchObject({ user: sandbox.mailbox });
  });

  test('declined, run out, of an app that is no public client', async () => {
    let now = Date.now();
    await using sandbox = await createSandbox({ now: () => now, entra: { deviceCodeInterval: 0 } });
    const codes = entraDeviceCode(person(sandbox));
    const declined = await codes.begin();
    sandbox.entra.approveDevice(declined.userCode, { consent: false });
    expect(await row(declined.finished)).toBe('entra-consent-declined');
    const late = await codes.begin();
    now += 901_000;
    expect(await row(late.finished)).toBe('entra-device-code-expired');
    sandbox.directory.update((directory) =>
      editApp(directory, sandbox.clientId, (app) => ({ ...app, publicClient: false })),
    );
    expect(await row(codes.begin().then(({ finished }) => finished))).toBe('entra-secret-missing');
  });
});

describe('refresh token', () => {
  test('is replaced at each use, and the replaced one is never used again', async () => {
    await using sandbox = await createSandbox({ entra: { replacedRefreshTokens: 'refuse' } });
    const options = person(sandbox);
    const { token } = await connected(sandbox, entraConnect(options));
    const { redirectUri: _, ...worker } = options;
    for (const source of [token, entraDelegated(worker).token, token]) await send(sandbox, source);
    expect(sandbox.tokenRequests.slice(1).map(({ grant, outcome }) => [grant, outcome])).toEqual(
      Array.from({ length: 3 }, () => ['refresh_token', 'issued']),
    );
  });

  test('revoked, of a disabled user, idle for too long, stopped by a policy, without consent', async () => {
    let now = Date.now();
    await using sandbox = await createSandbox({ now: () => now });
    const { mailbox, tenantId } = sandbox;
    const connect = () => connected(sandbox, entraConnect({ ...person(sandbox), now: () => now }));
    const revoked = await connect();
    sandbox.entra.revokeSignIns(mailbox);
    expect(await row(send(sandbox, revoked.token))).toBe('entra-grant-revoked');

    const idle = await connect();
    now += 91 * DAY;
    expect(await row(send(sandbox, idle.token))).toBe('entra-refresh-token-expired');

    const { token } = await connect();
    const policy = (conditionalAccess: object): void =>
      sandbox.directory.update((directory) =>
        editTenant(directory, tenantId, (tenant) => ({
          ...tenant,
          conditionalAccess: { ...tenant.conditionalAccess, ...conditionalAccess },
        })),
      );
    policy({ users: 'mfa' });
    expect(await row(send(sandbox, token))).toBe('entra-second-factor');
    policy({ users: 'compliant device' });
    expect(await row(send(sandbox, token))).toBe('entra-device-policy');
    policy({ users: 'allow' });
    sandbox.directory.update((directory) => editUser(directory, mailbox, (user) => ({ ...user, enabled: false })));
    expect(await row(send(sandbox, token))).toBe('entra-user-disabled');
  });

  test('that is kept alive serves a quarterly job', async () => {
    let now = Date.now();
    await using sandbox = await createSandbox({ now: () => now });
    const connection = await connected(sandbox, entraConnect({ ...person(sandbox), now: () => now }));
    for (let day = 0; day < 92; day += 1) {
      now += DAY;
      await connection.keepAlive();
    }
    expect(sandbox.tokenRequests).toHaveLength(1 + 13); // every seventh day
    await connection.token();
    expect(last(sandbox)).toMatchObject({ grant: 'refresh_token', outcome: 'issued' });
  });
});

describe('password, for High Volume Email', () => {
  const hve = 'bulk@contoso.com';
  const bulk = (sandbox: Sandbox, password: string) => {
    const { tenantId, clientId } = sandbox;
    const token = entraPassword({ tenantId, clientId, cloud: cloudOf(sandbox), username: hve, password });
    return send(sandbox, token, hve, { provider: 'hve', ...sandbox.hve.smtp });
  };
  const withPassword = (more: object = {}) =>
    createSandbox({ tenants: [{ hve: [hve], users: [{ upn: hve, password: 'right pässword' }], ...more }] });

  test('sends as the account', async () => {
    await using sandbox = await withPassword();
    await bulk(sandbox, 'right pässword');
    expect(last(sandbox)).toMatchObject({ grant: 'password', scope: expect.stringContaining(sandbox.hve.scope) });
    expect(last(sandbox).from).toMatchObject({ mailbox: hve, user: hve });
  });

  test('wrong, and where the tenant wants more than a password', async () => {
    await using sandbox = await withPassword();
    expect(await row(bulk(sandbox, 'wrong'))).toBe('entra-password-wrong');
    await using strict = await withPassword({ conditionalAccess: { users: 'mfa' } });
    expect(await row(bulk(strict, 'right pässword'))).toBe('entra-second-factor');
    await using defaults = await withPassword({ securityDefaults: true });
    expect(await row(bulk(defaults, 'right pässword'))).toBe('entra-blocked-by-policy');
  });
});
