// Every grant of an application from end to end (a person's are in grants-people.test.ts): a token from the sandbox's Entra by real MSAL, mail taken by the sandbox's Exchange with it, and
// the grant's typical failures with the row of the catalogue that explains them.
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { explain } from '@mailgrant/core/diagnosis';
import { createSandbox, editApp, editTenant, type Sandbox } from '@mailgrant/sandbox';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  adminConsentUrl,
  CLOUDS,
  entraConnect,
  entraManagedIdentity,
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
  connected,
  failure,
  grantInExchange,
  last,
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

/** Takes the certificates of the sandbox's app away. */
const withoutCertificates = (sandbox: Sandbox): void =>
  sandbox.directory.update((directory) =>
    editApp(directory, sandbox.clientId, (app) => ({ ...app, certificates: [] })),
  );

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
