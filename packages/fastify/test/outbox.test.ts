// `fastify.outbox`, with the worker in the same process and in another one.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clientCredentials } from '@mailgrant/core';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { hostOutbox, type HostedWorkerOptions, mailboxOf, openStore } from '@mailgrant/worker';
import { fastify } from 'fastify';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { outbox } from '../src/outbox/index.ts';
import { FASTIFYS, FROM } from './servers.ts';

let sandbox: Sandbox;
/** A database that is made; a copy of it takes less time than making another. */
let template: string;
let dir: string;
const folder = (): string => mkdtempSync(join(tmpdir(), 'mailgrant-store-'));
const remove = (path: string): void => rmSync(path, { recursive: true, force: true, maxRetries: 5 });

beforeAll(async () => {
  template = folder();
  await (await openStore({ kind: 'embedded', dir: template, durability: 'process-crash' })).close();
});
afterAll(() => remove(template));

beforeEach(async () => {
  dir = folder();
  cpSync(template, dir, { recursive: true });
  sandbox = await createSandbox();
});
const closing: { close(): PromiseLike<unknown> }[] = [];
afterEach(async () => {
  for (const each of closing.splice(0).reverse()) await each.close();
  await sandbox.close();
  remove(dir);
});

function workerOptions(): HostedWorkerOptions {
  const { smtp, ca, mailbox: user, tokenEndpoint, clientId, clientSecret, scope } = sandbox;
  const token = clientCredentials({ tokenEndpoint, clientId, clientSecret, scope });
  return {
    store: { kind: 'embedded', dir, durability: 'process-crash' },
    mailboxes: { noreply: mailboxOf({ provider: 'microsoft365', ...smtp, ca, user, token }) },
    drain: 1000,
  };
}

const mailTo = (to: string) => ({ from: FROM, to, subject: 'Hello', text: 'Hi' });

describe.each(FASTIFYS)('on Fastify %s', (_, create) => {
  test('the worker is in the server, starts and ends with it', { timeout: 60_000 }, async () => {
    const app = create();
    closing.push(app);
    await app.register(outbox, { worker: workerOptions() });
    app.post('/orders', async () => app.outbox.scheduleMail({ mailbox: 'noreply', mail: mailTo('ada@example.org') }));
    const answer = await app.inject({ method: 'POST', url: '/orders' });
    expect(answer.json()).toMatchObject({ created: true });
    await sandbox.inbox.waitFor(1, { timeout: 20_000 });
    await app.close();
    // the directory is free again
    const next = await hostOutbox({ worker: workerOptions() });
    await next.close();
  });
});

test('the worker is in another process: the server only hands over', { timeout: 60_000 }, async () => {
  const worker = await hostOutbox({ worker: workerOptions() });
  closing.push(worker);
  await worker.start();
  const app = fastify();
  closing.push(app);
  await app.register(outbox, { dir });
  await app.ready();
  await app.outbox.scheduleMail({ mailbox: 'noreply', mail: mailTo('ada@example.org') });
  const [message] = await sandbox.inbox.waitFor(1, { timeout: 20_000 });
  expect(message?.envelope.to).toEqual(['ada@example.org']);
});

test('options that do not fit together end the start', async () => {
  const start = async (options: object) => {
    const app = fastify();
    await app.register(outbox, options);
    await app.ready();
  };
  await expect(start({})).rejects.toThrow('give one of outbox, dir, socket, store and worker; got none of them');
  await expect(start({ store: { kind: 'embedded', dir: '/none' } })).rejects.toThrow('give dir, or worker');
});

test('is there for require(), and for register(import(…))', async () => {
  const module = await import('../src/outbox/index.ts');
  expect(module.default).toBe(outbox);
  expect(module['module.exports']).toBe(outbox);
  expect(outbox.outbox).toBe(outbox.default);
});
