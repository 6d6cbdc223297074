// The administrator's side over HTTP: what is wrong is put right by the command a setup script would use, and mail flows.
import { describe, expect, test } from 'vitest';
import { createSandbox, type Sandbox, type SandboxOptions } from '../src/index.ts';
import { mailer, requestToken } from './clients.ts';

async function admin(sandbox: Sandbox, command: string, parameters: object = {}) {
  const url = new URL(`/api/admin/${command}`, sandbox.url);
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(parameters) });
  return { status: response.status, body: (await response.json()) as unknown };
}

/** Does it, or the test fails. */
async function done(sandbox: Sandbox, command: string, parameters: object = {}): Promise<unknown> {
  const { status, body } = await admin(sandbox, command, parameters);
  expect(body).toSatisfy(() => status === 200, `${command}: ${JSON.stringify(body)}`);
  return body;
}

interface Attempt {
  readonly from?: string;
  readonly hve?: boolean;
  readonly secret?: string;
  /** Domain; default: the first tenant. */
  readonly tenant?: string;
}

/** Gets a token and sends a mail; says how that ended. */
async function attempt(sandbox: Sandbox, { from, hve = false, secret, tenant }: Attempt = {}): Promise<string> {
  const user = hve ? 'bulk@contoso.com' : tenant === undefined ? sandbox.mailbox : `noreply@${tenant}`;
  const endpoint = sandbox.tokenEndpoint.replace(sandbox.tenantId, tenant ?? sandbox.tenantId);
  const changes = { ...(hve && { scope: sandbox.hve.scope }), ...(secret !== undefined && { client_secret: secret }) };
  const { body } = await requestToken(sandbox, changes, endpoint);
  const token = body['access_token'];
  if (typeof token !== 'string') return String(body['error_description']);
  const target = hve ? { ...sandbox, smtp: sandbox.hve.smtp } : sandbox;
  const transport = mailer(target, token, user);
  return transport.sendMail({ from: from ?? user, to: 'ada@contoso.com', subject: 'again' }).then(
    () => 'sent',
    (error: { response?: string }) => String(error.response),
  );
}

const APP = 'b1d6a5f0-3c1e-4d26-9a77-2f1f54a0c001';
const MAILBOX = 'noreply@contoso.com';

interface Story {
  readonly wrong: SandboxOptions;
  readonly said: RegExp;
  readonly attempt?: Attempt;
  readonly fix: (sandbox: Sandbox) => Promise<unknown>;
  readonly afterwards?: Attempt;
}

const tenant = (options: NonNullable<SandboxOptions['tenants']>[number]): SandboxOptions => ({
  tenants: [{ apps: [{ clientId: APP }], ...options }],
});
const app = (options: object): SandboxOptions => tenant({ apps: [{ clientId: APP, ...options }] });
const objectId = async (sandbox: Sandbox): Promise<string> =>
  ((await done(sandbox, 'Get-MgServicePrincipal', { AppId: APP })) as { Id: string }).Id;

const STORIES: Readonly<Record<string, Story>> = {
  'SMTP AUTH is off for the tenant': {
    wrong: tenant({ smtpAuth: false }),
    said: /disabled for the Tenant/,
    fix: (sandbox) => done(sandbox, 'Set-TransportConfig', { SmtpClientAuthenticationDisabled: false }),
  },
  'SMTP AUTH is off for the tenant, and the mailbox is made an exception': {
    wrong: tenant({ smtpAuth: false }),
    said: /disabled for the Tenant/,
    fix: (sandbox) => done(sandbox, 'Set-CASMailbox', { Identity: MAILBOX, SmtpClientAuthenticationDisabled: false }),
  },
  'SMTP AUTH is off for the mailbox': {
    wrong: tenant({ mailboxes: [{ address: MAILBOX, smtpAuth: false }] }),
    said: /disabled for the Mailbox/,
    fix: (sandbox) => done(sandbox, 'Set-CASMailbox', { Identity: MAILBOX, SmtpClientAuthenticationDisabled: null }),
  },
  'Exchange does not know the app': {
    wrong: app({ servicePrincipal: false }),
    said: /^535 5\.7\.3 /,
    fix: async (sandbox) =>
      done(sandbox, 'New-ServicePrincipal', { AppId: APP, ObjectId: await objectId(sandbox), DisplayName: 'SMTP' }),
  },
  'Exchange was given the object id of the registration': {
    wrong: app({ servicePrincipal: '00000000-1111-2222-3333-444444444444' }),
    said: /^535 5\.7\.3 /,
    fix: async (sandbox) => {
      await done(sandbox, 'Remove-ServicePrincipal', { Identity: APP });
      await done(sandbox, 'New-ServicePrincipal', { AppId: APP, ObjectId: await objectId(sandbox) });
      await done(sandbox, 'Add-MailboxPermission', { Identity: MAILBOX, User: APP, AccessRights: 'FullAccess' });
    },
  },
  'FullAccess is missing': {
    wrong: app({ fullAccess: false }),
    said: /^430 4\.2\.0 /,
    fix: async (sandbox) =>
      done(sandbox, 'Add-MailboxPermission', {
        Identity: MAILBOX,
        User: await objectId(sandbox),
        AccessRights: 'FullAccess',
      }),
  },
  'SendAs is missing': {
    wrong: tenant({ mailboxes: [MAILBOX, 'info@contoso.com'] }),
    said: /^554 5\.2\.252 SendAsDenied/,
    attempt: { from: 'info@contoso.com' },
    fix: (sandbox) =>
      done(sandbox, 'Add-RecipientPermission', { Identity: 'info@contoso.com', Trustee: APP, AccessRights: 'SendAs' }),
  },
  'App RBAC: the role is not assigned': {
    wrong: app({ roles: [], fullAccess: false }),
    said: /^535 5\.7\.3 /,
    fix: (sandbox) =>
      done(sandbox, 'New-ManagementRoleAssignment', {
        App: APP,
        Role: 'Application SMTP.SendAsApp',
        CustomResourceScope: [MAILBOX],
      }),
  },
  'App RBAC: the mailbox is not in the scope': {
    wrong: app({ roleScope: ['info@contoso.com'] }),
    said: /^535 5\.7\.3 /,
    fix: (sandbox) =>
      done(sandbox, 'New-ManagementRoleAssignment', {
        App: APP,
        Role: 'Application SMTP.SendAsApp',
        CustomResourceScope: ['info@contoso.com', MAILBOX],
      }),
  },
  'nobody consented to the permission': {
    wrong: app({ roles: [] }),
    said: /^535 5\.7\.3 /,
    fix: (sandbox) => done(sandbox, 'Grant-AdminConsent', { AppId: APP }),
  },
  'nobody consented, and the app asks for something else': {
    wrong: app({ roles: [], permissions: { roles: [] } }),
    said: /^535 5\.7\.3 /,
    fix: async (sandbox) => {
      await done(sandbox, 'Grant-AdminConsent', { AppId: APP });
      expect(await attempt(sandbox)).toMatch(/^535 5\.7\.3 /);
      await done(sandbox, 'Update-MgApplication', { AppId: APP, AppRoles: ['SMTP.SendAsApp'] });
      await done(sandbox, 'Grant-AdminConsent', { AppId: APP });
    },
  },
  'the licence was withdrawn': {
    wrong: tenant({ mailboxes: [{ address: MAILBOX, licensed: false }] }),
    said: /^430 4\.2\.0 /,
    fix: (sandbox) => done(sandbox, 'Set-MgUserLicense', { UserId: MAILBOX, Licensed: true }),
  },
  'the mailbox is locked': {
    wrong: tenant({ mailboxes: [{ address: MAILBOX, locked: true }] }),
    said: /^550 Mailbox cannot be accessed/,
    fix: (sandbox) => done(sandbox, 'Set-Mailbox', { Identity: MAILBOX, AccountDisabled: false }),
  },
  'Sent Items is full': {
    wrong: tenant({ mailboxes: [{ address: MAILBOX, quota: 10 }] }),
    said: /^554 5\.2\.2 mailbox full/,
    fix: (sandbox) => done(sandbox, 'Set-Mailbox', { Identity: MAILBOX, ProhibitSendQuota: 1_000_000 }),
  },
  'the secret has expired': {
    wrong: app({ secrets: [{ value: 'old', expiresAt: 1 }] }),
    said: /^AADSTS7000222/,
    fix: (sandbox) => done(sandbox, 'Add-MgApplicationPassword', { AppId: APP, SecretText: 'a-new-secret' }),
    afterwards: { secret: 'a-new-secret' },
  },
  'the app is disabled in the tenant': {
    wrong: app({ signIn: false }),
    said: /^AADSTS7000112/,
    fix: (sandbox) => done(sandbox, 'Update-MgServicePrincipal', { AppId: APP, AccountEnabled: true }),
  },
  'the tenant has no Exchange Online': {
    wrong: tenant({ exchangeOnline: 'missing' }),
    said: /^AADSTS500011/,
    fix: (sandbox) => done(sandbox, 'New-MgServicePrincipal', { AppId: '00000002-0000-0ff1-ce00-000000000000' }),
  },
  'Conditional Access keeps apps out': {
    wrong: tenant({ conditionalAccess: { apps: 'block' } }),
    said: /^AADSTS53003/,
    fix: (sandbox) => done(sandbox, 'Set-ConditionalAccess', { Apps: 'allow' }),
  },
  'a customer’s tenant does not know the app': {
    wrong: {
      tenants: [
        { apps: [{ clientId: APP, multiTenant: true }] },
        { name: 'Fabrikam', domains: ['fabrikam.com'], apps: [] },
      ],
    },
    said: /^AADSTS7000229/,
    attempt: { tenant: 'fabrikam.com' },
    fix: async (sandbox) => {
      const Tenant = 'fabrikam.com';
      await done(sandbox, 'Grant-AdminConsent', { Tenant, AppId: APP });
      const { Id } = (await done(sandbox, 'Get-MgServicePrincipal', { Tenant, AppId: APP })) as { Id: string };
      await done(sandbox, 'New-ServicePrincipal', { Tenant, AppId: APP, ObjectId: Id });
      const mailbox = { Tenant, Identity: 'noreply@fabrikam.com' };
      await done(sandbox, 'Add-MailboxPermission', { ...mailbox, User: Id, AccessRights: 'FullAccess' });
    },
  },
  'High Volume Email: the app is not allowed': {
    wrong: {
      tenants: [
        {
          apps: [{ clientId: APP }, { clientId: 'another-app' }],
          hve: [{ address: 'bulk@contoso.com', allowedApps: ['another-app'] }],
        },
      ],
    },
    said: /^550 5\.7\.240 /,
    attempt: { hve: true },
    fix: async (sandbox) =>
      done(sandbox, 'Add-HVEAppAccess', { Identity: 'bulk@contoso.com', AppIds: [await objectId(sandbox)] }),
  },
  'High Volume Email: no billing policy': {
    wrong: tenant({ hve: [{ address: 'bulk@contoso.com', billing: 'SubscriptionIsNotActive' }] }),
    said: /^550 5\.7\.1 /,
    attempt: { hve: true },
    fix: (sandbox) =>
      done(sandbox, 'Set-HVEAccountBillingPolicy', { Identity: 'bulk@contoso.com', Status: 'BillingPolicyValid' }),
  },
  'High Volume Email: there is no account': {
    wrong: app({ roles: ['Mail.Send'] }),
    said: /^550 5\.2\.240 /,
    attempt: { hve: true },
    fix: async (sandbox) => {
      await done(sandbox, 'New-MailUser', { PrimarySmtpAddress: 'bulk@contoso.com', HVEAccount: true });
      expect(await attempt(sandbox, { hve: true })).toMatch(/^550 5\.7\.1 /);
      await done(sandbox, 'Set-HVEAccountBillingPolicy', {
        Identity: 'bulk@contoso.com',
        Status: 'BillingPolicyValid',
      });
    },
  },
};

test.each(Object.entries(STORIES))('fix it and try again: %s', async (_, { wrong, said, fix, ...story }) => {
  await using sandbox = await createSandbox(wrong);
  expect(await attempt(sandbox, story.attempt)).toMatch(said);
  await fix(sandbox);
  expect(await attempt(sandbox, { ...story.attempt, ...story.afterwards })).toBe('sent');
});

describe('taking away again', () => {
  test.each([
    ['Set-TransportConfig', { SmtpClientAuthenticationDisabled: true }, /disabled for the Tenant/],
    ['Set-CASMailbox', { Identity: MAILBOX, SmtpClientAuthenticationDisabled: true }, /disabled for the Mailbox/],
    ['Remove-ServicePrincipal', { Identity: APP }, /^535 5\.7\.3 /],
    ['Remove-MailboxPermission', { Identity: MAILBOX, User: APP, AccessRights: 'FullAccess' }, /^430 /],
    ['Remove-MgServicePrincipalAppRoleAssignment', { AppId: APP, AppRole: 'SMTP.SendAsApp' }, /^535 /],
    ['Remove-MgServicePrincipal', { AppId: APP }, /^AADSTS7000229/],
    [
      'Update-MgServicePrincipal',
      { AppId: '00000002-0000-0ff1-ce00-000000000000', AccountEnabled: false },
      /^AADSTS500014/,
    ],
    ['Set-MgUserLicense', { UserId: MAILBOX, Licensed: false }, /^430 /],
    ['Remove-Mailbox', { Identity: MAILBOX }, /^535 5\.7\.3 /],
  ])('%s takes effect with the next mail', async (command, parameters, said) => {
    await using sandbox = await createSandbox(tenant({}));
    expect(await attempt(sandbox)).toBe('sent');
    await done(sandbox, command, parameters);
    expect(await attempt(sandbox)).toMatch(said);
  });

  test('App RBAC, SendAs, HVE apps and a secret can be taken away as they were given', async () => {
    await using sandbox = await createSandbox(
      tenant({ mailboxes: [MAILBOX, 'info@contoso.com'], hve: ['bulk@contoso.com'] }),
    );
    const id = await objectId(sandbox);
    const send = { Identity: 'info@contoso.com', Trustee: id, AccessRights: 'SendAs' };
    expect(await done(sandbox, 'Add-RecipientPermission', send)).toMatchObject([{ Trustee: APP, ObjectId: id }]);
    expect(await done(sandbox, 'Remove-RecipientPermission', send)).toEqual([]);
    const role = { App: id, Role: 'Application SMTP.SendAsApp', CustomResourceScope: [MAILBOX] };
    await done(sandbox, 'New-ManagementRoleAssignment', role);
    const scope = async () =>
      done(sandbox, 'Test-ServicePrincipalAuthorization', { Identity: APP, Resource: 'info@contoso.com' });
    expect(await scope()).toEqual([{ RoleName: 'Application SMTP.SendAsApp', InScope: false }]);
    await done(sandbox, 'Remove-ManagementRoleAssignment', { App: APP });
    expect(await scope()).toEqual([]);
    const hve = { Identity: 'bulk@contoso.com', AppIds: [id] };
    expect(await done(sandbox, 'Add-HVEAppAccess', hve)).toMatchObject({ AllowedApps: [id] });
    expect(await done(sandbox, 'Remove-HVEAppAccess', hve)).toMatchObject({ AllowedApps: [] });
    const { PasswordCredentials: keys } = (await done(sandbox, 'Get-MgApplication', { AppId: APP })) as {
      PasswordCredentials: { KeyId: string }[];
    };
    await done(sandbox, 'Remove-MgApplicationPassword', { AppId: APP, KeyId: keys[0]?.KeyId });
    expect(await attempt(sandbox)).toMatch(/^AADSTS700025:/); // an app without any secret is a public one
  });

  test('users: disabled, signed out, another password', async () => {
    await using sandbox = await createSandbox(tenant({}));
    const ropc = {
      grant_type: 'password',
      username: MAILBOX,
      scope: 'https://outlook.office.com/SMTP.Send offline_access',
    };
    const signIn = async (password = sandbox.password) => (await requestToken(sandbox, { ...ropc, password })).body;
    const { refresh_token: refresh } = await signIn();
    await done(sandbox, 'Revoke-MgUserSignInSession', { UserId: MAILBOX });
    const renewal = { grant_type: 'refresh_token', refresh_token: String(refresh), scope: ropc.scope };
    expect((await requestToken(sandbox, renewal)).body['error_codes']).toEqual([50173]);
    await done(sandbox, 'Update-MgUser', { UserId: MAILBOX, Password: 'another one' });
    expect((await signIn())['error_codes']).toEqual([50126]);
    expect((await signIn('another one'))['access_token']).toEqual(expect.any(String));
    await done(sandbox, 'Set-SecurityDefaults', { IsEnabled: true });
    expect((await signIn('another one'))['error_codes']).toEqual([530035]);
    await done(sandbox, 'Update-MgUser', { UserId: MAILBOX, AccountEnabled: false });
    expect((await signIn('another one'))['error_codes']).toEqual([50057]);
  });
});

describe('the API', () => {
  test('tells each command with its parameters, and takes each without regard to case', async () => {
    await using sandbox = await createSandbox(tenant({}));
    const listed = (await (await fetch(new URL('/api/admin', sandbox.url))).json()) as {
      name: string;
      says: string;
      parameters: Record<string, string>;
    }[];
    expect(listed.length).toBeGreaterThan(30);
    for (const { name, says } of listed) {
      expect(says, name).toMatch(/^[A-Z].*\.$/);
      // Nothing given: what is asked for is named, or it is done.
      const { status } = await admin(sandbox, name.toUpperCase(), { NoSuchParameter: 1 });
      expect(status, name).toBe(400);
    }
  });

  test.each([
    ['Get-Everything', {}, 404, "The term 'Get-Everything' is not recognized"],
    ['Set-CASMailbox', { Identity: MAILBOX }, 400, 'SmtpClientAuthenticationDisabled: expected true, false or null'],
    ['Set-CASMailbox', { Identity: 7, SmtpClientAuthenticationDisabled: true }, 400, 'Identity: expected a text'],
    ['Get-CASMailbox', { Identity: 'ghost@contoso.com' }, 404, "object 'ghost@contoso.com' couldn't be found"],
    ['Get-CASMailbox', { Identity: MAILBOX, Tenant: 'ghost.com' }, 404, "object 'ghost.com' couldn't be found"],
    ['Get-Mailbox', { Tenant: 7 }, 400, 'Tenant: expected a text'],
    ['Add-MailboxPermission', { Identity: MAILBOX, User: 'ghost', AccessRights: 'FullAccess' }, 404, "'ghost'"],
    ['Add-MailboxPermission', { Identity: MAILBOX, User: APP, AccessRights: 'ReadOnly' }, 400, 'one of FullAccess'],
    ['New-ServicePrincipal', { AppId: APP, ObjectId: 'x' }, 409, 'already'],
    ['New-Mailbox', { PrimarySmtpAddress: MAILBOX }, 409, 'is taken'],
    ['Add-MgApplicationPassword', { AppId: APP, SecretText: 'a', EndDateTime: 'soon' }, 400, 'EndDateTime: expected'],
    ['Set-HVEAccountBillingPolicy', { Identity: 'bulk@contoso.com', Status: 'Paid' }, 404, 'bulk@contoso.com'],
  ])('a mistake is told and changes nothing: %s %j', async (command, parameters, status, message) => {
    await using sandbox = await createSandbox(tenant({}));
    const before = sandbox.directory.current;
    expect(await admin(sandbox, command, parameters)).toMatchObject({
      status,
      body: { message: expect.stringContaining(message) },
    });
    expect(sandbox.directory.current).toBe(before);
  });

  test('what it says holds no secret, no password and no token', async () => {
    const secrets = ['canary-secret-of-the-app', 'canary-password-of-ada', 'canary-secret-added-later'] as const;
    const users = [{ upn: 'ada@contoso.com', password: secrets[1] }];
    await using sandbox = await createSandbox(tenant({ apps: [{ clientId: APP, secrets: [secrets[0]] }], users }));
    const said = [
      await done(sandbox, 'Add-MgApplicationPassword', { AppId: APP, SecretText: secrets[2] }),
      await done(sandbox, 'Get-MgApplication', { AppId: APP }),
      await done(sandbox, 'Update-MgUser', { UserId: 'ada@contoso.com', Password: 'canary-password-of-ada' }),
      await attempt(sandbox),
    ].map((answer) => JSON.stringify(answer));
    for (const path of [
      'directory',
      'admin',
      'faults',
      'token-requests',
      'sessions',
      'sessions/1',
      'connection',
      'messages/1',
    ]) {
      const response = await fetch(new URL(`/api/${path}`, sandbox.url));
      expect(response.status, path).toBe(200);
      said.push(await response.text());
    }
    expect(said.join('\n')).not.toMatch(/canary|eyJ[\w-]{10}|dXNlcj1/);
    expect(said.join('\n')).toContain('"upn":"ada@contoso.com"');
  });

  test('code can do the same without HTTP', async () => {
    await using sandbox = await createSandbox(tenant({ smtpAuth: false }));
    expect(sandbox.admin('Set-TransportConfig', { SmtpClientAuthenticationDisabled: false })).toEqual({
      SmtpClientAuthenticationDisabled: false,
    });
    expect(await attempt(sandbox)).toBe('sent');
    expect(() => sandbox.admin('Set-Everything')).toThrow('not recognized');
    expect(sandbox.admin('Get-ServicePrincipal', { Identity: 'no such one' })).toHaveLength(1);
  });
});
