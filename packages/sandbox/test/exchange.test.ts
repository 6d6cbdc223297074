import type { ConnectionOptions } from 'node:tls';
import { describe, expect, test } from 'vitest';
import {
  type AppOptions,
  createSandbox,
  editMailbox,
  type IssueOptions,
  type Sandbox,
  type SandboxOptions,
} from '../src/index.ts';
import { fetchToken, RawClient, requestToken, xoauth2 } from './clients.ts';

const HOST = String.raw`AM0SB01CA0001\.outlook\.office365\.com`;
const TRAILER = String.raw`\[\S+\.prod\.outlook\.com \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z 08[0-9A-F]{14}\]$`;
const ending = (text: string) => new RegExp(`^${text.replaceAll(/[.;,']/g, String.raw`\$&`)} ${TRAILER}`);

describe('before TLS', () => {
  test('the greeting and the extensions are those of Exchange Online', async () => {
    await using sandbox = await createSandbox();
    using client = RawClient.dial(sandbox);
    expect(await client.reply()).toMatch(
      new RegExp(
        String.raw`^220 ${HOST} Microsoft ESMTP MAIL Service ready at \w{3}, \d\d \w{3} \d{4} [\d:]{8} \+0000$`,
      ),
    );
    const [hello, ...extensions] = (await client.command('EHLO client.test')).split('\n');
    expect(hello).toMatch(new RegExp(String.raw`^250-${HOST} Hello \[127\.0\.0\.1\]$`));
    expect(extensions).toEqual([
      '250-SIZE 157286400',
      '250-PIPELINING',
      '250-DSN',
      '250-ENHANCEDSTATUSCODES',
      '250-STARTTLS',
      '250-8BITMIME',
      '250-BINARYMIME',
      '250-CHUNKING',
      '250 SMTPUTF8',
    ]);
  });

  test('nothing but STARTTLS leads on', async () => {
    await using sandbox = await createSandbox();
    using client = await RawClient.open(sandbox);
    expect(await client.command('MAIL FROM:<a@b.c>')).toBe('503 5.5.2 Send hello first');
    expect(await client.command('AUTH XOAUTH2')).toBe('503 5.5.2 Send hello first');
    await client.command('EHLO client.test');
    expect(await client.command('MAIL FROM:<a@b.c>')).toMatch(ending('451 5.7.3 STARTTLS is required to send mail'));
    expect(await client.command('AUTH XOAUTH2')).toMatch(ending('504 5.7.4 Unrecognized authentication type'));
    expect(await client.command('RCPT TO:<a@b.c>')).toBe('503 5.5.2 Need mail command');
    expect(await client.command('DATA')).toBe('503 5.5.2 Need mail command');
    expect(await client.command('NOOP')).toBe('250 2.0.0 OK');
    expect(await client.command('VRFY <a@b.c>')).toBe('252 2.1.5 Cannot VRFY user');
    expect(await client.command('FROB')).toBe("500 5.3.3 Unrecognized command 'FROB'");
    expect(await client.command('HELP')).toMatch(/^214-.*\n214 /);
    expect(await client.command('QUIT')).toBe('221 2.0.0 Service closing transmission channel');
    await client.closed();
  });

  test('bytes sent along with STARTTLS are not taken for commands under TLS', async () => {
    await using sandbox = await createSandbox();
    using client = await RawClient.open(sandbox);
    await client.command('EHLO client.test');
    client.write('STARTTLS\r\nEHLO injected.test\r\n');
    expect(await client.reply()).toBe('220 2.0.0 SMTP server ready');
    await client.startTls(sandbox);
    expect(await client.command('MAIL FROM:<a@b.c>')).toBe('503 5.5.2 Send hello first');
    expect(sandbox.sessions[0]?.entries.map(({ text }) => text)).toContain('20 bytes behind STARTTLS thrown away');
  });
});

describe('TLS', () => {
  const handshake = async (sandbox: Sandbox, options: ConnectionOptions = {}) => {
    using client = await RawClient.open(sandbox);
    await client.command('EHLO client.test');
    await client.command('STARTTLS');
    return (await client.startTls(sandbox, options)).getProtocol();
  };

  test('the certificate is good for localhost and 127.0.0.1, by the CA handed out and by no other', async () => {
    await using sandbox = await createSandbox();
    expect(await handshake(sandbox)).toBe('TLSv1.3');
    expect(await handshake(sandbox, { servername: '', host: '127.0.0.1' })).toBe('TLSv1.3');
    expect(await handshake(sandbox, { maxVersion: 'TLSv1.2' })).toBe('TLSv1.2');
    await expect(handshake(sandbox, { ca: undefined })).rejects.toThrow(/certificate/);
  });

  test('TLS 1.1 is refused', async () => {
    await using sandbox = await createSandbox();
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await expect(handshake(sandbox, old)).rejects.toThrow(/protocol version|alert/i);
  });

  test('a certificate for another name can be had', async () => {
    await using sandbox = await createSandbox({ smtp: { certificateNames: ['elsewhere.test'] } });
    await expect(handshake(sandbox)).rejects.toThrow(/altnames/);
  });

  test('is on from the first byte where asked for', async () => {
    await using sandbox = await createSandbox({ smtp: { implicitTls: true } });
    using client = RawClient.dial(sandbox);
    await client.startTls(sandbox);
    expect(await client.reply()).toMatch(/^220 /);
    expect(await client.command('EHLO client.test')).toContain('250-AUTH LOGIN XOAUTH2');
  });
});

describe('under TLS', () => {
  test('AUTH takes the place of STARTTLS, and mail waits for it', async () => {
    await using sandbox = await createSandbox();
    using client = await RawClient.secure(sandbox);
    const lines = (await client.command('EHLO client.test')).split('\n');
    expect(lines).toContain('250-AUTH LOGIN XOAUTH2');
    expect(lines.filter((line) => line.includes('STARTTLS'))).toEqual([]);
    expect(await client.command('MAIL FROM:<a@b.c>')).toMatch(
      ending('530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM'),
    );
    expect(await client.command('STARTTLS')).toBe('503 5.5.2 Only one STARTTLS command can be issued per session');
  });
});

describe('AUTH', () => {
  test('XOAUTH2 is taken with an initial response and in two steps, once per session', async () => {
    await using sandbox = await createSandbox();
    const response = xoauth2(sandbox.mailbox, await fetchToken(sandbox));
    using first = await RawClient.secure(sandbox);
    expect(await first.command(`AUTH XOAUTH2 ${response}`)).toBe('235 2.7.0 Authentication successful');
    expect(await first.command(`AUTH XOAUTH2 ${response}`)).toBe('503 5.5.2 Auth already specified');
    using second = await RawClient.secure(sandbox);
    expect(await second.command('auth xoauth2')).toBe('334 ');
    expect(await second.command(response)).toBe('235 2.7.0 Authentication successful');
    expect(sandbox.sessions.map(({ identity }) => identity?.mailbox)).toEqual([sandbox.mailbox, sandbox.mailbox]);
  });

  test('a password is refused with the words for basic authentication', async () => {
    await using sandbox = await createSandbox();
    const reply = ending('535 5.7.139 Authentication unsuccessful, basic authentication is disabled.');
    using client = await RawClient.secure(sandbox);
    expect(await client.command('AUTH LOGIN')).toBe('334 VXNlcm5hbWU6');
    expect(await client.command(Buffer.from('user').toString('base64'))).toBe('334 UGFzc3dvcmQ6');
    expect(await client.command(Buffer.from('pass-word').toString('base64'))).toMatch(reply);
    expect(await client.command(`AUTH PLAIN ${Buffer.from('\0user\0pass-word').toString('base64')}`)).toMatch(reply);
    expect(await client.command('AUTH CRAM-MD5')).toMatch(ending('504 5.7.4 Unrecognized authentication type'));
  });

  test('malformed responses and a cancelled exchange are told apart', async () => {
    await using sandbox = await createSandbox();
    using client = await RawClient.secure(sandbox);
    expect(await client.command('AUTH XOAUTH2 not*base64')).toBe('501 5.5.4 Invalid arguments');
    expect(await client.command('AUTH XOAUTH2 dXNlcj0 extra')).toBe('501 5.5.4 Invalid arguments');
    expect(await client.command('AUTH')).toBe('501 5.5.4 Invalid arguments');
    await client.command('AUTH XOAUTH2');
    expect(await client.command('*')).toBe('501 5.7.0 Authentication cancelled');
    for (const text of ['', 'user=a\u0001auth=Bearer b', 'user=a\u0001auth=Basic b\u0001\u0001']) {
      expect(await client.command(`AUTH XOAUTH2 ${Buffer.from(text).toString('base64') || '='}`)).toMatch(
        ending('535 5.7.3 Authentication unsuccessful'),
      );
    }
  });

  type Case = [what: string, token: (sandbox: Sandbox) => Promise<string>, why: RegExp, options?: SandboxOptions];
  const issue = (options?: IssueOptions) => (sandbox: Sandbox) => sandbox.entra.issue(options);
  const app = (options: AppOptions): SandboxOptions => ({ tenants: [{ apps: [options] }] });
  test.for<Case>([
    ['is no JWT', async () => 'EwBAnotAJwt', /the token is not valid/],
    ['was changed', async (sandbox) => tampered(await fetchToken(sandbox)), /signature verification failed/],
    ['is signed by another Entra', foreignToken, /no applicable key/],
    ['is not signed', unsigned, /"alg"|Unsecured|algorithm/i],
    ['has expired', issue({ lifetime: -1000 }), /"exp"/],
    ['is not valid yet', issue({ claims: { nbf: Math.floor(Date.now() / 1000) + 600 } }), /"nbf"/],
    ['never expires', issue({ claims: { exp: undefined } }), /"exp"/],
    ['is for Graph', issue({ audience: 'https://graph.microsoft.com' }), /is for https:\/\/graph\.microsoft\.com/],
    ['is of an unknown tenant', issue({ claims: { tid: '00000000-0000-0000-0000-000000000000' } }), /no tenant known/],
    ['has another issuer', issue({ claims: { iss: 'https://sts.windows.net/x/' } }), /issuer/],
    ['has no role', issue({ claims: { roles: undefined } }), /no role SMTP\.SendAsApp/],
    ['has another role', issue({ claims: { roles: ['Mail.Send'] } }), /no role SMTP\.SendAsApp/],
    ['lacks consent', issue(), /no role SMTP\.SendAsApp/, app({ roles: [] })],
    ['is of an app Exchange does not know', issue(), /no service principal/, app({ servicePrincipal: false })],
    ['has an object id Exchange was told wrong', issue(), /has object id wrong/, app({ servicePrincipal: 'wrong' })],
    [
      'is for a mailbox of another tenant',
      issue({ tenant: 'fabrikam.com' }),
      /has no mailbox noreply@contoso\.com/,
      {
        tenants: [{}, { name: 'Fabrikam', domains: ['fabrikam.com'] }],
      },
    ],
  ])('a token that %s gets a plain 535, and the reason is noted', async ([, token, why, options]) => {
    await using sandbox = await createSandbox(options);
    using client = await RawClient.secure(sandbox);
    expect(await client.command(`AUTH XOAUTH2 ${xoauth2(sandbox.mailbox, await token(sandbox))}`)).toMatch(
      ending('535 5.7.3 Authentication unsuccessful'),
    );
    const notes = sandbox.sessions[0]?.entries.filter(({ from }) => from === 'note').map(({ text }) => text);
    expect(notes?.at(-1)).toMatch(why);
  });

  test('SMTP AUTH can be off for the tenant or for the mailbox, whose word counts more', async () => {
    await using sandbox = await createSandbox({ tenants: [{ smtpAuth: false }] });
    const response = xoauth2(sandbox.mailbox, await sandbox.entra.issue());
    const disabled = (of: string) =>
      ending(
        `535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the ${of}. Visit https://aka.ms/smtp_auth_disabled for more information.`,
      );
    using client = await RawClient.secure(sandbox);
    expect(await client.command(`AUTH XOAUTH2 ${response}`)).toMatch(disabled('Tenant'));
    const setMailbox = (smtpAuth: boolean) =>
      sandbox.directory.update((now) => editMailbox(now, sandbox.mailbox, (mailbox) => ({ ...mailbox, smtpAuth })));
    setMailbox(false);
    expect(await client.command(`AUTH XOAUTH2 ${response}`)).toMatch(disabled('Mailbox'));
    setMailbox(true);
    expect(await client.command(`AUTH XOAUTH2 ${response}`)).toBe('235 2.7.0 Authentication successful');
  });

  test("an app with service principals in two tenants sends for each with that tenant's token", async () => {
    const clientId = '3f1d5a52-7f5e-4f0e-9a55-0c1f7c1f2b10';
    await using sandbox = await createSandbox({
      tenants: [{ apps: [{ clientId }] }, { name: 'Fabrikam', domains: ['fabrikam.com'], apps: [{ clientId }] }],
    });
    const endpoint = sandbox.tokenEndpoint.replace(sandbox.tenantId, 'fabrikam.com');
    const { body } = await requestToken(sandbox, {}, endpoint);
    using client = await RawClient.secure(sandbox);
    const response = xoauth2('noreply@fabrikam.com', String(body['access_token']));
    expect(await client.command(`AUTH XOAUTH2 ${response}`)).toBe('235 2.7.0 Authentication successful');
  });

  const tampered = (token: string) => {
    const [header = '', payload = '', signature = ''] = token.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
    const changed = Buffer.from(JSON.stringify({ ...claims, roles: ['SMTP.SendAsApp', 'More'] })).toString('base64url');
    return [header, changed, signature].join('.');
  };
  async function foreignToken(sandbox: Sandbox) {
    const [tenant] = sandbox.directory.current.tenants;
    const [enterprise] = tenant?.enterpriseApps ?? [];
    await using other = await createSandbox({
      tenants: [{ id: sandbox.tenantId, apps: [{ clientId: sandbox.clientId, objectId: enterprise?.objectId ?? '' }] }],
    });
    return await other.entra.issue();
  }
  async function unsigned(sandbox: Sandbox) {
    const [, payload = ''] = (await sandbox.entra.issue()).split('.');
    return `${Buffer.from(JSON.stringify({ alg: 'none', typ: 'JWT' })).toString('base64url')}.${payload}.`;
  }
});
