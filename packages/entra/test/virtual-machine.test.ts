// The managed identity of a virtual machine, from its metadata service (IMDS). A file of its own: MSAL finds out once for a
// process what it runs on.
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { entraManagedIdentity } from '../src/index.ts';
import { row, send } from './sandboxed.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await createSandbox({ tenants: [{ apps: [{}, { managedIdentity: true }] }] });
  for (const [name, value] of Object.entries(sandbox.managedIdentity.imds)) vi.stubEnv(name, value);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await sandbox.close();
});

test('the identity of the machine sends', async () => {
  await send(sandbox, entraManagedIdentity());
  expect(sandbox.tokenRequests).toMatchObject([{ grant: 'managed_identity', outcome: 'issued' }]);
  expect(sandbox.inbox.messages).toMatchObject([{ identity: { clientId: sandbox.tokenRequests[0]?.clientId } }]);
});

test('one that was not assigned to the machine does not', async () => {
  const work = send(sandbox, entraManagedIdentity({ clientId: '66666666-6666-4666-8666-666666666666' }));
  await expect(work).rejects.toMatchObject({
    code: 'ERR_OAUTH_REFUSED',
    status: 400,
    error: 'invalid_request',
    description: 'Identity not found',
  });
});

test('a metadata service that keeps silent, or is not there yet, ends in time', async () => {
  sandbox.entra.next({ hang: true });
  expect(await row(send(sandbox, entraManagedIdentity({ timeout: 50 })))).toBe('oauth-timeout');
  sandbox.entra.next({ status: 404, body: 'not yet' });
  expect(await row(send(sandbox, entraManagedIdentity()))).toBe('oauth-unavailable');
});
