// The traps that the setup guides of five products warn of: each is met, explained by the right row, mended, and then mail goes.
import { type Explanation, explain } from '@mailgrant/core/diagnosis';
import {
  createSandbox,
  editApp,
  editEnterpriseApp,
  editMailbox,
  editTenant,
  type Sandbox,
  type SandboxOptions,
  type Tenant,
} from '@mailgrant/sandbox';
import { describe, expect, test } from 'vitest';
import { adminConsentUrl, entraApp, entraConnect, parseAdminConsent, WrongAccountError } from '../src/index.ts';
import {
  ADMIN,
  APP,
  application,
  cloudOf,
  failure,
  grantInExchange,
  person,
  REDIRECT,
  row,
  send,
} from './sandboxed.ts';

const change = (sandbox: Sandbox, edit: (tenant: Tenant) => Tenant): void =>
  sandbox.directory.update((directory) => editTenant(directory, sandbox.tenantId, edit));

const explained = async (work: Promise<unknown>, sandbox: Sandbox): Promise<Explanation> =>
  explain(await failure(work), {
    model: 'app-permission',
    values: { mailbox: sandbox.mailbox, 'client id': sandbox.clientId },
  });

describe('HostBill', () => {
  test('signed in as another account: refused by name before anything is stored, where mail would fail later', async () => {
    await using sandbox = await createSandbox();
    const connection = entraConnect(person(sandbox));
    const signInAs = async (who: string) => {
      const { url, state } = await connection.begin();
      return connection.finish(sandbox.entra.signIn(url, { as: who }), { state });
    };
    const error = await failure(signInAs(ADMIN));
    expect(error).toBeInstanceOf(WrongAccountError);
    expect(error).toMatchObject({ signedIn: ADMIN, mailbox: sandbox.mailbox });
    expect(explain(error)).toMatchObject({ id: 'oauth-wrong-account', remedy: expect.stringContaining('Sign out') });
    expect(await connection.state()).toBeUndefined();

    // What the guard saves from: a token, a green light, and a refusal when the first mail is sent.
    const unguarded = entraConnect({ ...person(sandbox), delegates: [ADMIN] });
    const { url } = await unguarded.begin();
    await unguarded.finish(sandbox.entra.signIn(url, { as: ADMIN }));
    await unguarded.token();
    expect(await row(send(sandbox, unguarded.token))).toBe('smtp-token-refused');

    await signInAs(sandbox.mailbox);
    await send(sandbox, connection.token);
    expect(sandbox.inbox.messages[0]?.identity).toMatchObject({ user: sandbox.mailbox });
  });

  test('the page for all organizations, and an app of one tenant', async () => {
    const signIn = async (sandbox: Sandbox) => {
      const connection = entraConnect({ ...person(sandbox), tenantId: 'organizations' });
      const { url, state } = await connection.begin();
      return {
        connection,
        finish: () => connection.finish(sandbox.entra.signIn(url, { as: sandbox.mailbox }), { state }),
      };
    };
    await using single = await createSandbox();
    const { finish } = await signIn(single);
    expect(finish).toThrow('AADSTS50194'); // Entra shows that to the person, and sends nobody back
    const { message } = await failure(Promise.resolve().then(finish));
    expect(explain(message).id).toBe('entra-not-multi-tenant'); // pasted by whoever saw it

    await using several = await createSandbox({ tenants: [{ apps: [{ multiTenant: true }] }] });
    const { connection, finish: finished } = await signIn(several);
    await finished();
    await send(several, connection.token);
    expect(several.inbox.messages).toHaveLength(1);
  });

  test('SMTP AUTH is off for the tenant: one mailbox is exempted, and the tenant stays closed', async () => {
    await using sandbox = await createSandbox({ tenants: [{ smtpAuth: false }] });
    const { id, command } = await explained(send(sandbox, application(sandbox)), sandbox);
    expect(id).toBe('smtp-auth-disabled-tenant');
    expect(command).toBe(`Set-CASMailbox -Identity ${sandbox.mailbox} -SmtpClientAuthenticationDisabled $false`);
    sandbox.directory.update((directory) =>
      editMailbox(directory, sandbox.mailbox, (mailbox) => ({ ...mailbox, smtpAuth: true })),
    );
    await send(sandbox, application(sandbox));
    expect(sandbox.inbox.messages).toHaveLength(1);
  });
});

describe('Humly', () => {
  test('wrong object id: that of the app registration was given to Exchange', async () => {
    const wrong = '66666666-6666-4666-8666-666666666666';
    await using sandbox = await createSandbox({ tenants: [{ apps: [{ servicePrincipal: wrong }] }] });
    const { id, checks } = await explained(send(sandbox, application(sandbox)), sandbox);
    expect(id).toBe('smtp-token-refused');
    const check = checks.find(({ text }) => text.includes("the same object id as the token's oid"));
    expect(check?.command).toContain(`AppId -eq '${sandbox.clientId}'`);
    // The id Exchange wants stands in the token.
    const { value } = await application(sandbox)();
    const claims = JSON.parse(Buffer.from(value.reveal().split('.')[1] ?? '', 'base64url').toString()) as {
      oid: string;
    };
    expect(claims.oid).not.toBe(wrong);
    change(sandbox, (tenant) => ({
      ...tenant,
      servicePrincipals: [{ clientId: sandbox.clientId, objectId: claims.oid }],
    }));
    await send(sandbox, application(sandbox));
    expect(sandbox.inbox.messages).toHaveLength(1);
  });

  test('expired secret: said for weeks before, and a new one works at once', async () => {
    let now = Date.now();
    const days = (count: number): number => count * 86_400_000;
    const expiresAt = now + days(40);
    await using sandbox = await createSandbox({
      now: () => now,
      tenants: [{ apps: [{ secrets: [{ value: 'old', expiresAt }] }] }],
    });
    const warnings: number[] = [];
    let secret = 'old';
    const source = application(sandbox, {
      credential: { secret: () => secret, secretExpiresAt: expiresAt },
      now: () => now,
      onEvent: (event) => void (event.type === 'expiring' && warnings.push(event.days)),
    });
    for (; now < expiresAt; now += days(1)) await source();
    expect(warnings).toEqual([30, 14, 7, 1]);
    const { id, portal } = await explained(send(sandbox, source), sandbox);
    expect([id, portal]).toEqual(['entra-secret-expired', expect.stringContaining('Certificates & secrets')]);
    expect(await source.health()).toMatchObject({ status: 'down' });
    sandbox.directory.update((directory) =>
      editApp(directory, sandbox.clientId, (app) => ({
        ...app,
        secrets: [{ id: 'new', value: 'new', expiresAt: now + days(700) }],
      })),
    );
    secret = 'new';
    await send(sandbox, source);
    expect(sandbox.inbox.messages).toHaveLength(1);
  });

  test("the secret's ID in place of its value", async () => {
    await using sandbox = await createSandbox();
    const error = await failure(application(sandbox, { credential: '44444444-4444-4444-8444-444444444444' })());
    expect(error).toMatchObject({ hint: expect.stringContaining('Secret ID') });
    expect(explain(error).id).toBe('entra-secret-wrong');
  });

  test('consent missing: a token without the role, which only Exchange refuses', async () => {
    await using sandbox = await createSandbox({ tenants: [{ apps: [{ roles: [] }] }] });
    const { id, checks } = await explained(send(sandbox, application(sandbox)), sandbox);
    expect(id).toBe('smtp-token-refused');
    expect(checks.map(({ text }) => text).join('\n')).toContain('the admin consent is missing');
    const { url, state } = adminConsentUrl({
      clientId: sandbox.clientId,
      tenantId: sandbox.tenantId,
      redirectUri: REDIRECT,
      cloud: cloudOf(sandbox),
    });
    parseAdminConsent(sandbox.entra.signIn(url, { as: ADMIN }), { state, tenantId: sandbox.tenantId });
    await send(sandbox, application(sandbox));
    expect(sandbox.inbox.messages).toHaveLength(1);
  });
});

describe('High Volume Email', () => {
  const hve = 'bulk@contoso.com';
  const bulk = (sandbox: Sandbox) =>
    send(sandbox, application(sandbox, { provider: 'hve' }), hve, { provider: 'hve', ...sandbox.hve.smtp });

  test('app not allowed: the account has a list, and this app is not on it', async () => {
    const other = { clientId: APP };
    await using sandbox = await createSandbox({
      tenants: [{ hve: [{ address: hve, allowedApps: [APP] }], apps: [{}, other] }],
    });
    const error = await failure(bulk(sandbox));
    const { enterpriseApps } = sandbox.directory.current.tenants[0] ?? { enterpriseApps: [] };
    const { objectId = '' } = enterpriseApps.find(({ clientId }) => clientId === sandbox.clientId) ?? {};
    expect(explain(error, { values: { 'hve account': hve, 'object id': objectId } })).toMatchObject({
      id: 'hve-app-not-allowed',
      command: `Add-HVEAppAccess -Identity ${hve} -AppIds '${objectId}'`,
    });
    change(sandbox, (tenant) => ({
      ...tenant,
      hveAccounts: tenant.hveAccounts.map((account) => ({ ...account, allowedApps: [objectId] })),
    }));
    await bulk(sandbox);
    expect(sandbox.inbox.messages[0]?.identity).toMatchObject({ mailbox: hve });
  });

  test('the id of the app registration on the list, which is not the one that counts', async () => {
    await using sandbox = await createSandbox({ tenants: [{ hve: [hve] }] });
    change(sandbox, (tenant) => ({
      ...tenant,
      hveAccounts: tenant.hveAccounts.map((account) => ({ ...account, allowedApps: [sandbox.clientId] })),
    }));
    expect(await row(bulk(sandbox))).toBe('hve-app-not-allowed');
  });
});

describe('Business Central', () => {
  const tenants = [
    { apps: [{ clientId: APP, multiTenant: true }] },
    { name: 'Fabrikam', domains: ['fabrikam.onmicrosoft.com', 'fabrikam.com'], apps: [] },
  ] satisfies SandboxOptions['tenants'];

  test("tenant A's id for a mailbox in B", async () => {
    await using sandbox = await createSandbox({ tenants });
    const [, b] = sandbox.directory.current.tenants;
    const mailbox = b?.mailboxes[0]?.address ?? '';
    const fromA = application(sandbox, { tenantId: sandbox.tenantId });
    const { id, checks } = await explained(send(sandbox, fromA, mailbox), sandbox);
    expect(id).toBe('smtp-token-refused');
    expect(checks.map(({ text }) => text).join('\n')).toContain("(tid) is the mailbox's tenant");

    const { url, state } = adminConsentUrl({ clientId: APP, redirectUri: REDIRECT, cloud: cloudOf(sandbox) });
    const callback = sandbox.entra.signIn(url, { as: 'admin@fabrikam.onmicrosoft.com' });
    const { tenantId } = parseAdminConsent(callback, { state });
    grantInExchange(sandbox, tenantId, APP);
    await send(sandbox, application(sandbox, { tenantId }), mailbox);
    expect(sandbox.inbox.messages[0]?.identity).toMatchObject({ mailbox, tenantId });
  });

  test('no rights on the mailbox: 430, and only after the whole message', async () => {
    await using sandbox = await createSandbox({ tenants: [{ apps: [{ fullAccess: false }] }] });
    const { id, checks } = await explained(send(sandbox, application(sandbox)), sandbox);
    expect(id).toBe('smtp-mailbox-logon-failed');
    expect(checks.map(({ command }) => command).join('\n')).toContain('Add-MailboxPermission');
    grantInExchange(sandbox, sandbox.tenantId, sandbox.clientId);
    await send(sandbox, application(sandbox));
    expect(sandbox.inbox.messages).toHaveLength(1);
  });
});

describe('Constellio', () => {
  test('licence withdrawn: the right on the mailbox goes with it, without a word', async () => {
    await using sandbox = await createSandbox();
    const source = application(sandbox);
    await send(sandbox, source);
    const licensed = (value: boolean): void =>
      sandbox.directory.update((directory) =>
        editMailbox(directory, sandbox.mailbox, (mailbox) => ({ ...mailbox, licensed: value })),
      );
    licensed(false);
    const { id, checks } = await explained(send(sandbox, source), sandbox);
    expect(id).toBe('smtp-mailbox-logon-failed');
    expect(checks.map(({ text }) => text).join('\n')).toContain('A licence taken away removes the right');
    licensed(true);
    await send(sandbox, source);
    expect(sandbox.inbox.messages).toHaveLength(2);
  });

  test('a change that takes its time: told to wait, and right to', async () => {
    let now = Date.now();
    const minutes = (count: number): number => count * 60_000;
    await using sandbox = await createSandbox({
      now: () => now,
      tenants: [{ apps: [{ fullAccess: false }] }],
      smtp: { propagationDelay: minutes(50) },
    });
    grantInExchange(sandbox, sandbox.tenantId, sandbox.clientId);
    const source = application(sandbox, { now: () => now });
    const { id, class: kind, retry } = await explained(send(sandbox, source), sandbox);
    expect([id, kind]).toEqual(['smtp-mailbox-logon-failed', 'propagation']);
    expect(retry).toMatchObject({ attempts: 'many', giveUpAfter: minutes(120), afterwards: 'admin' });
    now += minutes(51);
    await send(sandbox, source);
    expect(sandbox.inbox.messages).toHaveLength(1);
  });

  test('the application is switched off in the tenant', async () => {
    await using sandbox = await createSandbox();
    const { tenantId, clientId } = sandbox;
    const source = entraApp({ tenantId, clientId, credential: sandbox.clientSecret, cloud: cloudOf(sandbox) });
    const enabled = (value: boolean): void =>
      sandbox.directory.update((directory) =>
        editEnterpriseApp(directory, tenantId, clientId, (app) => ({ ...app, enabled: value })),
      );
    enabled(false);
    expect(await row(send(sandbox, source))).toBe('entra-application-disabled');
    enabled(true);
    await send(sandbox, source);
    expect(sandbox.inbox.messages).toHaveLength(1);
  });
});
