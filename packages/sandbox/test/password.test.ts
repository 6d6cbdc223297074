import { expect, test } from 'vitest';
import { createSandbox, type SandboxOptions, type TenantOptions } from '../src/index.ts';
import { requestToken } from './clients.ts';
import { ask, claimsOf, numberOf, SMTP_SEND } from './grants.ts';

const fields = { grant_type: 'password', scope: SMTP_SEND };

test("a user's password gets a token in that user's name, with what was consented to", async () => {
  await using sandbox = await createSandbox();
  const { mailbox: username, password } = sandbox;
  const scope = 'https://outlook.office.com/.default';
  const { status, body } = await ask(sandbox, { ...fields, username, password, scope });
  expect(status).toBe(200);
  expect(claimsOf(body['access_token'])).toMatchObject({ scp: 'SMTP.Send Mail.Send', upn: username });
  expect(body).not.toHaveProperty('refresh_token');
  expect(sandbox.tokenRequests).toMatchObject([{ grant: 'password', user: username }]);
});

const tenant = (options: TenantOptions): SandboxOptions => ({ tenants: [options] });
const user = (changes: object): SandboxOptions =>
  tenant({ users: [{ upn: 'noreply@contoso.com', password: 'right', ...changes }] });

test.for<
  [what: string, number: number, changes: Record<string, string | undefined>, options?: SandboxOptions, path?: string]
>([
  ['a wrong password', 50126, { password: 'wrong' }],
  ['an unknown user', 50034, { username: 'ghost@contoso.com' }],
  ['no user name', 90014, { username: undefined }],
  ['no password', 90014, { password: undefined }],
  ['no scope', 900144, { scope: undefined }],
  ['a disabled user', 50057, {}, user({ enabled: false })],
  ['an expired password', 50055, {}, user({ passwordExpiresAt: 1 })],
  ['multi-factor authentication', 50076, {}, tenant({ ...user({}).tenants?.[0], conditionalAccess: { users: 'mfa' } })],
  ['security defaults', 530035, {}, tenant({ ...user({}).tenants?.[0], securityDefaults: true })],
  ['missing consent', 65001, {}, tenant({ ...user({}).tenants?.[0], apps: [{ scopes: [] }] })],
  ['a tenant without Exchange', 500011, {}, tenant({ ...user({}).tenants?.[0], exchangeOnline: 'missing' })],
  ['a tenant with Exchange disabled', 500014, {}, tenant({ ...user({}).tenants?.[0], exchangeOnline: 'disabled' })],
  ['an app that is not public', 7000218, {}, tenant({ ...user({}).tenants?.[0], apps: [{ publicClient: false }] })],
  ['everyone’s endpoint', 9001023, {}, user({}), 'common'],
])('is refused: %s', async ([, number, changes, options = user({}), path]) => {
  await using sandbox = await createSandbox(options);
  const endpoint = sandbox.tokenEndpoint.replace(sandbox.tenantId, path ?? sandbox.tenantId);
  const answer = await requestToken(
    sandbox,
    { client_secret: undefined, ...fields, username: sandbox.mailbox, password: 'right', ...changes },
    endpoint,
  );
  expect(numberOf(answer)).toBe(number);
});

test('ten wrong passwords lock the account for a minute', async () => {
  let now = 1_000_000;
  await using sandbox = await createSandbox({ ...user({}), now: () => now });
  const attempt = (password: string) => ask(sandbox, { ...fields, username: sandbox.mailbox, password });
  for (let count = 0; count < 10; count += 1) expect(numberOf(await attempt('wrong'))).toBe(50126);
  expect(numberOf(await attempt('right'))).toBe(50053);
  now += 60_000;
  expect((await attempt('right')).status).toBe(200);
});
