// Every grant from end to end: a token from the sandbox's Entra by real MSAL, mail taken by the sandbox's Exchange with it, and
// the grant's typical failures with the row of the catalogue that explains them.
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { explain } from '@mailgrant/core/diagnosis';
import { createSandbox, editApp, editTenant, editUser, type Sandbox } from '@mailgrant/sandbox';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  adminConsentUrl,
  CLOUDS,
  entraConnect,
  type EntraConnection,
  entraDelegated,
  entraDeviceCode,
  entraManagedIdentity,
  entraPassword,
  parseAdminConsent,
  readCertificate,
} from '../src/index.ts';
import { openPfx } from '../src/pfx.ts';
import { issuedBySomebody, selfSigned } from './certificates.ts';
import { MODERN_PFX, PASSPHRASE } from './pfx.ts';
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

const DAY = 86_400_000;
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mailgrant-grants-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** What Entra was asked last, and who Exchange took the last mail from. */
const last = (sandbox: Sandbox) => ({
  ...sandbox.tokenRequests.at(-1),
  from: sandbox.inbox.messages.at(-1)?.identity,
});

/** Takes the certificates of the sandbox's app away. */
const withoutCertificates = (sandbox: Sandbox): void =>
  sandbox.directory.update((directory) =>
    editApp(directory, sandbox.clientId, (app) => ({ ...app, certificates: [] })),
  );

async function connected(sandbox: Sandbox, connection: EntraConnection): Promise<EntraConnection> {
  const { url, state } = await connection.begin();
  await connection.finish(sandbox.entra.signIn(url, { as: sandbox.mailbox }), { state });
  return connection;
}

describe('client secret', () => {
  test('sends', async () => {
    await using sandbox = await createSandbox();
    await send(sandbox, application(sandbox));
    const app = { clientId: sandbox.clientId, mailbox: sandbox.mailbox, user: undefined };
    expect(last(sandbox)).toMatchObject({ grant: 'client_credentials', credential: 'secret', from: app });
  });

  test('expired, wrong, of an app that is disabled, blocked by a policy', async () => {
    await using sandbox = await createSandbox({
      tenants: [{ apps: [{ secrets: ['good', { value: 'old', expiresAt: 0 }] }] }],
    });
    expect(await row(send(sandbox, application(sandbox, { credential: 'old' })))).toBe('entra-secret-expired');
    expect(await row(send(sandbox, application(sandbox, { credential: 'bad' })))).toBe('entra-secret-wrong');
    sandbox.directory.update((directory) =>
      editTenant(directory, sandbox.tenantId, (tenant) => ({
        ...tenant,
        conditionalAccess: { ...tenant.conditionalAccess, apps: 'block' },
      })),
    );
    expect(await row(send(sandbox, application(sandbox)))).toBe('entra-blocked-by-policy');
    sandbox.directory.update((directory) =>
      editApp(directory, sandbox.clientId, (app) => ({ ...app, enabled: false })),
    );
    expect(await row(send(sandbox, application(sandbox)))).toBe('entra-application-disabled');
  });

  test('with App RBAC in place of a permission; and for a mailbox out of its scope', async () => {
    const mailboxes = ['noreply@contoso.com', 'info@contoso.com'];
    await using sandbox = await createSandbox({
      tenants: [{ mailboxes, apps: [{ roleScope: ['noreply@contoso.com'] }] }],
    });
    await send(sandbox, application(sandbox));
    expect(last(sandbox).from).toMatchObject({ needsMailboxRights: false });
    expect(await row(send(sandbox, application(sandbox), 'info@contoso.com'))).toBe('smtp-token-refused');
  });

  test('for High Volume Email; and without its permission', async () => {
    const hve = 'bulk@contoso.com';
    const bulk = async (sandbox: Sandbox) =>
      send(sandbox, application(sandbox, { provider: 'hve' }), hve, { provider: 'hve', ...sandbox.hve.smtp });
    await using sandbox = await createSandbox({ tenants: [{ hve: [hve] }] });
    await bulk(sandbox);
    expect(last(sandbox)).toMatchObject({ scope: sandbox.hve.scope, from: { mailbox: hve } });
    await using without = await createSandbox({ tenants: [{ hve: [hve], apps: [{ roles: ['SMTP.SendAsApp'] }] }] });
    expect(await row(bulk(without))).toBe('hve-permission-missing');
  });
});

describe('certificate', () => {
  test('from PEM; and one that Entra does not know any more', async () => {
    const { cert, key } = selfSigned();
    const credential = { certificate: { pem: cert + key } };
    await using sandbox = await createSandbox({ tenants: [{ apps: [{ certificates: [cert] }] }] });
    await send(sandbox, application(sandbox, { credential }));
    expect(last(sandbox)).toMatchObject({ grant: 'client_credentials', credential: 'assertion' });
    withoutCertificates(sandbox);
    expect(await row(send(sandbox, application(sandbox, { credential })))).toBe('entra-assertion-signature');
  });

  test('that has expired', async () => {
    const { cert, key } = selfSigned(Date.now() - DAY);
    await using sandbox = await createSandbox({ tenants: [{ apps: [{ certificates: [cert] }] }] });
    const source = application(sandbox, { credential: { certificate: { pem: cert + key } } });
    expect(await row(send(sandbox, source))).toBe('entra-assertion-signature');
    expect((await source.health()).reasons.join('\n')).toContain('certificate 1 expired 24 hours ago');
  });

  test('from PFX; and with a passphrase that does not open it', async () => {
    const [der] = openPfx(MODERN_PFX, PASSPHRASE).certificates;
    const certificate = new X509Certificate(der ?? '').toString();
    await using sandbox = await createSandbox({ tenants: [{ apps: [{ certificates: [certificate] }] }] });
    const pfxFile = join(dir, 'app.pfx');
    writeFileSync(pfxFile, MODERN_PFX);
    for (const source of [{ pfx: MODERN_PFX }, { pfxFile }]) {
      const credential = { certificate: { ...source, passphrase: PASSPHRASE } };
      await send(sandbox, application(sandbox, { credential }));
      expect(last(sandbox)).toMatchObject({ credential: 'assertion', from: { clientId: sandbox.clientId } });
    }
    const credential = { certificate: { pfxFile, passphrase: 'another' } };
    expect(await row(send(sandbox, application(sandbox, { credential })))).toBe('input-option');
    const gone = { certificate: { pfxFile: join(dir, 'gone.pfx') } };
    expect(await row(send(sandbox, application(sandbox, { credential: gone })))).toBe('oauth-source-failed');
  });

  test('sent along with its issuers', async () => {
    const { leaf, authorities } = issuedBySomebody();
    const pem = [leaf, ...authorities].map(({ cert }) => cert).join('') + leaf.key;
    await using sandbox = await createSandbox({ tenants: [{ apps: [{ certificates: [leaf.cert] }] }] });
    await send(sandbox, application(sandbox, { credential: { certificate: { pem, sendChain: true } } }));
    expect(sandbox.inbox.messages).toHaveLength(1);
  });

  test('whose thumbprint is what the portal shows: SHA-1 as well as SHA-256, without colons', async () => {
    const { cert, key } = selfSigned();
    const { fingerprint, fingerprint256 } = new X509Certificate(cert);
    expect(await readCertificate({ pem: cert + key })).toMatchObject({
      thumbprint: fingerprint256.replaceAll(':', ''),
      thumbprintSha1: fingerprint.replaceAll(':', ''),
    });
  });
});

describe('federated assertion', () => {
  const issuer = 'https://token.actions.example';
  const federatedCredentials = [{ issuer, subject: 'repo:contoso/reports' }];
  const withIssuer = async () => {
    const sandbox = await createSandbox({ tenants: [{ apps: [{ federatedCredentials }] }] });
    const provider = await sandbox.entra.addIdentityProvider(issuer);
    return { sandbox, provider, [Symbol.asyncDispose]: () => sandbox.close() };
  };

  test('from a function; and for another subject, from an app that trusts nobody', async () => {
    await using made = await withIssuer();
    const { sandbox, provider } = made;
    const by = (subject: string) => application(sandbox, { credential: { assertion: () => provider.sign(subject) } });
    await send(sandbox, by('repo:contoso/reports'));
    expect(last(sandbox)).toMatchObject({ grant: 'client_credentials', credential: 'assertion' });
    expect(await row(send(sandbox, by('repo:Contoso/reports')))).toBe('entra-federation-mismatch');
    sandbox.directory.update((directory) =>
      editApp(directory, sandbox.clientId, (app) => ({ ...app, federatedCredentials: [] })),
    );
    expect(await row(send(sandbox, by('repo:contoso/reports')))).toBe('entra-federation-missing');
  });

  test('from a file that the platform renews; and from one it does not', async () => {
    await using made = await withIssuer();
    const { sandbox, provider } = made;
    const assertionFile = join(dir, 'token');
    const source = application(sandbox, { credential: { assertionFile } });
    writeFileSync(assertionFile, `${await provider.sign('repo:contoso/reports')}\n`);
    await send(sandbox, source);
    const old = Math.floor(Date.now() / 1000) - 3600;
    writeFileSync(assertionFile, await provider.sign('repo:contoso/reports', { iat: old, nbf: old, exp: old + 600 }));
    expect(await row(send(sandbox, source))).toBe('entra-client-assertion-time');
  });
});

describe('several credentials', () => {
  test('fall over from what does not work any more, loudly; and say what each of them met', async () => {
    const { cert, key } = selfSigned();
    await using sandbox = await createSandbox();
    const events: string[] = [];
    const certificate = { certificate: { pem: cert + key } };
    const source = application(sandbox, {
      credential: [certificate, sandbox.clientSecret],
      onEvent: (event) => events.push(event.type),
    });
    await send(sandbox, source);
    expect(events).toEqual(['expiring', 'credential-failed']);
    expect(last(sandbox)).toMatchObject({ credential: 'secret' });
    expect(await source.health()).toMatchObject({ status: 'degraded', failed: [{ credential: 'certificate 1' }] });
    const none = await failure(send(sandbox, application(sandbox, { credential: [certificate, 'wrong'] })));
    expect(explain(none).id).toBe('entra-assertion-signature');
    expect(none).toMatchObject({ hint: expect.stringContaining('secret 1: invalid_client AADSTS7000215') });
  });
});

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

describe('across tenants', () => {
  const tenants = [
    { apps: [{ clientId: APP, multiTenant: true }] },
    { name: 'Fabrikam', domains: ['fabrikam.onmicrosoft.com', 'fabrikam.com'], apps: [] },
  ];
  const customerAdmin = 'admin@fabrikam.onmicrosoft.com';

  test('sends from a mailbox of the tenant that agreed', async () => {
    await using sandbox = await createSandbox({ tenants });
    const customer = sandbox.directory.current.tenants[1];
    const { url, state } = adminConsentUrl({ clientId: APP, redirectUri: REDIRECT, cloud: cloudOf(sandbox) });
    const { tenantId } = parseAdminConsent(sandbox.entra.signIn(url, { as: customerAdmin }), { state });
    expect(tenantId).toBe(customer?.id);
    grantInExchange(sandbox, tenantId, APP);
    const mailbox = customer?.mailboxes[0]?.address ?? '';
    await send(sandbox, application(sandbox, { tenantId }), mailbox);
    expect(last(sandbox).from).toMatchObject({ mailbox, tenantId });
  });

  test('before the tenant agreed, and when its administrator declines', async () => {
    await using sandbox = await createSandbox({ tenants });
    const customer = application(sandbox, { tenantId: 'fabrikam.com' });
    expect(await row(send(sandbox, customer, 'noreply@fabrikam.com'))).toBe('entra-service-principal-missing');
    const { url, state } = adminConsentUrl({ clientId: APP, redirectUri: REDIRECT, cloud: cloudOf(sandbox) });
    const no = sandbox.entra.signIn(url, { as: customerAdmin, consent: false });
    expect(await row(Promise.resolve().then(() => parseAdminConsent(no, { state })))).toBe('entra-consent-declined');
    const other = sandbox.entra.signIn(url, { as: ADMIN });
    const expected = { state, tenantId: sandbox.directory.current.tenants[1]?.id };
    expect(await row(Promise.resolve().then(() => parseAdminConsent(other, expected)))).toBe('oauth-callback');
  });
});

describe('managed identity', () => {
  const assigned = { resourceId: '/subscriptions/1/resourceGroups/mail/providers/identity/mailer' };
  // MSAL finds out once for a process what it runs on: one sandbox for these tests.
  let sandbox: Sandbox;
  beforeAll(async () => {
    const apps = [{}, { managedIdentity: true as const }, { clientId: APP, managedIdentity: assigned }];
    sandbox = await createSandbox({ tenants: [{ apps }] });
    for (const [name, value] of Object.entries(sandbox.managedIdentity.appService)) vi.stubEnv(name, value);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await sandbox.close();
  });

  test('of the machine, and one that was assigned to it', async () => {
    await send(sandbox, entraManagedIdentity());
    const system = sandbox.inbox.messages.at(-1)?.identity?.clientId;
    expect(last(sandbox)).toMatchObject({ grant: 'managed_identity', credential: 'none', clientId: system });
    await send(sandbox, entraManagedIdentity({ clientId: APP }));
    expect(last(sandbox)).toMatchObject({ grant: 'managed_identity', from: { clientId: APP } });
    await send(sandbox, entraManagedIdentity(assigned));
    expect(last(sandbox).from).toMatchObject({ clientId: APP });
  });

  test('that does not exist, that the platform is too busy for, that Exchange does not know', async () => {
    const nobody = await failure(send(sandbox, entraManagedIdentity({ clientId: sandbox.tenantId })));
    expect(nobody).toMatchObject({ code: 'ERR_OAUTH_REFUSED', description: expect.stringContaining('not found') });
    sandbox.entra.next({ status: 429, retryAfter: 7 });
    const busy = await failure(send(sandbox, entraManagedIdentity()));
    expect(explain(busy)).toMatchObject({ id: 'entra-throttled', class: 'transient', retry: { wait: 7000 } });
    sandbox.directory.update((directory) =>
      editTenant(directory, sandbox.tenantId, (tenant) => ({ ...tenant, servicePrincipals: [] })),
    );
    expect(await row(send(sandbox, entraManagedIdentity()))).toBe('smtp-token-refused');
  });
});

describe('clouds', () => {
  const clouds = [
    ['worldwide', 'worldwide'],
    ['usgov', 'usgov'],
    ['usgov', 'usgov-dod'],
    ['china', 'china'],
  ] as const;

  test.for(clouds)('%s: what is known as %s sends, as an application and as a person', async ([cloud, name]) => {
    await using sandbox = await createSandbox({ tenants: [{ cloud }] });
    const known = { ...CLOUDS[name], authority: new URL(sandbox.url).origin };
    await send(sandbox, application(sandbox, { cloud: known }));
    expect(last(sandbox)).toMatchObject({ scope: known.applicationScope });
    const { token } = await connected(sandbox, entraConnect({ ...person(sandbox), cloud: known }));
    await send(sandbox, token);
    expect(last(sandbox).scope).toContain(known.delegatedScope);
    expect(sandbox.inbox.messages).toHaveLength(2);
  });

  test('the scope of another cloud', async () => {
    await using sandbox = await createSandbox({ tenants: [{ cloud: 'usgov' }] });
    const wrong = { ...CLOUDS.worldwide, authority: new URL(sandbox.url).origin };
    expect(await row(send(sandbox, application(sandbox, { cloud: wrong })))).toBe('entra-resource-unknown');
  });
});
