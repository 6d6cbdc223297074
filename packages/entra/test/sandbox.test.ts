// Every grant from end to end: a token from the sandbox's Entra, mail into the sandbox's Exchange, and each grant's typical
// failure with the explanation a person gets.
import { createMailer, memoryTokenStore, type TokenSource } from '@mailgrant/core';
import { explain } from '@mailgrant/core/diagnosis';
import { createSandbox, editApp, editTenant, editUser, type Sandbox, type SandboxOptions } from '@mailgrant/sandbox';
import { describe, expect, test } from 'vitest';
import {
  adminConsentUrl,
  entraApp,
  type EntraAppOptions,
  entraConnect,
  entraDeviceCode,
  entraPassword,
  parseAdminConsent,
  WrongAccountError,
} from '../src/index.ts';
import { selfSigned } from './certificates.ts';

const REDIRECT = 'http://localhost/callback';
const ADMIN = 'admin@contoso.onmicrosoft.com';

const cloudOf = (sandbox: Sandbox) => ({
  authority: new URL(sandbox.url).origin,
  applicationScope: sandbox.scope,
  delegatedScope: 'https://outlook.office.com/SMTP.Send',
});

const application = (sandbox: Sandbox, more: Partial<EntraAppOptions> = {}) =>
  entraApp({
    tenantId: sandbox.tenantId,
    clientId: sandbox.clientId,
    credential: sandbox.clientSecret,
    cloud: cloudOf(sandbox),
    ...more,
  });

const person = (sandbox: Sandbox, mailbox: string = sandbox.mailbox) => ({
  tenantId: sandbox.tenantId,
  clientId: sandbox.clientId,
  cloud: cloudOf(sandbox),
  store: memoryTokenStore(),
  redirectUri: REDIRECT,
  mailbox,
});

/** Sends one mail, and says what became of it. */
async function send(sandbox: Sandbox, token: TokenSource, user: string = sandbox.mailbox): Promise<void> {
  const { smtp, ca } = sandbox;
  await using mailer = createMailer({ provider: 'microsoft365', ...smtp, ca, user, token });
  const envelope = { from: user, to: ['guest@example.com'] };
  await mailer.send({ envelope, message: `From: ${user}\r\nSubject: Hello\r\n\r\nHello\r\n` });
}

async function failure(work: Promise<unknown>): Promise<Error> {
  const outcome = await work.catch((error: unknown) => error);
  if (outcome instanceof Error) return outcome;
  throw new Error('it worked');
}

/** The failure's row in the catalogue. */
const row = async (work: Promise<unknown>) => {
  const { id } = explain(await failure(work));
  return id;
};

describe('an application', () => {
  test('with a secret; and with one that expired', async () => {
    await using sandbox = await createSandbox();
    await send(sandbox, application(sandbox));
    expect(sandbox.inbox.messages[0]?.identity).toMatchObject({ mailbox: sandbox.mailbox });
    sandbox.directory.update((directory) =>
      editApp(directory, sandbox.clientId, (app) => ({
        ...app,
        secrets: app.secrets.map((secret) => ({ ...secret, expiresAt: 0 })),
      })),
    );
    expect(await row(send(sandbox, application(sandbox)))).toBe('entra-secret-expired');
  });

  test('with a certificate; and with one Entra does not know', async () => {
    const { cert, key } = selfSigned();
    const credential = { certificate: { pem: cert + key } };
    await using sandbox = await createSandbox({ tenants: [{ apps: [{ certificates: [cert] }] }] });
    await send(sandbox, application(sandbox, { credential }));
    expect(sandbox.tokenRequests.at(-1)).toMatchObject({ credential: 'assertion' });
    sandbox.directory.update((directory) =>
      editApp(directory, sandbox.clientId, (app) => ({ ...app, certificates: [] })),
    );
    expect(await row(send(sandbox, application(sandbox, { credential })))).toBe('entra-assertion-signature');
  });

  test('with a token of another issuer; and with one for another subject', async () => {
    const issuer = 'https://token.actions.example';
    const federatedCredentials = [{ issuer, subject: 'repo:contoso/reports' }];
    await using sandbox = await createSandbox({ tenants: [{ apps: [{ federatedCredentials }] }] });
    const provider = await sandbox.entra.addIdentityProvider(issuer);
    const assertion = (subject: string) => ({ assertion: () => provider.sign(subject) });
    await send(sandbox, application(sandbox, { credential: assertion('repo:contoso/reports') }));
    expect(sandbox.tokenRequests.at(-1)).toMatchObject({ credential: 'assertion' });
    const both = [assertion('repo:Contoso/reports'), sandbox.clientSecret];
    await send(sandbox, application(sandbox, { credential: both }));
    const other = application(sandbox, { credential: assertion('repo:Contoso/reports') });
    expect(await row(send(sandbox, other))).toBe('entra-federation-mismatch');
  });

  test('falls over from a certificate that was taken away to a secret', async () => {
    const { cert, key } = selfSigned();
    await using sandbox = await createSandbox();
    const events: string[] = [];
    const source = application(sandbox, {
      credential: [{ certificate: { pem: cert + key } }, sandbox.clientSecret],
      onEvent: (event) => events.push(event.type),
    });
    await send(sandbox, source);
    expect(events).toEqual(['expiring', 'credential-failed']);
  });

  test("whose permission nobody consented to, whose object id is a wrong one (Humly's traps)", async () => {
    for (const app of [{ roles: [] }, { servicePrincipal: '66666666-6666-4666-8666-666666666666' }]) {
      await using sandbox = await createSandbox({ tenants: [{ apps: [app] }] });
      const error = await failure(send(sandbox, application(sandbox)));
      expect(error).toMatchObject({ code: 'ERR_SMTP_AUTH_REFUSED' });
    }
  });

  test("of tenant A with a mailbox in B (Business Central's trap): consent, then B's tenant id", async () => {
    const clientId = '3f1d5a52-7f5e-4f0e-9a55-0c1f7c1f2b11';
    const tenants = [
      { apps: [{ clientId, multiTenant: true }] },
      { name: 'Fabrikam', domains: ['fabrikam.onmicrosoft.com', 'fabrikam.com'], apps: [] },
    ] satisfies SandboxOptions['tenants'];
    await using sandbox = await createSandbox({ tenants });
    const [home, customer] = sandbox.directory.current.tenants;
    const mailbox = customer?.mailboxes[0]?.address ?? '';
    const inB = application(sandbox, { tenantId: customer?.id ?? '' });
    expect(await row(inB())).toBe('entra-service-principal-missing');

    const { url, state } = adminConsentUrl({ clientId, redirectUri: REDIRECT, cloud: cloudOf(sandbox) });
    const declined = sandbox.entra.signIn(url, { as: 'admin@fabrikam.onmicrosoft.com', consent: false });
    expect(() => parseAdminConsent(declined, { state })).toThrow(expect.objectContaining({ aadsts: 65_004 }));
    const callback = sandbox.entra.signIn(url, { as: 'admin@fabrikam.onmicrosoft.com' });
    expect(parseAdminConsent(callback, { state })).toMatchObject({ tenantId: customer?.id });

    // What the administrator of B runs in Exchange.
    sandbox.directory.update((directory) =>
      editTenant(directory, customer?.id ?? '', (tenant) => {
        const objectId = tenant.enterpriseApps.find((app) => app.clientId === clientId)?.objectId ?? '';
        return {
          ...tenant,
          servicePrincipals: [{ clientId, objectId }],
          mailboxes: tenant.mailboxes.map((one) => ({ ...one, fullAccess: [objectId] })),
        };
      }),
    );
    await send(sandbox, inB, mailbox);
    const inA = application(sandbox, { tenantId: home?.id ?? '' });
    expect(await failure(send(sandbox, inA, mailbox))).toMatchObject({ code: 'ERR_SMTP_AUTH_REFUSED' });
  });
});

describe('a person', () => {
  test('in the browser; and as another account, who declines, whose sign-in is revoked', async () => {
    await using sandbox = await createSandbox();
    const connection = entraConnect(person(sandbox));
    const { url, state } = await connection.begin();
    await connection.finish(sandbox.entra.signIn(url, { as: sandbox.mailbox }), { state });
    await send(sandbox, connection.token);
    await send(sandbox, connection.token); // with a rotated refresh token
    expect(sandbox.inbox.messages).toHaveLength(2);

    const wrong = await connection.begin();
    const callback = sandbox.entra.signIn(wrong.url, { as: ADMIN });
    expect(await failure(connection.finish(callback))).toBeInstanceOf(WrongAccountError);
    const declined = await connection.begin();
    const no = sandbox.entra.signIn(declined.url, {});
    expect(await failure(connection.finish(no))).toMatchObject({ code: 'ERR_OAUTH_REFUSED' });

    await send(sandbox, connection.token);
    sandbox.entra.revokeSignIns(sandbox.mailbox);
    expect(await row(send(sandbox, connection.token))).toBe('entra-grant-revoked');
    await connection.disconnect();
    expect(await failure(send(sandbox, connection.token))).toMatchObject({ code: 'ERR_OAUTH_NOT_CONNECTED' });
  });

  test('for a shared mailbox', async () => {
    const [ada, shared] = ['ada@contoso.com', 'shared@contoso.com'];
    await using sandbox = await createSandbox({
      tenants: [{ mailboxes: [ada, { address: shared, fullAccess: [ada] }] }],
    });
    const connection = entraConnect({ ...person(sandbox, shared), delegates: [ada] });
    const { url } = await connection.begin();
    await connection.finish(sandbox.entra.signIn(url, { as: ada }));
    await send(sandbox, connection.token, shared);
    expect(sandbox.inbox.messages[0]?.identity).toMatchObject({ mailbox: shared, user: ada });
  });

  test("on the page for all organizations (HostBill's other trap): only where the app is for several tenants", async () => {
    const begin = async (sandbox: Sandbox) => {
      const connection = entraConnect({ ...person(sandbox), tenantId: 'organizations' });
      const { url } = await connection.begin();
      return { connection, signIn: () => sandbox.entra.signIn(url, { as: sandbox.mailbox }) };
    };
    await using single = await createSandbox();
    expect((await begin(single)).signIn).toThrow('50194');
    await using several = await createSandbox({ tenants: [{ apps: [{ multiTenant: true }] }] });
    const { connection, signIn } = await begin(several);
    await connection.finish(signIn());
    await send(several, connection.token);
    expect(several.inbox.messages).toHaveLength(1);
  });

  test('of a web app that proves itself', async () => {
    await using sandbox = await createSandbox({ tenants: [{ apps: [{ publicClient: false }] }] });
    const connection = entraConnect({ ...person(sandbox), credential: ['expired', sandbox.clientSecret] });
    const { url } = await connection.begin();
    await connection.finish(sandbox.entra.signIn(url, { as: sandbox.mailbox }));
    await send(sandbox, connection.token);
    const bare = entraConnect(person(sandbox));
    const begun = await bare.begin();
    expect(await row(bare.finish(sandbox.entra.signIn(begun.url, { as: sandbox.mailbox })))).toBe(
      'entra-secret-missing',
    );
  });

  test('on another device; and one who declines', async () => {
    await using sandbox = await createSandbox({ entra: { deviceCodeInterval: 0 } });
    const codes = entraDeviceCode(person(sandbox));
    const { userCode, finished } = await codes.begin();
    sandbox.entra.approveDevice(userCode, { as: sandbox.mailbox });
    expect(await finished).toMatchObject({ username: sandbox.mailbox });
    await send(sandbox, codes.token);
    const second = await codes.begin();
    sandbox.entra.approveDevice(second.userCode, { consent: false });
    expect(await failure(second.finished)).toMatchObject({ error: 'authorization_declined' });
    await send(sandbox, codes.token); // the consent from before still holds
  });

  test('by password; and with a wrong one', async () => {
    await using sandbox = await createSandbox();
    sandbox.directory.update((directory) =>
      editUser(directory, sandbox.mailbox, (user) => ({ ...user, password: 'right pässword' })),
    );
    const source = (password: string) =>
      entraPassword({
        tenantId: sandbox.tenantId,
        clientId: sandbox.clientId,
        cloud: cloudOf(sandbox),
        scope: 'https://outlook.office.com/SMTP.Send',
        username: sandbox.mailbox,
        password,
      });
    await send(sandbox, source('right pässword'));
    expect(await row(source('wrong')())).toBe('entra-password-wrong');
  });
});
