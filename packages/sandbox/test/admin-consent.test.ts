import { expect, test } from 'vitest';
import { createSandbox, editTenant, type Sandbox, type SandboxOptions } from '../src/index.ts';
import { RawClient, requestToken, xoauth2 } from './clients.ts';
import { claimsOf, numberOf, parametersOf } from './grants.ts';

const clientId = '3f1d5a52-7f5e-4f0e-9a55-0c1f7c1f2b10';
const admin = 'admin@fabrikam.com';
/** An app of Contoso, a mailbox at Fabrikam, and no consent there yet. */
const twoTenants = {
  tenants: [{ apps: [{ clientId, multiTenant: true }] }, { name: 'Fabrikam', domains: ['fabrikam.com'], apps: [] }],
} satisfies SandboxOptions;

function consentUrl(sandbox: Sandbox, tenant = 'fabrikam.com', changes: Record<string, string> = {}): string {
  const url = new URL(`/${tenant}/v2.0/adminconsent`, sandbox.url);
  const scope = 'https://outlook.office365.com/.default';
  const query = { client_id: clientId, scope, redirect_uri: 'http://localhost/callback', state: 's', ...changes };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url.href;
}

test('with consent an app of one tenant gets tokens of another, and sends there once Exchange knows it', async () => {
  await using sandbox = await createSandbox(twoTenants);
  const endpoint = sandbox.tokenEndpoint.replace(sandbox.tenantId, 'fabrikam.com');
  expect(numberOf(await requestToken(sandbox, {}, endpoint))).toBe(7000229);
  const [, fabrikam] = sandbox.directory.current.tenants;
  expect(parametersOf(sandbox.entra.signIn(consentUrl(sandbox), { as: admin }))).toEqual({
    admin_consent: 'True',
    tenant: fabrikam?.id,
    scope: 'https://outlook.office365.com/.default',
    state: 's',
  });
  const token = String((await requestToken(sandbox, {}, endpoint)).body['access_token']);
  expect(claimsOf(token)).toMatchObject({ roles: ['SMTP.SendAsApp'], tid: fabrikam?.id });
  using client = await RawClient.secure(sandbox);
  const auth = `AUTH XOAUTH2 ${xoauth2('noreply@fabrikam.com', token)}`;
  expect(await client.command(auth)).toMatch(/^535 5\.7\.3 /);

  const objectId = String(claimsOf(token)['oid']);
  sandbox.directory.update((directory) =>
    editTenant(directory, fabrikam?.id ?? '', (tenant) => ({
      ...tenant,
      servicePrincipals: [{ clientId, objectId }],
    })),
  );
  expect(await client.command(auth)).toBe('235 2.7.0 Authentication successful');
});

test('who refuses, goes back with an error; who may not consent, goes nowhere', async () => {
  await using sandbox = await createSandbox(twoTenants);
  expect(parametersOf(sandbox.entra.signIn(consentUrl(sandbox), { as: admin, consent: false }))).toMatchObject({
    error: 'access_denied',
    error_description: expect.stringContaining('AADSTS65004'),
    admin_consent: 'True',
    state: 's',
  });
  const page = (url: string, as: string) => () => sandbox.entra.signIn(url, { as });
  expect(page(consentUrl(sandbox), 'noreply@fabrikam.com')).toThrow('AADSTS90094');
  expect(page(consentUrl(sandbox), 'admin@contoso.onmicrosoft.com')).toThrow('AADSTS50020');
  expect(page(consentUrl(sandbox, 'consumers'), admin)).toThrow('AADSTS9002332');
  expect(page(consentUrl(sandbox, 'fabrikam.com', { redirect_uri: 'https://evil.test' }), admin)).toThrow(
    'AADSTS50011',
  );
  expect(page(consentUrl(sandbox, 'fabrikam.com', { client_id: 'nobody' }), admin)).toThrow('AADSTS700016');
  sandbox.directory.update((directory) =>
    editTenant(directory, directory.tenants[1]?.id ?? '', (tenant) => ({ ...tenant, exchangeOnline: 'missing' })),
  );
  expect(page(consentUrl(sandbox), admin)).toThrow('AADSTS650052');
});

test('on /organizations the tenant is the administrator’s', async () => {
  await using sandbox = await createSandbox(twoTenants);
  const back = parametersOf(sandbox.entra.signIn(consentUrl(sandbox, 'organizations'), { as: admin }));
  expect(back['tenant']).toBe(sandbox.directory.current.tenants[1]?.id);
});

test('the page asks who, then whether', async () => {
  await using sandbox = await createSandbox(twoTenants);
  const url = consentUrl(sandbox);
  expect(await (await fetch(url)).text()).toContain(`<button>${admin}`);
  const post = (fields: Record<string, string>) =>
    fetch(url, { method: 'POST', redirect: 'manual', body: new URLSearchParams(fields) });
  expect(await (await post({ account: admin })).text()).toContain('<button>Accept');
  expect((await post({ account: admin, consent: 'yes' })).headers.get('location')).toContain('admin_consent=True');
});
