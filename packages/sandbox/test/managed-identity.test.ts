// Tokens for managed identities, asked for as Azure's own clients do (shapes: learn.microsoft.com, "how-to-use-vm-token"
// and "overview-managed-identity" of App Service).
import { expect, test } from 'vitest';
import { createSandbox, type Sandbox } from '../src/index.ts';
import { mailer, requestToken } from './clients.ts';
import { claimsOf } from './grants.ts';

const SYSTEM = 'aaaaaaaa-0000-4000-8000-000000000001';
const REPORTS = 'aaaaaaaa-0000-4000-8000-000000000002';
const RESOURCE_ID =
  '/subscriptions/1/resourceGroups/contoso/providers/Microsoft.ManagedIdentity/userAssignedIdentities/reports';

const system = { clientId: SYSTEM, managedIdentity: true } as const;
const reports = { clientId: REPORTS, managedIdentity: { resourceId: RESOURCE_ID } } as const;
const start = (...identities: object[]) => createSandbox({ tenants: [{ apps: [{}, ...identities] }] });

const RESOURCE = 'https://outlook.office365.com';

/** The metadata service of a virtual machine; with a slash at the end, as MSAL asks it. */
async function imds(
  sandbox: Sandbox,
  query: Record<string, string> = {},
  headers: Record<string, string> = { Metadata: 'true' },
) {
  const url = new URL(
    '/metadata/identity/oauth2/token',
    sandbox.managedIdentity.imds.AZURE_POD_IDENTITY_AUTHORITY_HOST,
  );
  const parameters = { 'api-version': '2018-02-01', resource: RESOURCE, ...query };
  for (const [name, value] of Object.entries(parameters)) if (value !== '') url.searchParams.set(name, value);
  const response = await fetch(url, { headers });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** App Service. */
async function appService(sandbox: Sandbox, query: Record<string, string> = {}, header?: string) {
  const { IDENTITY_ENDPOINT, IDENTITY_HEADER } = sandbox.managedIdentity.appService;
  const parameters = new URLSearchParams({ 'api-version': '2019-08-01', resource: RESOURCE, ...query });
  const headers = { 'X-IDENTITY-HEADER': header ?? IDENTITY_HEADER };
  const response = await fetch(`${IDENTITY_ENDPOINT}?${parameters.toString()}`, { headers });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

test('the machine’s own identity gets a token, and mail is accepted with it', async () => {
  await using sandbox = await start(reports, system);
  const { status, body } = await imds(sandbox);
  expect({ status, body }).toMatchObject({
    status: 200,
    body: { client_id: SYSTEM, resource: RESOURCE, token_type: 'Bearer', expires_in: '3599' },
  });
  expect(Number(body['expires_on'])).toBeGreaterThan(Date.now() / 1000 + 3000);
  expect(claimsOf(body['access_token'])).toMatchObject({
    appid: SYSTEM,
    appidacr: '2',
    idtyp: 'app',
    roles: ['SMTP.SendAsApp'],
    xms_mirid: expect.stringContaining('/Microsoft.Compute/virtualMachines/'),
  });
  const transport = mailer(sandbox, String(body['access_token']));
  await transport.sendMail({ from: sandbox.mailbox, to: 'ada@example.com', subject: 'without a secret' });
  expect(sandbox.inbox.messages[0]?.identity).toMatchObject({ clientId: SYSTEM, user: undefined });
  expect(sandbox.tokenRequests).toMatchObject([{ grant: 'managed_identity', clientId: SYSTEM, outcome: 'issued' }]);
});

test('App Service: the header is asked for, the answer has its shape', async () => {
  await using sandbox = await start(system);
  const { status, body } = await appService(sandbox);
  expect([status, Object.keys(body)]).toEqual([
    200,
    ['access_token', 'client_id', 'expires_on', 'resource', 'token_type'],
  ]);
  expect(await appService(sandbox, {}, 'guessed')).toMatchObject({
    status: 401,
    body: { statusCode: 401, message: expect.stringContaining('X-IDENTITY-HEADER') },
  });
  expect((await appService(sandbox, { 'api-version': '2017-09-01' })).status).toBe(400);
});

test.each([
  ['client_id', REPORTS],
  ['msi_res_id', RESOURCE_ID.toUpperCase()],
  ['mi_res_id', RESOURCE_ID],
  ['object_id', 'bbbbbbbb-0000-4000-8000-000000000003'],
  ['principal_id', 'bbbbbbbb-0000-4000-8000-000000000003'],
])('a user-assigned identity is found by %s', async (name, value) => {
  await using sandbox = await start(system, { ...reports, objectId: 'bbbbbbbb-0000-4000-8000-000000000003' });
  for (const ask of [imds, appService]) {
    const { body } = await ask(sandbox, { [name]: value });
    expect(claimsOf(body['access_token'])).toMatchObject({ appid: REPORTS, xms_mirid: RESOURCE_ID });
  }
});

test('what is wrong is told in the words of the metadata service', async () => {
  await using sandbox = await start(reports);
  const said = async (query: Record<string, string>, headers?: Record<string, string>) => {
    const { status, body } = await imds(sandbox, query, headers);
    return [status, body['error'], body['error_description']];
  };
  expect(await said({}, {})).toEqual([400, 'bad_request_102', 'Required metadata header not specified']);
  expect(await said({ client_id: SYSTEM })).toEqual([400, 'invalid_request', 'Identity not found']);
  expect(await said({ resource: '' })).toEqual([
    400,
    'invalid_request',
    "Required query variable 'resource' is missing",
  ]);
  expect(await said({ 'api-version': '2017-01-01' })).toMatchObject([400, 'invalid_request', /not supported/]);
  expect(await said({ resource: 'https://example.com' })).toMatchObject([400, 'invalid_resource', /^AADSTS500011/]);
  expect(sandbox.tokenRequests.at(-1)).toMatchObject({ outcome: 'refused', error: 'AADSTS500011' });
  await using none = await start();
  expect((await imds(none)).body).toEqual({ error: 'invalid_request', error_description: 'Identity not found' });
  await using several = await start(reports, { managedIdentity: { resourceId: '/subscriptions/other' } });
  expect((await imds(several)).body['error_description']).toMatch(/^Multiple user assigned identities exist/);
});

test('rights are those of any app: granted, taken away, blocked', async () => {
  await using sandbox = await start({ ...system, roles: [] });
  const send = async () => {
    const { body } = await imds(sandbox);
    const transport = mailer(sandbox, String(body['access_token']));
    return transport.sendMail({ from: sandbox.mailbox, to: 'ada@example.com' }).then(
      () => 'sent',
      (error: { response?: string }) => String(error.response),
    );
  };
  expect(await send()).toMatch(/^535 5\.7\.3 /);
  sandbox.admin('New-MgServicePrincipalAppRoleAssignment', { AppId: SYSTEM, AppRole: 'SMTP.SendAsApp' });
  expect(await send()).toBe('sent');
  sandbox.admin('Update-MgServicePrincipal', { AppId: SYSTEM, AccountEnabled: false });
  expect((await imds(sandbox)).body['error_description']).toMatch(/^AADSTS7000112/);
});

test('no secret stands for a managed identity, and nobody signs in with it', async () => {
  await using sandbox = await start(system);
  expect((await requestToken(sandbox, { client_id: SYSTEM })).body['error_codes']).toEqual([700016]);
  const url = new URL(`/${sandbox.tenantId}/oauth2/v2.0/authorize?client_id=${SYSTEM}`, sandbox.url);
  expect(() => sandbox.entra.signIn(url)).toThrow('AADSTS700016');
});

test('faults of the token endpoint strike here as well', async () => {
  await using sandbox = await start(system);
  sandbox.fault('token-throttled');
  expect((await imds(sandbox)).status).toBe(429);
  sandbox.entra.next({ status: 410 });
  expect((await imds(sandbox)).status).toBe(410);
  expect((await imds(sandbox)).status).toBe(200);
});
