// National clouds: what stands for mail there, and that one cloud's does not count in another.
import { expect, test } from 'vitest';
import { createSandbox } from '../src/index.ts';
import { mailer, RawClient, requestToken, xoauth2 } from './clients.ts';
import { authorizeUrl, ask, claimsOf, parametersOf, REDIRECT } from './grants.ts';

const CLOUDS = [
  ['worldwide', 'https://outlook.office365.com', 'https://sts.windows.net', 'login.microsoftonline.com'],
  ['usgov', 'https://outlook.office365.us', 'https://sts.windows.net', 'login.microsoftonline.us'],
  ['china', 'https://partner.outlook.cn', 'https://sts.chinacloudapi.cn', 'login.partner.microsoftonline.cn'],
] as const;

test.each(CLOUDS)('%s: an app asks for %s, and mail is accepted', async (cloud, resource, issuer, login) => {
  await using sandbox = await createSandbox({ tenants: [{ cloud }] });
  expect(sandbox.scope).toBe(`${resource}/.default`);
  const { body } = await requestToken(sandbox);
  expect(claimsOf(body['access_token'])).toMatchObject({ aud: resource, iss: `${issuer}/${sandbox.tenantId}/` });
  await mailer(sandbox, String(body['access_token'])).sendMail({ from: sandbox.mailbox, to: 'ada@example.com' });
  expect(sandbox.inbox.messages).toHaveLength(1);
  const discovery = await fetch(`${sandbox.url}${sandbox.tenantId}/v2.0/.well-known/openid-configuration`);
  expect(await discovery.json()).toMatchObject({ issuer: `https://${login}/${sandbox.tenantId}/v2.0` });
});

test.each(CLOUDS)('%s: a user signs in for %s', async (cloud, resource, _, login) => {
  await using sandbox = await createSandbox({ tenants: [{ cloud }] });
  const { url, verifier } = authorizeUrl(sandbox, { scope: `${resource}/SMTP.Send openid offline_access` });
  const { code } = parametersOf(sandbox.entra.signIn(url, { as: sandbox.mailbox }));
  const { body } = await ask(sandbox, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: REDIRECT,
    code_verifier: verifier,
  });
  expect(claimsOf(body['id_token'])).toMatchObject({ iss: `https://${login}/${sandbox.tenantId}/v2.0` });
  await expect(mailer(sandbox, String(body['access_token'])).verify()).resolves.toBe(true);
});

test.each([
  ['usgov', 'https://outlook.office365.com/.default'],
  ['worldwide', 'https://outlook.office365.us/.default'],
  ['china', 'https://outlook.office365.us/.default'],
] as const)('a tenant in %s knows no %s', async (cloud, scope) => {
  await using sandbox = await createSandbox({ tenants: [{ cloud }] });
  expect((await requestToken(sandbox, { scope })).body['error_codes']).toEqual([500011]);
});

test('Exchange refuses a token for the Exchange of another cloud', async () => {
  await using sandbox = await createSandbox({ tenants: [{ cloud: 'usgov' }] });
  const token = await sandbox.entra.issue({ audience: 'https://outlook.office365.com' });
  using client = await RawClient.secure(sandbox);
  expect(await client.command(`AUTH XOAUTH2 ${xoauth2(sandbox.mailbox, token)}`)).toMatch(/^535 5\.7\.3 /);
  expect(sandbox.sessions[0]?.entries.at(-2)?.text).toContain('Exchange Online in another cloud');
});

test('a workload identity has the audience of its cloud', async () => {
  const federatedCredentials = [{ issuer: 'https://issuer.example', subject: 'build' }];
  await using sandbox = await createSandbox({ tenants: [{ cloud: 'usgov', apps: [{ federatedCredentials }] }] });
  const provider = await sandbox.entra.addIdentityProvider('https://issuer.example');
  const withAudience = async (aud?: string) => {
    const assertion = await provider.sign('build', aud === undefined ? {} : { aud });
    const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
    const proof = { client_secret: undefined, client_assertion: assertion, client_assertion_type: type };
    return (await requestToken(sandbox, proof)).status;
  };
  expect(await withAudience('api://AzureADTokenExchangeUSGov')).toBe(200);
  expect(await withAudience()).toBe(401);
});
