import { expect, test } from 'vitest';
import { createSandbox, type Sandbox, type SandboxOptions } from '../src/index.ts';
import { mailer } from './clients.ts';
import { ask, numberOf, SMTP_SEND } from './grants.ts';

const GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

async function start(sandbox: Sandbox, changes: Record<string, string> = {}, tenant = sandbox.tenantId) {
  const endpoint = new URL(`/${tenant}/oauth2/v2.0/devicecode`, sandbox.url);
  const body = new URLSearchParams({ client_id: sandbox.clientId, scope: SMTP_SEND, ...changes });
  const answer = await fetch(endpoint, { method: 'POST', body });
  return (await answer.json()) as Record<string, string> & { error_codes?: number[] };
}
const poll = (sandbox: Sandbox, code: string | undefined) =>
  ask(sandbox, { grant_type: GRANT, device_code: String(code) });

const eager = { entra: { deviceCodeInterval: 0 } } satisfies SandboxOptions;

test('a device waits until its code was approved, and then sends mail', async () => {
  await using sandbox = await createSandbox(eager);
  const { device_code: code, ...started } = await start(sandbox);
  expect(started).toEqual({
    user_code: expect.stringMatching(/^[A-Z]{9}$/),
    verification_uri: `${sandbox.url}devicelogin`,
    expires_in: 900,
    interval: 0,
    message: `To sign in, use a web browser to open the page ${sandbox.url}devicelogin and enter the code ${started['user_code']} to authenticate.`,
  });
  expect(await poll(sandbox, code)).toMatchObject({
    status: 400,
    body: { error: 'authorization_pending', error_codes: [70016] },
  });
  sandbox.entra.approveDevice(started['user_code'] ?? '', { as: sandbox.mailbox });
  const { body } = await poll(sandbox, code);
  expect(body).toHaveProperty('refresh_token');
  await mailer(sandbox, String(body['access_token'])).sendMail({ from: sandbox.mailbox, to: 'a@example.com' });
  expect(sandbox.inbox.messages[0]?.identity.user).toBe(sandbox.mailbox);
  expect(numberOf(await poll(sandbox, code))).toBe(70000);
});

test('a device that asks too often is told to slow down, and one that waits too long to start again', async () => {
  let now = 1_000_000;
  await using sandbox = await createSandbox({ now: () => now });
  const { device_code: code, user_code: userCode = '', interval } = await start(sandbox);
  expect(interval).toBe(5);
  expect((await poll(sandbox, code)).body['error']).toBe('authorization_pending');
  now += 4000;
  expect((await poll(sandbox, code)).body['error']).toBe('slow_down');
  now += 5000;
  expect((await poll(sandbox, code)).body['error']).toBe('authorization_pending');
  now += 900_000;
  expect((await poll(sandbox, code)).body).toMatchObject({ error: 'expired_token', error_codes: [70020] });
  expect(() => sandbox.entra.approveDevice(userCode, { as: sandbox.mailbox })).toThrow('AADSTS70019');
});

test('a sign-in that is declined, a code nobody knows, an app that may not', async () => {
  await using sandbox = await createSandbox(eager);
  const { device_code: code, user_code: userCode = '' } = await start(sandbox);
  sandbox.entra.approveDevice(userCode, { as: sandbox.mailbox, consent: false });
  expect((await poll(sandbox, code)).body['error']).toBe('authorization_declined');
  expect(() => sandbox.entra.approveDevice(userCode, { as: sandbox.mailbox })).toThrow('AADSTS70018');
  expect((await poll(sandbox, 'made up')).body).toMatchObject({ error: 'bad_verification_code' });
  expect((await start(sandbox, {}, 'common')).error_codes).toEqual([50059]);
  expect((await start(sandbox, { client_id: 'nobody' })).error_codes).toEqual([700016]);
  await using confidential = await createSandbox({ ...eager, tenants: [{ apps: [{ publicClient: false }] }] });
  const other = await start(confidential);
  confidential.entra.approveDevice(other['user_code'] ?? '', { as: confidential.mailbox });
  expect(numberOf(await poll(confidential, other['device_code']))).toBe(7000218);
});

test('the page takes the code, then the account', async () => {
  await using sandbox = await createSandbox(eager);
  const page = new URL('/devicelogin', sandbox.url);
  expect(await (await fetch(page)).text()).toContain('Enter the code');
  expect((await fetch(`${page.href}?code=WRONG`)).status).toBe(400);
  const { device_code: code, user_code: userCode = '' } = await start(sandbox);
  const url = `${page.href}?code=${userCode.toLowerCase()}`;
  expect(await (await fetch(url)).text()).toContain(`<button>${sandbox.mailbox}`);
  const post = (account: string) => fetch(url, { method: 'POST', body: new URLSearchParams({ account }) });
  expect((await post('ghost@contoso.com')).status).toBe(400);
  expect(await (await post(sandbox.mailbox)).text()).toContain('You have signed in on your device');
  expect((await poll(sandbox, code)).status).toBe(200);
});
