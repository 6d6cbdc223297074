// Mailers that are made at run time: one for each tenant of the application.
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { Injectable } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  type MailClientOptions,
  MailModule,
  MailRegistry,
  MailService,
  type MailTenantsOptions,
  type MailTenantsOptionsFactory,
} from '../src/index.ts';
import { accountOf, Lines, mailTo } from './helpers.ts';

let sandbox: Sandbox;
let asked: string[];

beforeEach(async () => {
  sandbox = await createSandbox();
  asked = [];
});

afterEach(() => sandbox.close());

/** Every tenant has an account, but nobody. */
async function accountFor(tenant: string): Promise<MailClientOptions | undefined> {
  asked.push(tenant);
  if (tenant === 'nobody') return undefined;
  return { account: accountOf(sandbox), defaults: { headers: { 'X-Tenant': tenant } } };
}

async function start(options: Partial<MailTenantsOptions> = {}) {
  const app = await Test.createTestingModule({
    imports: [
      MailModule.forRoot({ account: accountOf(sandbox) }),
      MailModule.forTenants({ resolve: accountFor, ...options }),
    ],
  }).compile();
  await app.init();
  return { app, registry: app.get(MailRegistry), [Symbol.asyncDispose]: () => app.close() };
}

test('a mailer is made when it is first asked for, once for all who ask', async () => {
  await using started = await start();
  const { registry } = started;
  expect(registry.names).toEqual(['default']);
  const [one, same] = await Promise.all([registry.resolve('contoso'), registry.resolve('contoso')]);
  expect(one).toBe(same);
  expect(asked).toEqual(['contoso']);
  await one.send(mailTo('ada@example.org'));
  expect(Buffer.from(sandbox.inbox.messages[0]?.raw ?? []).toString()).toMatch(/^X-Tenant: contoso\r$/m);
  expect(registry.names).toEqual(['default', 'contoso']);
  expect(registry.fixedNames).toEqual(['default']);
  expect([registry.has('contoso'), registry.has('fabrikam')]).toEqual([true, false]);
  expect(registry.get('contoso')).toBe(one);
});

test('a tenant with the name of a mailer of the application gets his own', async () => {
  await using started = await start();
  const { registry } = started;
  const tenant = await registry.resolve('default');
  expect(asked).toEqual(['default']);
  expect(registry.get('default')).not.toBe(tenant);
});

test('without tenants the mailers of the application are resolved by name', async () => {
  const app = await Test.createTestingModule({
    imports: [MailModule.forRoot({ name: 'billing', account: accountOf(sandbox) })],
  }).compile();
  const registry = app.get(MailRegistry);
  expect(await registry.resolve('billing')).toBe(registry.get('billing'));
  await expect(registry.resolve('contoso')).rejects.toMatchObject({ code: 'ERR_MAIL_CLIENT_UNKNOWN' });
  await app.close();
});

test('forTenants() twice: a warning, and the first one is used', async () => {
  const lines = new Lines();
  const app = await Test.createTestingModule({
    imports: [MailModule.forTenants({ resolve: accountFor }), MailModule.forTenants({ resolve: () => undefined })],
  })
    .setLogger(lines)
    .compile();
  expect((await app.get(MailRegistry).resolve('contoso')).name).toBe('contoso');
  expect(lines.lines).toEqual(['warn [MailModule] MailModule.forTenants() is there twice. The first one is used.']);
  await app.close();
});

test('a tenant nobody knows is an error with a code', async () => {
  await using started = await start();
  await expect(started.registry.resolve('nobody')).rejects.toMatchObject({ code: 'ERR_MAIL_CLIENT_UNKNOWN' });
  expect(() => started.registry.get('fabrikam')).toThrow(/fabrikam/);
});

test('hooks and events of the application are those of tenants, too', async () => {
  await using started = await start();
  const { registry } = started;
  const heard: string[] = [];
  registry.on('sent', ({ client }) => heard.push(client));
  registry.on('sent', ({ client }) => heard.push(`only ${client}`), { mailer: 'fabrikam' });
  registry.beforeSend((mail) => ({ ...mail, subject: 'changed' }));
  await (await registry.resolve('contoso')).send(mailTo('ada@example.org'));
  await (await registry.resolve('fabrikam')).send(mailTo('ada@example.org'));
  await (await registry.resolve('fabrikam')).send(mailTo('ada@example.org'));
  expect(heard).toEqual(['contoso', 'fabrikam', 'only fabrikam', 'fabrikam', 'only fabrikam']);
  expect(sandbox.inbox.messages[0]?.subject).toBe('changed');
});

test('a mailer nobody uses is closed, and made anew when it is asked for again', async () => {
  await using started = await start({ idleAfter: 1 });
  const first = await started.registry.resolve('contoso');
  await first.send(mailTo('ada@example.org'));
  await vi.waitFor(() => expect(started.registry.has('contoso')).toBe(false), { timeout: 10_000 });
  const second = await started.registry.resolve('contoso');
  expect(second).not.toBe(first);
  await second.send(mailTo('ada@example.org'));
  expect(asked).toEqual(['contoso', 'contoso']);
});

test('a mailer that is removed is made anew, from changed settings', async () => {
  await using started = await start();
  const first = await started.registry.resolve('contoso');
  await started.registry.remove('contoso');
  await expect(first.send(mailTo('ada@example.org'))).rejects.toMatchObject({ code: 'ERR_MAILER_CLOSED' });
  expect(await started.registry.resolve('contoso')).not.toBe(first);
  expect(asked).toEqual(['contoso', 'contoso']);
});

test('mailers of tenants are closed with the application', async () => {
  const { app, registry } = await start();
  const client = await registry.resolve('contoso');
  const sent = client.send(mailTo('ada@example.org'));
  await app.close();
  expect(sandbox.inbox.messages).toHaveLength(1);
  await sent;
  await expect(client.send(mailTo('ada@example.org'))).rejects.toMatchObject({ code: 'ERR_MAILER_CLOSED' });
});

@Injectable()
class Tenants implements MailTenantsOptionsFactory {
  createMailTenantsOptions = () => ({ resolve: accountFor });
}

test.each([
  ['useFactory', () => MailModule.forTenantsAsync({ useFactory: async () => ({ resolve: accountFor }) })],
  ['useClass', () => MailModule.forTenantsAsync({ useClass: Tenants })],
] as const)('%s, without a mailer of the application itself', async (_, module) => {
  const app = await Test.createTestingModule({ imports: [module()] }).compile();
  await (await app.get(MailRegistry).resolve('contoso')).send(mailTo('ada@example.org'));
  expect(app.get(MailRegistry).names).toEqual(['contoso']);
  expect(() => app.get(MailService, { strict: false })).toThrow('MailService');
  await app.close();
});
