// The examples of README.md are the files in readme/, and they run.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { Global, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { MailModule, MailService } from '../src/index.ts';
import { accountOf, Lines, PLATFORMS, serve } from './helpers.ts';
import { MailWatch } from './readme/events.ts';
import { HealthModule } from './readme/health.ts';
import { AppModule as AppWithNames, Invoices } from './readme/names.ts';
import { AppModule, Orders } from './readme/start.ts';
import { Customers, Reminders, RemindersModule } from './readme/tenants.ts';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

test.each(readdirSync(new URL('readme', import.meta.url)).filter((name) => name.endsWith('.ts')))(
  'README.md shows %s',
  (name) => {
    const shown = read(`readme/${name}`)
      .replaceAll(/^import .* from '\.\/.*\n/gm, '')
      .replaceAll(/'\.\.\/\.\.\/src\/(?:(\w+)\/)?index\.ts'/g, (_, entry?: string) =>
        entry === undefined ? "'@mailgrant/nestjs'" : `'@mailgrant/nestjs/${entry}'`,
      );
    expect(read('../README.md')).toContain(`\`\`\`ts\n${shown}\`\`\``);
  },
);

let sandbox: Sandbox;
let folder: string;

beforeAll(async () => {
  sandbox = await createSandbox();
  folder = await mkdtemp(join(tmpdir(), 'mailgrant-readme-'));
  writeFileSync(join(folder, 'ca.pem'), sandbox.ca);
});

beforeEach(() => {
  sandbox.inbox.clear();
  for (const prefix of ['MAIL_', 'BILLING_MAIL_']) {
    const { smtp, mailbox, clientId, clientSecret, tokenEndpoint, scope } = sandbox;
    const settings = { CLIENT_ID: clientId, CLIENT_SECRET: clientSecret, TOKEN_ENDPOINT: tokenEndpoint, SCOPE: scope };
    const server = { HOST: smtp.host, PORT: String(smtp.port), CA_FILE: join(folder, 'ca.pem') };
    for (const [name, value] of Object.entries({ ...settings, ...server, USER: mailbox, FROM: mailbox })) {
      vi.stubEnv(prefix + name, value);
    }
  }
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await sandbox.close();
  await rm(folder, { recursive: true });
});

test('the start: what customers write is escaped in HTML', async () => {
  const app = await Test.createTestingModule({ imports: [AppModule] }).compile();
  await app.get(Orders).confirm('ada@example.org', '<script>alert(1)</script>');
  await app.close();
  const { html, text } = (await sandbox.inbox.messages[0]?.parse()) ?? {};
  expect(html).toContain('Thank you, &#60;script&#62;alert(1)&#60;/script&#62;!');
  expect(text).toContain('Thank you, <script>alert(1)</script>!');
});

test('several mailers', async () => {
  const app = await Test.createTestingModule({ imports: [AppWithNames] }).compile();
  await app.get(Invoices).send('ada@example.org', 7);
  await app.close();
  expect(sandbox.inbox.messages.map(({ subject }) => subject)).toEqual(['Invoice 7', 'Invoice 7']);
});

test('one mailer for each customer', async () => {
  const customers: Customers = {
    mailOptions: async () => ({ account: accountOf(sandbox), defaults: { from: sandbox.mailbox } }),
  };
  @Global()
  @Module({ providers: [{ provide: Customers, useValue: customers }], exports: [Customers] })
  class CustomersModule {}
  const app = await Test.createTestingModule({ imports: [CustomersModule, RemindersModule] }).compile();
  await app.get(Reminders).remind('contoso', 'ada@example.org');
  await app.close();
  expect(sandbox.inbox.messages.map(({ subject }) => subject)).toEqual(['Your appointment']);
});

test('events and hooks', async () => {
  const lines = new Lines();
  const app = await Test.createTestingModule({ imports: [AppModule], providers: [MailWatch] })
    .setLogger(lines)
    .compile();
  await app.init();
  await expect(app.get(MailService, { strict: false }).send({ to: 'nobody' })).rejects.toThrow('nobody');
  await app.close();
  expect(lines.lines).toEqual(['error [Mail] default could not send a mail: ERR_INPUT_ADDRESS']);
});

test('health', async () => {
  const account = accountOf(sandbox);
  const { app, url } = await serve(
    { module: class {}, imports: [MailModule.forRoot({ account }), HealthModule] },
    PLATFORMS[0].adapter,
  );
  expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ status: 'ok' });
  await app.close();
});
