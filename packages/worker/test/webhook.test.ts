// Events told to a web server, as Standard Webhooks has it.
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { checkWebhook, type Webhook, WebhookTeller } from '../src/delivery/webhook.ts';
import { type Base, createBase, createRig, type Rig } from './support/rig.ts';

const SECRET = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;

interface Told {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let base: Base;
let rig: Rig;
let server: Server;
let url: string;
let told: Told[];
let answers: number[];
let heard: () => void;
/** Before this nobody is answered. */
let hold: Promise<void>;
beforeAll(async () => {
  base = await createBase('embedded');
});
afterAll(() => base[Symbol.asyncDispose]());
beforeEach(async () => {
  rig = await createRig(base);
  told = [];
  answers = [];
  heard = () => {};
  hold = Promise.resolve();
  server = createServer((request, response) => {
    void text(request).then((body) => {
      told.push({ headers: request.headers, body });
      heard();
      void hold.then(() => response.writeHead(answers.shift() ?? 204).end());
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
});
afterEach(async () => {
  await rig[Symbol.asyncDispose]();
  server.close();
});

const DUE = { type: 'mail.dead', data: '{"mailId":"m"}', next_at: new Date(0) };
const rows = () => rig.store.db.selectFrom('event').selectAll().execute();
const tellerOf = (webhook: Webhook): WebhookTeller =>
  new WebhookTeller({ store: rig.store, webhook, now: Date.now, onProblem: (error) => rig.problems.push(error) });

test('an event arrives once, signed, without addresses or subject', async () => {
  const arrived = new Promise<void>((resolve) => (heard = resolve));
  const worker = rig.worker({ webhook: { url, secret: SECRET } });
  await worker.start();
  const { id } = await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail('Private'), tag: 'order' });
  await arrived;
  const [{ headers, body } = { headers: {}, body: '' }] = told;
  const event = JSON.parse(body) as { id: string; at: number };
  expect(event).toMatchObject({ type: 'mail.accepted', mailId: id, mailbox: 'noreply', tag: 'order', recipients: 1 });
  expect(headers['webhook-id']).toBe(event.id);
  const signed = `${event.id}.${String(headers['webhook-timestamp'])}.${body}`;
  const mac = createHmac('sha256', Buffer.alloc(32, 9)).update(signed).digest('base64');
  expect(headers['webhook-signature']).toBe(`v1,${mac}`);
  expect(body).not.toMatch(/ada@|Private/);
  await expect
    .poll(async () => (await rig.store.db.selectFrom('event').select('next_at').execute()).map((row) => row.next_at))
    .toEqual([null]);
});

test('what is not taken is told again later, and given up in the end', async () => {
  await rig.store.db
    .insertInto('event')
    .values({
      id: '7d8f0ef0-0000-4000-8000-000000000001',
      type: 'mail.dead',
      data: '{"mailId":"m"}',
      next_at: new Date(0),
    })
    .execute();
  answers = Array.from({ length: 20 }, () => 503);
  const webhook = checkWebhook({ url, secret: SECRET });
  const teller = new WebhookTeller({
    store: rig.store,
    webhook,
    now: Date.now,
    onProblem: (error) => rig.problems.push(error),
  });
  const row = () => rig.store.db.selectFrom('event').selectAll().executeTakeFirstOrThrow();
  expect(await teller.tellNext()).toBe(true);
  expect(await teller.tellNext()).toBe(false);
  expect(((await row()).next_at?.getTime() ?? 0) - Date.now()).toBeGreaterThan(3_000);
  while ((await row()).next_at !== null) {
    await rig.store.db
      .updateTable('event')
      .set({ next_at: new Date(0) })
      .execute();
    await teller.tellNext();
  }
  expect(told).toHaveLength(10);
  expect(await row()).toMatchObject({ tries: 10, told_at: null });
  expect(rig.problems.join(' ')).not.toContain(SECRET.slice(6));
});

test('an event whose answer takes long keeps no other one waiting', async () => {
  await rig.store.db
    .insertInto('event')
    .values([3, 4].map((n) => ({ id: `7d8f0ef0-0000-4000-8000-00000000000${n}`, ...DUE })))
    .execute();
  const both = new Promise<void>((resolve) => {
    heard = () => {
      if (told.length === 2) resolve();
    };
  });
  hold = both; // nobody is answered before
  const teller = tellerOf(checkWebhook({ url, secret: SECRET }));
  teller.start();
  await both;
  await expect.poll(async () => (await rows()).map((row) => row.next_at)).toEqual([null, null]);
  await teller.stop();
});

test('an event that is being told when the worker stops is due at once, and that was no try', async () => {
  await rig.store.db
    .insertInto('event')
    .values({ id: '7d8f0ef0-0000-4000-8000-000000000005', ...DUE })
    .execute();
  const arrived = new Promise<void>((resolve) => (heard = resolve));
  hold = new Promise(() => {});
  const teller = tellerOf(checkWebhook({ url, secret: SECRET }));
  teller.start();
  await arrived;
  await teller.stop();
  expect(await rows()).toMatchObject([{ tries: 0, told_at: null }]);
  expect((await rows())[0]?.next_at?.getTime()).toBeLessThanOrEqual(Date.now());
  server.closeAllConnections();
  expect(rig.problems).toEqual([]);
});

test('types that were not asked for are not told', async () => {
  await rig.store.db
    .insertInto('event')
    .values({ id: '7d8f0ef0-0000-4000-8000-000000000002', type: 'mail.accepted', data: '{}', next_at: new Date(0) })
    .execute();
  const webhook = checkWebhook({ url, secret: SECRET, types: ['mail.dead'] });
  const teller = new WebhookTeller({ store: rig.store, webhook, now: Date.now, onProblem: () => {} });
  expect(await teller.tellNext()).toBe(true);
  expect(await teller.tellNext()).toBe(false);
  expect(told).toEqual([]);
});

test.each([
  [{ url: 'http://example.com/', secret: SECRET }, 'webhook.url'],
  [{ url: 'nonsense', secret: SECRET }, 'webhook.url'],
  [{ url: 'https://example.com/', secret: 'c2hvcnQ=' }, 'webhook.secret'],
  [{ url: 'https://c2hvcnQ@example.com/', secret: SECRET }, 'webhook.url'],
  [{ url: 'https://user:c2hvcnQ@example.com/', secret: SECRET }, 'webhook.url'],
  [{ url: 'https://example.com/', secret: SECRET, timeout: Number.NaN }, 'webhook.timeout'],
  [{ url: 'https://example.com/', secret: SECRET, types: 'mail.dead' as never }, 'webhook.types'],
])('what is no good is refused by name, without showing it', (webhook, name) => {
  expect(() => checkWebhook(webhook)).toThrow(expect.objectContaining({ code: 'ERR_INPUT_OPTION' }));
  expect(() => checkWebhook(webhook)).toThrow(name);
  expect(() => checkWebhook(webhook)).not.toThrow('c2hvcnQ');
});
