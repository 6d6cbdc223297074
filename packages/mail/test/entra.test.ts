// Ways to a token that need @mailgrant/entra, which is loaded with the first token; and a person's refresh token, which does not.
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { memoryTokenStore } from '@mailgrant/core';
import { createSandbox, type Sandbox, type SandboxOptions } from '@mailgrant/sandbox';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createMailClient, type MailAccount } from '../src/index.ts';
import { selfSigned } from './certificates.ts';
import { failure, mailTo } from './helpers.ts';

let dir: string;
let sandbox: Sandbox;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'mailgrant-mail-entra-'));
  return () => rmSync(dir, { recursive: true });
});
afterEach(() => sandbox.close());

const start = async (options?: SandboxOptions): Promise<void> => void (sandbox = await createSandbox(options));

/** The account in everything but its way to a token. */
const account = (way: Partial<MailAccount>): MailAccount => ({
  provider: 'microsoft365',
  ...sandbox.smtp,
  ca: sandbox.ca,
  user: sandbox.mailbox,
  tenantId: sandbox.tenantId,
  clientId: sandbox.clientId,
  authority: new URL(sandbox.url).origin,
  ...way,
});

const send = async (way: Partial<MailAccount>): Promise<number> => {
  await using client = createMailClient({ account: account(way) });
  await client.send(mailTo('ada@example.org'));
  return sandbox.inbox.messages.length;
};

describe('an application', () => {
  const { cert, key } = selfSigned();

  test('with a certificate, as text or in files', async () => {
    await start({ tenants: [{ apps: [{ certificates: [cert] }] }] });
    const [both, certFile, keyFile] = ['both.pem', 'cert.pem', 'key.pem'].map((name) => join(dir, name));
    writeFileSync(both ?? '', cert + key);
    writeFileSync(certFile ?? '', cert);
    writeFileSync(keyFile ?? '', key);
    expect(await send({ certificate: { pem: cert + key } })).toBe(1);
    expect(await send({ certificate: { path: both } })).toBe(2);
    expect(await send({ certificate: { path: certFile, keyPath: keyFile } })).toBe(3);
  });

  test('with a certificate file that is not there: told at the first send', async () => {
    await start();
    const error = await failure(send({ certificate: { path: join(dir, 'gone.pfx') } }));
    expect(error).toMatchObject({ code: 'ERR_OAUTH_SOURCE', message: expect.stringContaining('gone.pfx') });
  });

  test('with the identity of the machine it runs on', async () => {
    await start({ tenants: [{ apps: [{}, { managedIdentity: true }] }] });
    for (const [name, value] of Object.entries(sandbox.managedIdentity.appService)) vi.stubEnv(name, value);
    expect(await send({ managedIdentity: true, tenantId: undefined, clientId: undefined, authority: undefined })).toBe(
      1,
    );
    vi.unstubAllEnvs();
  });

  test('with the token of another issuer in a file', async () => {
    const issuer = 'https://token.actions.example';
    await start({ tenants: [{ apps: [{ federatedCredentials: [{ issuer, subject: 'job' }] }] }] });
    const provider = await sandbox.entra.addIdentityProvider(issuer);
    const federatedTokenFile = join(dir, 'token');
    writeFileSync(federatedTokenFile, await provider.sign('job'));
    expect(await send({ federatedTokenFile })).toBe(1);
  });

  test('without the package: the error says what to install', async () => {
    await start();
    // The sources by themselves, beside what they depend on, and nothing else.
    const root = fileURLToPath(new URL('../../', import.meta.url));
    const app = join(dir, 'app');
    cpSync(join(root, 'mail/src'), join(app, 'src'), { recursive: true });
    mkdirSync(join(app, 'node_modules/@mailgrant'), { recursive: true });
    for (const name of ['core', 'nodemailer'])
      symlinkSync(join(root, name), join(app, 'node_modules/@mailgrant', name));
    const nodemailer = dirname(fileURLToPath(import.meta.resolve('nodemailer/package.json')));
    symlinkSync(nodemailer, join(app, 'node_modules/nodemailer'));
    writeFileSync(
      join(app, 'main.mts'),
      `import { createMailClient } from './src/index.ts';
      const account = { tenantId: 't', clientId: 'c', user: 'a@contoso.com', certificate: { pem: 'x' } };
      const client = createMailClient({ account });
      const error = await client.send({ to: 'b@contoso.com', text: 'Hi' }).catch((reason) => reason);
      console.log(error.code, error.message);
      await client.close();`,
    );
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, ['--conditions=@mailgrant/source', join(app, 'main.mts')], {
      cwd: app,
    });
    expect(stdout).toMatch(/^ERR_OAUTH_SOURCE .*npm install @mailgrant\/entra/);
  });
});

describe('a person', () => {
  const consent = async (): Promise<string> => {
    const { tokenEndpoint, clientId, clientSecret, mailbox, password } = sandbox;
    const scope = 'https://outlook.office.com/SMTP.Send offline_access';
    const form = {
      grant_type: 'password',
      client_id: clientId,
      client_secret: clientSecret,
      username: mailbox,
      password,
      scope,
    };
    const answer = await fetch(tokenEndpoint, { method: 'POST', body: new URLSearchParams(form) });
    return ((await answer.json()) as { refresh_token: string }).refresh_token;
  };

  test('with a refresh token, which is kept when it is replaced', async () => {
    await start();
    const clientSecret = sandbox.clientSecret;
    expect(await send({ refreshToken: await consent(), clientSecret })).toBe(1);
    const store = memoryTokenStore();
    expect(await send({ refreshToken: { value: await consent(), store, key: 'reports' }, clientSecret })).toBe(2);
    expect(await store.get('reports#refresh-token')).toBeDefined();
    const rotated: unknown[] = [];
    expect(
      await send({
        refreshToken: { value: await consent(), onRotate: (next) => void rotated.push(next) },
        clientSecret,
      }),
    ).toBe(3);
    expect(String(rotated)).toBe('[redacted]');
  });
});
