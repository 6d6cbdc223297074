// The examples of README.md are the files in readme/, and they run.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MailAccount } from '@mailgrant/mail';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { fastify } from 'fastify';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import mail from '../src/index.ts';
import { connectable } from './readme/connect.ts';
import { answers } from './readme/errors.ts';
import { probes } from './readme/health.ts';
import { invoices } from './readme/names.ts';
import { reminders } from './readme/tenants.ts';
import { accountOf, FROM } from './servers.ts';

const BILLING = 'billing@contoso.com';
const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

test.each(readdirSync(new URL('readme', import.meta.url)).filter((name) => name !== 'application.ts'))(
  'README.md shows %s',
  (name) => {
    const shown = read(`readme/${name}`)
      .replaceAll(/'\.\.\/\.\.\/src\/(?:(\w+)\/)?index\.ts'/g, (_, entry?: string) =>
        entry === undefined ? "'@mailgrant/fastify'" : `'@mailgrant/fastify/${entry}'`,
      )
      .replaceAll(/^import .* from '\.\/.*\n/gm, '');
    expect(read('../README.md')).toContain(`\`\`\`ts\n${shown}\`\`\``);
  },
);

let sandbox: Sandbox;
let folder: string;

beforeAll(async () => {
  sandbox = await createSandbox({ tenants: [{ mailboxes: [FROM, BILLING] }] });
  folder = await mkdtemp(join(tmpdir(), 'mailgrant-fastify-'));
  writeFileSync(join(folder, 'ca.pem'), sandbox.ca);
});
beforeEach(() => sandbox.inbox.clear());
afterAll(async () => {
  vi.unstubAllEnvs();
  await sandbox.close();
  await rm(folder, { recursive: true });
});

const subjects = () => sandbox.inbox.messages.map(({ subject }) => subject);

test('the start: from variables, listening; what customers write is escaped in HTML', async () => {
  const { smtp, clientId, clientSecret, tokenEndpoint, scope } = sandbox;
  const settings = { CLIENT_ID: clientId, CLIENT_SECRET: clientSecret, TOKEN_ENDPOINT: tokenEndpoint, SCOPE: scope };
  const server = { HOST: smtp.host, PORT: String(smtp.port), CA_FILE: join(folder, 'ca.pem') };
  for (const [name, value] of Object.entries({ ...settings, ...server, USER: FROM, FROM })) {
    vi.stubEnv(`MAIL_${name}`, value);
  }
  vi.stubEnv('PORT', '0');
  const { app } = await import('./readme/start.ts');
  app.log.level = 'silent';
  const payload = { to: 'ada@example.org', name: '<script>alert(1)</script>' };
  expect((await app.inject({ method: 'POST', url: '/orders', payload })).json()).toEqual({ ordered: true });
  await app.close();
  const { html, text } = (await sandbox.inbox.messages[0]?.parse()) ?? {};
  expect(html).toContain('Thank you, &#60;script&#62;alert(1)&#60;/script&#62;!');
  expect(text).toContain('Thank you, <script>alert(1)</script>!');
});

test('several mailers', async () => {
  const app = fastify();
  const account = (user: string) => accountOf(sandbox, { user }) as MailAccount;
  await invoices(app, { noreply: account(FROM), billing: account(BILLING) });
  expect((await app.inject({ method: 'POST', url: '/invoices/7' })).json()).toEqual({ sent: true });
  await app.close();
  expect(sandbox.inbox.messages.map(({ subject, identity }) => [subject, identity.mailbox])).toEqual([
    ['Invoice 7', BILLING],
    ['Invoice 7 was sent', FROM],
  ]);
});

test('one mailer for each customer', async () => {
  const app = fastify();
  const account = accountOf(sandbox) as MailAccount;
  await reminders(app, {
    mailOptions: async (customer) => (customer === 'contoso' ? { account, defaults: { from: FROM } } : undefined),
  });
  expect((await app.inject({ method: 'POST', url: '/contoso/reminders' })).statusCode).toBe(200);
  expect((await app.inject({ method: 'POST', url: '/fabrikam/reminders' })).json()).toMatchObject({
    code: 'ERR_MAIL_CLIENT_UNKNOWN',
  });
  await app.close();
  expect(subjects()).toEqual(['Your appointment']);
});

test('an error handler of one’s own', async () => {
  const app = fastify();
  answers(app);
  await app.register(mail, accountOf(sandbox));
  app.get('/', () => app.mail.send({ from: FROM, to: 'nobody' }));
  app.get('/other', { schema: { querystring: { type: 'object', required: ['page'] } } }, () => 'fine');
  expect((await app.inject('/other')).json()).toMatchObject({ statusCode: 400, code: 'FST_ERR_VALIDATION' });
  const { headers, statusCode, body } = await app.inject('/');
  expect([statusCode, headers['content-type']]).toEqual([400, expect.stringContaining('application/problem+json')]);
  expect(JSON.parse(body)).toEqual({
    status: 400,
    title: expect.stringContaining('an address'),
    code: 'ERR_INPUT_ADDRESS',
  });
  await app.close();
});

test('health', async () => {
  const app = fastify();
  await app.register(mail, accountOf(sandbox));
  await probes(app);
  expect((await app.inject('/ready')).json()).toMatchObject({ status: 'ok', mail: 'up' });
  await app.close();
});

test('connect: begin leads to Microsoft', async () => {
  const app = fastify();
  await connectable(app, async () => {}, 'from somewhere safe').then(() => app.ready());
  const { statusCode, headers } = await app.inject('/mail/begin');
  expect([statusCode, headers.location]).toEqual([
    303,
    expect.stringMatching(/^https:\/\/login\.microsoftonline\.com\/contoso\.com\/oauth2\/v2\.0\/authorize\?/),
  ]);
  await app.close();
  await Promise.all(['grants', 'grants.locks'].map((path) => rm(path, { recursive: true, force: true })));
});
