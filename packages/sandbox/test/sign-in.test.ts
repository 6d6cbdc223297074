import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { createSandbox, editEnterpriseApp, editTenant, editUser, type SandboxOptions } from '../src/index.ts';
import { mailer, RawClient, xoauth2 } from './clients.ts';
import {
  ask,
  authorizeUrl,
  claimsOf,
  numberOf,
  parametersOf,
  REDIRECT,
  refresh,
  signedIn,
  SMTP_SEND,
} from './grants.ts';

describe('authorization code with PKCE', () => {
  test('gives an access token, an ID token and a refresh token, and mail is accepted with it', async () => {
    await using sandbox = await createSandbox();
    const { url } = authorizeUrl(sandbox);
    const back = parametersOf(sandbox.entra.signIn(url, { as: sandbox.mailbox }));
    expect(back).toMatchObject({ code: expect.stringMatching(/^1\./), state: 'the state' });

    const { status, body } = await signedIn(sandbox, { as: sandbox.mailbox }, { client_info: '1' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ token_type: 'Bearer', scope: 'openid https://outlook.office.com/SMTP.Send' });
    const user = sandbox.directory.current.tenants[0]?.users[0];
    expect(claimsOf(body['access_token'])).toMatchObject({
      aud: 'https://outlook.office.com',
      scp: 'SMTP.Send',
      upn: sandbox.mailbox,
      oid: user?.objectId,
      appid: sandbox.clientId,
      appidacr: '0',
      idtyp: 'user',
    });
    expect(claimsOf(body['access_token'])).not.toHaveProperty('roles');
    expect(claimsOf(body['id_token'])).toMatchObject({
      aud: sandbox.clientId,
      iss: `https://login.microsoftonline.com/${sandbox.tenantId}/v2.0`,
      nonce: 'the nonce',
      preferred_username: sandbox.mailbox,
      oid: user?.objectId,
      tid: sandbox.tenantId,
      ver: '2.0',
    });
    expect(JSON.parse(Buffer.from(String(body['client_info']), 'base64url').toString())).toEqual({
      uid: user?.objectId,
      utid: sandbox.tenantId,
    });
    const transport = mailer(sandbox, String(body['access_token']));
    await transport.sendMail({ from: sandbox.mailbox, to: 'ada@example.com', subject: 'delegated' });
    expect(sandbox.inbox.messages[0]?.identity).toMatchObject({ user: sandbox.mailbox, mailbox: sandbox.mailbox });
    expect(sandbox.tokenRequests.at(-1)).toMatchObject({ user: sandbox.mailbox, credential: 'none' });
  });

  test('signed in as another account: a token is issued, and Exchange refuses it for the mailbox', async () => {
    await using sandbox = await createSandbox();
    const { body } = await signedIn(sandbox, { as: 'admin@contoso.onmicrosoft.com' });
    using client = await RawClient.secure(sandbox);
    const response = xoauth2(sandbox.mailbox, String(body['access_token']));
    expect(await client.command(`AUTH XOAUTH2 ${response}`)).toMatch(/^535 5\.7\.3 /);
    expect(sandbox.sessions[0]?.entries.at(-1)?.text).toMatch(/^535/);
    expect(sandbox.sessions[0]?.entries.at(-2)?.text).toMatch(/admin@contoso\.onmicrosoft\.com's.*wrong account/);
  });

  test('a shared mailbox is open to a user with FullAccess, a token without SMTP.Send opens none', async () => {
    const shared = 'shared@contoso.com';
    await using sandbox = await createSandbox({
      tenants: [{ mailboxes: ['ada@contoso.com', { address: shared, fullAccess: ['ada@contoso.com'] }] }],
    });
    const { body } = await signedIn(sandbox);
    const transport = mailer(sandbox, String(body['access_token']), shared);
    await transport.sendMail({ from: shared, to: 'bob@example.com', text: 'a' });
    expect(sandbox.inbox.messages[0]?.identity).toMatchObject({ mailbox: shared, user: 'ada@contoso.com' });
    using client = await RawClient.secure(sandbox);
    const weak = await sandbox.entra.issue({ user: 'ada@contoso.com', claims: { scp: 'IMAP.AccessAsUser.All' } });
    expect(await client.command(`AUTH XOAUTH2 ${xoauth2('ada@contoso.com', weak)}`)).toMatch(/^535 5\.7\.3 /);
  });

  test('a code is good once, for its redirect URI, its client, its time and its verifier', async () => {
    let now = Date.parse('2026-11-20T10:00:00Z');
    await using sandbox = await createSandbox({ now: () => now });
    const { url, verifier } = authorizeUrl(sandbox);
    const fresh = () => ({
      grant_type: 'authorization_code',
      code: parametersOf(sandbox.entra.signIn(url, { as: sandbox.mailbox }))['code'],
      redirect_uri: REDIRECT,
      code_verifier: verifier,
    });
    const fields = fresh();
    expect(numberOf(await ask(sandbox, { ...fields, code_verifier: 'x'.repeat(43) }))).toBe(501481);
    expect(numberOf(await ask(sandbox, { ...fields, code_verifier: undefined }))).toBe(50147);
    expect(numberOf(await ask(sandbox, { ...fields, redirect_uri: 'http://localhost/' }))).toBe(500112);
    expect(numberOf(await ask(sandbox, { ...fields, scope: ' ' }))).toBe(28003);
    expect(numberOf(await ask(sandbox, { ...fields, scope: 'https://outlook.office.com/SMTP.SendAsApp' }))).toBe(28002);
    expect((await ask(sandbox, fields)).status).toBe(200);
    expect(await ask(sandbox, fields)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    expect(numberOf(await ask(sandbox, fields))).toBe(54005);
    expect(numberOf(await ask(sandbox, { ...fields, code: 'made up' }))).toBe(70000);
    const late = fresh();
    now += 600_000;
    expect(numberOf(await ask(sandbox, late))).toBe(70008);
  });

  test('a confidential app has to prove itself when it redeems', async () => {
    await using sandbox = await createSandbox({ tenants: [{ apps: [{ publicClient: false }] }] });
    expect(numberOf(await signedIn(sandbox))).toBe(7000218);
    expect((await signedIn(sandbox, undefined, { client_secret: sandbox.clientSecret })).status).toBe(200);
    expect(numberOf(await signedIn(sandbox, undefined, { client_secret: 'wrong' }))).toBe(7000215);
  });

  test('an app in several tenants is used on /organizations, its code in the tenant of the account only', async () => {
    const clientId = '3f1d5a52-7f5e-4f0e-9a55-0c1f7c1f2b10';
    await using sandbox = await createSandbox({
      tenants: [{ apps: [{ clientId }] }, { name: 'Fabrikam', domains: ['fabrikam.com'], apps: [{ clientId }] }],
    });
    const { url, verifier } = authorizeUrl(sandbox, {}, 'organizations');
    const { code } = parametersOf(sandbox.entra.signIn(url, { as: 'noreply@fabrikam.com' }));
    const fields = { grant_type: 'authorization_code', code, redirect_uri: REDIRECT, code_verifier: verifier };
    expect(numberOf(await ask(sandbox, fields))).toBe(700005);
    const shared = sandbox.tokenEndpoint.replace(sandbox.tenantId, 'organizations');
    const answer = await fetch(shared, {
      method: 'POST',
      body: new URLSearchParams({ ...fields, code: code ?? '', client_id: clientId }),
    });
    expect(claimsOf(((await answer.json()) as { access_token: string }).access_token)).toMatchObject({
      upn: 'noreply@fabrikam.com',
    });
  });
});

describe('the way back', () => {
  const silent = { prompt: 'none' };
  type Case = [
    what: string,
    changes: Record<string, string | undefined>,
    as: string | undefined,
    error: string,
    number: number,
  ];
  test.for<Case>([
    ['nobody signed in', silent, undefined, 'login_required', 50058],
    ['the account of another tenant', silent, 'noreply@fabrikam.com', 'interaction_required', 16000],
    [
      'a permission without consent',
      { ...silent, scope: 'https://outlook.office.com/IMAP.AccessAsUser.All' },
      'noreply@contoso.com',
      'consent_required',
      65001,
    ],
    ['a cancelled sign-in', {}, undefined, 'access_denied', 65004],
    ['another response type', { response_type: 'token' }, 'noreply@contoso.com', 'unsupported_response_type', 70005],
    [
      'a scope no user can give',
      { scope: 'https://outlook.office.com/SMTP.SendAsApp' },
      'noreply@contoso.com',
      'invalid_scope',
      70011,
    ],
    [
      'two resources',
      { scope: 'https://outlook.office.com/SMTP.Send https://graph.microsoft.com/User.Read' },
      'noreply@contoso.com',
      'invalid_scope',
      700022,
    ],
    ['a method nobody knows', { code_challenge_method: 'S512' }, 'noreply@contoso.com', 'invalid_request', 90023],
    ['a challenge of the wrong size', { code_challenge: 'short' }, 'noreply@contoso.com', 'invalid_request', 501491],
  ])('carries an error: %s', async ([, changes, as, error, number]) => {
    await using sandbox = await createSandbox({ tenants: [{}, { name: 'Fabrikam', domains: ['fabrikam.com'] }] });
    const redirect = sandbox.entra.signIn(authorizeUrl(sandbox, changes).url, as === undefined ? {} : { as });
    expect(redirect).toMatch(/^http:\/\/localhost:4711\/callback\?/);
    expect(parametersOf(redirect)).toMatchObject({
      error,
      error_description: expect.stringContaining(`AADSTS${number}: `),
      state: 'the state',
    });
  });

  type Page = [
    what: string,
    changes: Record<string, string | undefined>,
    as: string,
    number: number,
    tenant?: string | undefined,
    options?: SandboxOptions,
  ];
  test.for<Page>([
    ['an address that is not registered', { redirect_uri: 'https://evil.test/' }, 'noreply@contoso.com', 50011],
    ['a slash too many', { redirect_uri: 'http://localhost/callback/' }, 'noreply@contoso.com', 50011],
    ['a single-tenant app on /common', {}, 'noreply@contoso.com', 50194, 'common'],
    ['an app on /consumers', {}, 'noreply@contoso.com', 9002332, 'consumers'],
    ['an unknown app', { client_id: '11111111-2222-3333-4444-555555555555' }, 'noreply@contoso.com', 700016],
    ['no app', { client_id: undefined }, 'noreply@contoso.com', 900144],
    ['an unknown tenant', {}, 'noreply@contoso.com', 90002, 'nowhere.example'],
    ['an account of another tenant', {}, 'noreply@fabrikam.com', 50020],
    ['an account that does not exist', {}, 'ghost@contoso.com', 50034],
    ['a disabled account', {}, 'off@contoso.com', 50057],
    ['an expired password', {}, 'old@contoso.com', 50055],
    [
      'a user the app is not for',
      {},
      'noreply@contoso.com',
      50105,
      undefined,
      { tenants: [{ apps: [{ assigned: [] }] }] },
    ],
    [
      'a blocked sign-in',
      {},
      'noreply@contoso.com',
      53003,
      undefined,
      { tenants: [{ conditionalAccess: { users: 'block' } }] },
    ],
    [
      'a device that is not compliant',
      {},
      'noreply@contoso.com',
      53000,
      undefined,
      { tenants: [{ conditionalAccess: { users: 'compliant device' } }] },
    ],
    [
      'an app switched off',
      {},
      'noreply@contoso.com',
      7000112,
      undefined,
      { tenants: [{ apps: [{ signIn: false }] }] },
    ],
    [
      'a consent only administrators give',
      { scope: 'https://outlook.office.com/IMAP.AccessAsUser.All' },
      'noreply@contoso.com',
      90094,
      undefined,
      { tenants: [{ userConsent: false }] },
    ],
  ])('is not taken, a page is shown: %s', async ([, changes, as, number, tenant, options]) => {
    const users = [
      { upn: 'off@contoso.com', enabled: false },
      { upn: 'old@contoso.com', passwordExpiresAt: 1 },
    ];
    await using sandbox = await createSandbox(
      options ?? { tenants: [{ users }, { name: 'Fabrikam', domains: ['fabrikam.com'] }] },
    );
    const { url } = authorizeUrl(sandbox, changes, tenant);
    expect(() => sandbox.entra.signIn(url, { as })).toThrow(`AADSTS${number}: `);
    const page = await fetch(url, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ account: as, consent: 'yes' }),
    });
    expect([page.status, page.headers.get('location')]).toEqual([400, null]);
    expect(await page.text()).toContain(`AADSTS${number}: `);
  });

  test('is the fragment where asked for, on any port of this machine', async () => {
    await using sandbox = await createSandbox();
    const { url } = authorizeUrl(sandbox, { response_mode: 'fragment', redirect_uri: 'http://localhost:1/callback' });
    expect(sandbox.entra.signIn(url, { as: sandbox.mailbox })).toMatch(/^http:\/\/localhost:1\/callback#code=/);
  });
});

describe('the sign-in page', () => {
  const post = (url: string, fields: Record<string, string>, cookie = '') =>
    fetch(url, { method: 'POST', redirect: 'manual', body: new URLSearchParams(fields), headers: { cookie } });

  test('lets people choose, remembers them, and puts the hinted account first', async () => {
    await using sandbox = await createSandbox({ tenants: [{ users: ['<ada>@contoso.com'] }] });
    const hinted = authorizeUrl(sandbox, { login_hint: 'admin@contoso.onmicrosoft.com' }).url;
    const first = await (await fetch(hinted)).text();
    expect(first).not.toContain('<ada>');
    expect([...first.matchAll(/<button>([^<]+)</g)].map(([, label]) => label)).toEqual([
      'admin@contoso.onmicrosoft.com',
      'noreply@contoso.com',
      '&#60;ada&#62;@contoso.com',
      'Cancel',
    ]);
    const { url } = authorizeUrl(sandbox);
    const chosen = await post(url, { account: sandbox.mailbox });
    expect(chosen.status).toBe(302);
    expect(parametersOf(chosen.headers.get('location') ?? '')).toHaveProperty('code');
    const cookie = (chosen.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    const again = (address: string) => fetch(address, { redirect: 'manual', headers: { cookie } });
    expect((await again(url)).status).toBe(302);
    expect((await again(authorizeUrl(sandbox, { prompt: 'none' }).url)).headers.get('location')).toContain('code=');
    expect((await again(authorizeUrl(sandbox, { prompt: 'select_account' }).url)).status).toBe(200);
    expect((await again(hinted)).status).toBe(200);
    const cancelled = await post(url, { cancel: 'yes' });
    expect(parametersOf(cancelled.headers.get('location') ?? '')).toMatchObject({ error: 'access_denied' });
  });

  test('asks for consent once, and a refusal goes back to the app', async () => {
    await using sandbox = await createSandbox({ tenants: [{ apps: [{ scopes: [] }] }] });
    const { url } = authorizeUrl(sandbox);
    const question = await post(url, { account: sandbox.mailbox });
    expect(await question.text()).toContain('SMTP.Send');
    const refused = await post(url, { account: sandbox.mailbox, consent: 'no' });
    expect(parametersOf(refused.headers.get('location') ?? '')).toMatchObject({
      error: 'access_denied',
      error_subcode: 'cancel',
      error_description: expect.stringContaining('AADSTS65004'),
    });
    expect((await post(url, { account: sandbox.mailbox, consent: 'yes' })).status).toBe(302);
    expect((await post(url, { account: sandbox.mailbox })).status).toBe(302);
    expect((await signedIn(sandbox)).status).toBe(200);
    const consent = authorizeUrl(sandbox, { prompt: 'consent' }).url;
    expect((await post(consent, { account: sandbox.mailbox })).status).toBe(200);
  });
});

describe('refresh tokens', () => {
  test('come anew with every answer, and serve one resource per request', async () => {
    await using sandbox = await createSandbox();
    const first = (await signedIn(sandbox)).body['refresh_token'];
    const second = await refresh(sandbox, first, { scope: SMTP_SEND });
    expect(second.status).toBe(200);
    expect(second.body['refresh_token']).not.toBe(first);
    expect(claimsOf(second.body['id_token'])).not.toHaveProperty('nonce');
    const graph = await refresh(sandbox, second.body['refresh_token'], { scope: 'User.Read' });
    expect(claimsOf(graph.body['access_token'])).toMatchObject({ aud: 'https://graph.microsoft.com' });
    expect(graph.body).toHaveProperty('refresh_token');
    expect(graph.body).not.toHaveProperty('id_token');
    expect(numberOf(await refresh(sandbox, first, { scope: `${SMTP_SEND} User.Read` }))).toBe(700022);
    expect((await refresh(sandbox, first)).status).toBe(200);
  });

  test('that were replaced can be refused', async () => {
    await using sandbox = await createSandbox({ entra: { replacedRefreshTokens: 'refuse' } });
    const first = (await signedIn(sandbox)).body['refresh_token'];
    expect((await refresh(sandbox, first)).status).toBe(200);
    const again = await refresh(sandbox, first);
    expect(again.body).toMatchObject({ error: 'invalid_grant', suberror: 'bad_token', error_codes: [70000] });
  });

  test('die of disuse, of sign-in frequency, of another password, of revocation, with the account', async () => {
    let now = Date.parse('2026-11-20T10:00:00Z');
    await using sandbox = await createSandbox({ now: () => now });
    const token = (await signedIn(sandbox)).body['refresh_token'];
    const { tenantId, mailbox } = sandbox;
    const number = async () => numberOf(await refresh(sandbox, token));
    const before = sandbox.directory.current;
    const update: typeof sandbox.directory.update = (edit) => sandbox.directory.update(edit);
    const access = (conditionalAccess: object) =>
      update((directory) =>
        editTenant(directory, tenantId, (tenant) => ({
          ...tenant,
          conditionalAccess: { ...tenant.conditionalAccess, ...conditionalAccess },
        })),
      );
    now += 3_600_000;
    access({ signInFrequency: 3_600_000 });
    expect(await number()).toBe(70043);
    access({ signInFrequency: undefined, users: 'mfa' });
    expect(await number()).toBe(50076);
    access({ users: 'allow' });
    update((directory) => editUser(directory, mailbox, (user) => ({ ...user, enabled: false })));
    expect(await number()).toBe(50057);
    update((directory) => editUser(directory, mailbox, (user) => ({ ...user, enabled: true, password: 'new' })));
    expect(await number()).toBe(50173);
    update(() => before);
    update((directory) => editEnterpriseApp(directory, tenantId, sandbox.clientId, (app) => ({ ...app, scopes: [] })));
    expect(await number()).toBe(65001);
    update(() => before);
    update((directory) => editTenant(directory, tenantId, (tenant) => ({ ...tenant, users: [] })));
    expect(await number()).toBe(500341);
    update(() => before);
    expect(await number()).toBeUndefined();
    now += 90 * 86_400_000;
    expect((await refresh(sandbox, token)).body).toMatchObject({
      error: 'invalid_grant',
      error_description: expect.stringContaining(
        'AADSTS700082: The refresh token has expired due to inactivity. The token was issued on 2026-11-20 10:00:00Z and was inactive for 90.00:00:00.',
      ),
    });
    now -= 90 * 86_400_000;
    sandbox.entra.revokeSignIns(mailbox);
    expect(await number()).toBe(50173);
    expect(numberOf(await refresh(sandbox, 'made up'))).toBe(9002313);
  });

  test('of a sign-in with multi-factor authentication keep satisfying the policy', async () => {
    await using sandbox = await createSandbox({ tenants: [{ conditionalAccess: { users: 'mfa' } }] });
    const { body } = await signedIn(sandbox);
    expect(claimsOf(body['access_token'])).toMatchObject({ amr: ['pwd', 'mfa'] });
    expect((await refresh(sandbox, body['refresh_token'])).status).toBe(200);
  });
});

test('no code, token, assertion or password gets into the record or its API', async () => {
  await using sandbox = await createSandbox();
  const { url, verifier } = authorizeUrl(sandbox);
  const { code = '' } = parametersOf(sandbox.entra.signIn(url, { as: sandbox.mailbox }));
  const fields = { grant_type: 'authorization_code', code, redirect_uri: REDIRECT, code_verifier: verifier };
  const first = await ask(sandbox, { ...fields, client_secret: sandbox.clientSecret });
  await refresh(sandbox, first.body['refresh_token']);
  const { mailbox: username, password } = sandbox;
  await ask(sandbox, { grant_type: 'password', username, password, scope: SMTP_SEND });
  const assertion = 'e30.e30.signature';
  await ask(sandbox, { grant_type: 'client_credentials', client_assertion: assertion, client_assertion_type: 'a' });
  const shown = await (await fetch(new URL('/api/token-requests', sandbox.url))).text();
  const everything = `${shown}${inspect(sandbox.tokenRequests, { depth: Infinity })}`;
  expect(JSON.parse(shown)).toHaveLength(4);
  const { access_token: access, refresh_token: refreshToken, id_token: id } = first.body;
  const secrets = [code, verifier, sandbox.clientSecret, access, refreshToken, id, password, assertion].map(String);
  expect(secrets.filter((secret) => secret.length < 8 || everything.includes(secret))).toEqual([]);
});
