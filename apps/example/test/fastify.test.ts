// The Fastify application: as the demo starts it, and as a process of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { serve } from '../src/fastify/serve.ts';
import type { Served } from '../src/frameworks.ts';

let sandbox: Sandbox;
let app: Served | undefined;

beforeEach(async () => {
  sandbox = await createSandbox({
    smtp: { refuse: [{ match: 'gone@example.org', reply: '550 5.1.1 gone@example.org' }] },
  });
});

afterEach(async () => {
  await app?.close();
  app = undefined;
  await sandbox.close();
});

async function start(): Promise<string> {
  const { smtp, ca, mailbox: user, clientId, clientSecret, tokenEndpoint, scope } = sandbox;
  const account = { ...smtp, ca, user, clientId, clientSecret, tokenEndpoint, scope };
  app = await serve({ account, defaults: { from: user } });
  return app.url;
}

const order = (url: string, email: string, name = 'Ada') =>
  fetch(`${url}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({ email, name }),
  });

test('an order is answered when its confirmation is on its way', async () => {
  const response = await order(await start(), 'ada@example.org', '<b>Ada</b>');
  expect([response.status, await response.json()]).toEqual([202, { accepted: ['ada@example.org'] }]);
  const [message] = sandbox.inbox.messages;
  expect(message?.subject).toBe('Your order');
  expect((await message?.parse())?.html).toContain('Dear &#60;b&#62;Ada&#60;/b&#62;,');
});

test('what goes wrong with the mail is answered without the address', async () => {
  const url = await start();
  const answers = [await order(url, 'not an address'), await order(url, 'gone@example.org')];
  expect(answers.map(({ status }) => status)).toEqual([400, 422]);
  const bodies = await Promise.all(answers.map((answer) => answer.text()));
  expect(bodies.join('\n')).not.toMatch(/not an address|gone@/);
});

test('it says how it stands, with a status a load balancer understands', async () => {
  const url = await start();
  const health = () => fetch(`${url}/health`, { headers: { connection: 'close' } });
  expect(await (await health()).json()).toEqual({ status: 'up' });
  sandbox.exchange.reply('AUTH', '535 5.7.3 Authentication unsuccessful', { times: Infinity });
  await order(url, 'ada@example.org');
  const down = await health();
  expect([down.status, await down.json()]).toEqual([503, { status: 'down' }]);
});

test('as a process: settings from the environment, and SIGTERM lets it end by itself', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mailgrant-fastify-'));
  await writeFile(join(folder, 'ca.pem'), sandbox.ca);
  const { PATH = '', SystemRoot = '' } = process.env;
  const main = fileURLToPath(new URL('../src/fastify/main.ts', import.meta.url));
  const child = spawn(process.execPath, ['--conditions=@mailgrant/source', main], {
    env: {
      PATH,
      SystemRoot,
      PORT: '0',
      MAIL_USER: sandbox.mailbox,
      MAIL_FROM: sandbox.mailbox,
      MAIL_CLIENT_ID: sandbox.clientId,
      MAIL_CLIENT_SECRET: sandbox.clientSecret,
      MAIL_TOKEN_ENDPOINT: sandbox.tokenEndpoint,
      MAIL_SCOPE: sandbox.scope,
      MAIL_HOST: sandbox.smtp.host,
      MAIL_PORT: String(sandbox.smtp.port),
      MAIL_CA_FILE: join(folder, 'ca.pem'),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  const closed = once(child, 'close');
  const url = await new Promise<string>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        const [, address] = /It listens at (\S+)/.exec(said) ?? [];
        if (address !== undefined) resolve(address);
      });
    }
    child.on('close', () => resolve(said));
  });
  expect(url).toMatch(/^http/);
  expect((await order(url, 'ada@example.org')).status).toBe(202);
  child.kill('SIGTERM');
  expect(await closed).toEqual([0, null]);
  expect(sandbox.exchange.traffic(sandbox.mailbox).connections).toBe(0);
  expect(said).toContain('the mailer can log in');
  for (const canary of [sandbox.clientSecret, 'ada@example.org', 'eyJ']) expect(said).not.toContain(canary);
  await rm(folder, { recursive: true });
});
