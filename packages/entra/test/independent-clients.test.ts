// Clients nobody here wrote get a token from the sandbox and send through it: what our own client does with it is no
// agreement between the two.
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { createTransport } from 'nodemailer';
import { expect, test } from 'vitest';
import { REDIRECT } from './sandboxed.ts';

const run = promisify(execFile);
const MSAL_CLIENT = fileURLToPath(new URL('./msal-client.ts', import.meta.url));
const SMTPLIB_CLIENT = fileURLToPath(new URL('./smtplib-client.py', import.meta.url));

/** What a client has to be told. */
const settingsOf = ({ authority, clientId, clientSecret, scope, smtp, mailbox, ca }: Sandbox): string =>
  JSON.stringify({ authority, clientId, clientSecret, scope, smtp, mailbox, ca });

async function runWith(input: string, command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const running = run(command, args, { timeout: 60_000, env: { ...process.env, ...env } });
  running.child.stdin?.end(input);
  return running;
}

// Where Node.js runs TypeScript by itself.
test.skipIf(!process.features.typescript)(
  'MSAL itself finds its way by discovery over https, and nodemailer sends with its token',
  async () => {
    await using sandbox = await createSandbox();
    const dir = await mkdtemp(join(tmpdir(), 'mailgrant-msal-'));
    try {
      await writeFile(join(dir, 'ca.pem'), sandbox.ca);
      const { stdout } = await runWith(settingsOf(sandbox), process.execPath, [MSAL_CLIENT], {
        NODE_EXTRA_CA_CERTS: join(dir, 'ca.pem'),
      });
      expect(stdout).toContain('250 2.0.0 OK');
    } finally {
      await rm(dir, { recursive: true });
    }
    expect(sandbox.tokenRequests).toMatchObject([{ grant: 'client_credentials', outcome: 'issued' }]);
    expect(sandbox.inbox.messages).toMatchObject([{ subject: 'From MSAL', identity: { mailbox: sandbox.mailbox } }]);
  },
);

test('nodemailer gets a token itself, with the refresh token of a person, and sends with it', async () => {
  await using sandbox = await createSandbox();
  const { tokenEndpoint, clientId, clientSecret, mailbox, smtp, ca } = sandbox;
  const refreshToken = await signIn(sandbox);
  const transport = createTransport({
    ...smtp,
    requireTLS: true,
    tls: { ca },
    auth: { type: 'OAuth2', user: mailbox, clientId, clientSecret, refreshToken, accessUrl: tokenEndpoint },
  });
  await transport.sendMail({ from: mailbox, to: mailbox, subject: 'From nodemailer', text: 'Hello' });
  expect(sandbox.tokenRequests.at(-1)).toMatchObject({ grant: 'refresh_token', outcome: 'issued', user: mailbox });
  expect(sandbox.inbox.messages).toMatchObject([{ subject: 'From nodemailer', identity: { user: mailbox } }]);
});

test("Python's smtplib sends with a token that urllib got", async (context) => {
  const missing = await run('python3', ['--version']).then(
    () => undefined,
    () => 'there is no python3 on this machine',
  );
  if (missing !== undefined) {
    process.stdout.write(`Python's smtplib was not tested: ${missing}\n`);
    context.skip(missing);
  }
  await using sandbox = await createSandbox();
  await runWith(settingsOf(sandbox), 'python3', [SMTPLIB_CLIENT]);
  expect(sandbox.tokenRequests).toMatchObject([{ grant: 'client_credentials', outcome: 'issued' }]);
  expect(sandbox.inbox.messages).toMatchObject([{ subject: 'From smtplib', identity: { mailbox: sandbox.mailbox } }]);
});

/** Signs in with nothing but HTTP; returns the refresh token. */
async function signIn({ entra, authority, tokenEndpoint, clientId, clientSecret, mailbox }: Sandbox): Promise<string> {
  const verifier = randomBytes(32).toString('base64url');
  const scope = 'https://outlook.office.com/SMTP.Send offline_access';
  const url = new URL(`${authority}/oauth2/v2.0/authorize`);
  url.search = new URLSearchParams({
    client_id: clientId,
    response_type: 'code',
    redirect_uri: REDIRECT,
    scope,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  }).toString();
  const code = new URL(entra.signIn(url, { as: mailbox })).searchParams.get('code') ?? '';
  const body = new URLSearchParams({
    grant_type: 'authorization_code',
    client_id: clientId,
    client_secret: clientSecret,
    code,
    redirect_uri: REDIRECT,
    code_verifier: verifier,
  });
  const answer = await fetch(tokenEndpoint, { method: 'POST', body });
  const { refresh_token: refreshToken } = (await answer.json()) as { refresh_token: string };
  return refreshToken;
}
