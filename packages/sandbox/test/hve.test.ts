import { describe, expect, test } from 'vitest';
import { createSandbox, type HveOptions, type IssueOptions, type Sandbox } from '../src/index.ts';
import { mailer, RawClient, requestToken, xoauth2 } from './clients.ts';
import { ask } from './grants.ts';

const ADDRESS = 'bulk@contoso.com';
const AUDIENCE = 'https://outlook.office.com';
const start = (hve: Partial<HveOptions> = {}) => createSandbox({ tenants: [{ hve: [{ address: ADDRESS, ...hve }] }] });
/** What the clients of the tests need, with the other SMTP server. */
const at = (sandbox: Sandbox): Sandbox => ({ ...sandbox, smtp: sandbox.hve.smtp, mailbox: ADDRESS });

async function login(sandbox: Sandbox, options: IssueOptions = {}, address: string = ADDRESS) {
  const client = await RawClient.secure(at(sandbox));
  const token = await sandbox.entra.issue({ audience: AUDIENCE, ...options });
  return { client, reply: await client.command(`AUTH XOAUTH2 ${xoauth2(address, token)}`) };
}

describe('High Volume Email', () => {
  test('takes mail inside the organization, with a token of an app or of the account itself', async () => {
    await using sandbox = await start();
    const { body } = await requestToken(sandbox, { scope: sandbox.hve.scope });
    const fields = { grant_type: 'password', username: ADDRESS, scope: sandbox.hve.scope };
    const password = sandbox.directory.current.tenants[0]?.users.find(({ upn }) => upn === ADDRESS)?.password;
    const own = await ask(sandbox, { ...fields, password });
    for (const token of [body['access_token'], own.body['access_token']]) {
      await mailer(at(sandbox), String(token)).sendMail({ from: ADDRESS, to: 'ada@contoso.com', text: 'all hands' });
    }
    expect(sandbox.inbox.messages.map(({ identity }) => [identity.mailbox, identity.user])).toEqual([
      [ADDRESS, undefined],
      [ADDRESS, ADDRESS],
    ]);
    expect(sandbox.sessions.map(({ id }) => id)).toEqual([1, 2]);
  });

  test('greets with its own name, announces 10 MB, and does not care for the SMTP AUTH switch', async () => {
    await using sandbox = await createSandbox({ tenants: [{ smtpAuth: false, hve: [ADDRESS] }] });
    using client = RawClient.dial(at(sandbox));
    expect(await client.reply()).toContain('.smtp.hve.mx.microsoft Microsoft ESMTP MAIL Service ready');
    expect(await client.command('EHLO a')).toContain('250-SIZE 10485760\n');
    expect((await login(sandbox)).reply).toMatch(/^235 /);
  });

  type Case = [what: string, reply: string, options: IssueOptions, hve?: Partial<HveOptions>, address?: string];
  test.for<Case>([
    ['a token that expires soon', '535 5.7.142 Token will expire soon', { lifetime: 599_000 }],
    ['a token that has expired', '535 5.7.143 Expired token', { lifetime: -1000 }],
    [
      'a token without Mail.Send',
      '535 5.7.144 XOAUTH2 authentication failed.',
      { claims: { roles: ['SMTP.SendAsApp'] } },
    ],
    ['a token for the other host', '535 5.7.3 ', { audience: 'https://outlook.office365.com' }],
    ["another user's token", '535 5.7.3 ', { user: 'noreply@contoso.com', claims: { scp: 'Mail.Send' } }],
    ['a mailbox that is no HVE account', '550 5.2.240 ', {}, {}, 'noreply@contoso.com'],
    ['a billing policy that is gone', '550 5.7.1 ', {}, { billing: 'BillingPolicyNotFound' }],
  ])('refuses %s', async ([, expected, options, hve, address]) => {
    await using sandbox = await start(hve);
    const { client, reply } = await login(sandbox, options, address);
    client.close();
    expect(reply.slice(0, expected.length)).toBe(expected);
  });

  test('lets in the apps that are allowed and no other, and takes no app for allowed that is not there', async () => {
    const clientId = '3f1d5a52-7f5e-4f0e-9a55-0c1f7c1f2b10';
    await using sandbox = await createSandbox({
      tenants: [{ apps: [{}, { clientId }], hve: [{ address: ADDRESS, allowedApps: [clientId] }] }],
    });
    expect((await login(sandbox)).reply).toMatch(/^550 5\.7\.240 The application is not allowed for use/);
    expect((await login(sandbox, { clientId })).reply).toMatch(/^235 /);
    await expect(start({ allowedApps: ['nobody'] })).rejects.toThrow('no app nobody to allow for bulk@contoso.com');
  });

  test('tells what is wrong with a malformed response', async () => {
    await using sandbox = await start();
    using client = await RawClient.secure(at(sandbox));
    const attempt = (text: string) => client.command(`AUTH XOAUTH2 ${Buffer.from(text).toString('base64')}`);
    expect(await client.command('AUTH XOAUTH2 not*base64')).toMatch(/^501 5\.5\.126 /);
    expect(await attempt('auth=Bearer t\u0001\u0001')).toMatch(/^501 5\.5\.122 /);
    expect(await attempt('user=a\u0001auth=Basic t\u0001\u0001')).toMatch(/^501 5\.5\.123 /);
    expect(await attempt('user=a\u0001auth=Bearer \u0001\u0001')).toMatch(/^501 5\.5\.124 /);
    expect(await attempt('user=a\u0001auth=Bearer t')).toMatch(/^501 5\.5\.121 /);
  });

  test('wants one sender everywhere, recipients of the organization, and no more than 50', async () => {
    await using sandbox = await start();
    const { client } = await login(sandbox);
    expect(await client.command('MAIL FROM:<noreply@contoso.com>')).toMatch(/^550 5\.7\.62 /);
    expect(await client.command(`MAIL FROM:<${ADDRESS}> SIZE=10485761`)).toMatch(/^552 5\.3\.4 /);
    expect(await client.command(`MAIL FROM:<${ADDRESS}>`)).toMatch(/^250 /);
    expect(await client.command('RCPT TO:<ada@example.com>')).toMatch(/^550 5\.7\.1 /);
    for (let count = 0; count < 50; count += 1) {
      expect(await client.command(`RCPT TO:<user${count}@contoso.com>`)).toMatch(/^250 /);
    }
    expect(await client.command('RCPT TO:<one-more@contoso.com>')).toMatch(/^452 4\.5\.3 /);
    await client.command('DATA');
    expect(await client.command('From: noreply@contoso.com\r\n\r\n.')).toMatch(/^550 5\.6\.241 /);
    client.close();
  });
});
