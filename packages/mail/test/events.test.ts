// Events and hooks: each fires when it should, none can break a send, none prints a mail.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  createMailClient,
  defineMail,
  type MailClient,
  type MailClientOptions,
  type MailEvents,
} from '../src/index.ts';
import { accountOf, failure, mailTo } from './helpers.ts';

let sandbox: Sandbox;
let client: MailClient;
const events: [string, MailEvents[keyof MailEvents]][] = [];
const NAMES = ['sending', 'sent', 'refused', 'failed', 'cancelled', 'token'] as const;

function start(options: Partial<MailClientOptions> = {}): void {
  client = createMailClient({ account: accountOf(sandbox), name: 'reports', ...options });
  for (const name of NAMES) client.on(name, (event) => void events.push([name, event]));
}

beforeEach(async () => {
  sandbox = await createSandbox();
  events.length = 0;
  start();
});

afterEach(async () => {
  await client.close();
  await sandbox.close();
});

const names = (): string[] => events.map(([name]) => name).filter((name) => name !== 'token');
const event = <E extends keyof MailEvents>(name: E): MailEvents[E] | undefined =>
  events.find(([each]) => each === name)?.[1] as MailEvents[E] | undefined;

test('sending and sent tell client, template, key, id and result; the token event tells of the token', async () => {
  const hello = defineMail({
    name: 'hello',
    subject: 'Hello',
    render: ({ name }: { name: string }) => ({ text: `Hi ${name}` }),
    preview: { name: 'Ada' },
  });
  const sent = await client.send(hello({ name: 'Ada' }, { to: 'ada@example.org' }), { idempotencyKey: 'hello/7' });
  expect(names()).toEqual(['sending', 'sent']);
  const common = { client: 'reports', template: 'hello', idempotencyKey: 'hello/7', messageId: sent.messageId };
  expect(event('sending')).toEqual(common);
  expect(event('sent')).toMatchObject({ ...common, result: sent, attempts: [] });
  expect(event('sent')?.mail).toMatchObject({ to: 'ada@example.org', subject: 'Hello', text: 'Hi Ada' });
  expect(event('token')).toMatchObject({ client: 'reports', account: sandbox.mailbox, event: { type: 'renewed' } });
  expect(Buffer.from(sandbox.inbox.messages[0]?.raw ?? []).toString()).not.toMatch(/hello\/7|template/i);
});

test('token events are also where core publishes its own', async () => {
  const published: unknown[] = [];
  const note = (event: unknown): void => void published.push(event);
  subscribe('mailgrant:token:events', note);
  await client.send(mailTo('ada@example.org'));
  unsubscribe('mailgrant:token:events', note);
  expect(published).toMatchObject([{ provider: 'microsoft365', type: 'renewed' }]);
});

test('refused tells each recipient the server did not take, beside sent or failed', async () => {
  sandbox.exchange.reply('RCPT', '550 5.1.1 User unknown');
  await client.send(mailTo('gone@example.org', { cc: 'ada@example.org' }));
  expect(names()).toEqual(['sending', 'refused', 'sent']);
  expect(event('refused')?.recipients).toMatchObject([{ address: 'gone@example.org', reply: { code: 550 } }]);
  events.length = 0;
  sandbox.exchange.reply('RCPT', '550 5.1.1 User unknown');
  await failure(client.send(mailTo('gone@example.org')));
  expect(names()).toEqual(['sending', 'refused', 'failed']);
});

test('failed tells the error, whether a copy may be on its way, and through which accounts it was tried', async () => {
  sandbox.exchange.next('MESSAGE', { close: 'reset' });
  const error = await failure(client.send(mailTo('ada@example.org')));
  expect(names()).toEqual(['sending', 'failed']);
  expect(event('failed')).toMatchObject({
    error,
    mayHaveBeenSent: true,
    attempts: [{ account: sandbox.mailbox, error }],
  });
});

test('a mail that cannot be composed or rendered fails before sending is told', async () => {
  await failure(client.send(mailTo('nobody')));
  await failure(client.send(Promise.reject(new Error('no template'))));
  await failure(client.send(null as never));
  expect(names()).toEqual(['failed', 'failed', 'failed']);
  expect(event('failed')?.mail?.to).toBe('nobody');
  expect(events[1]?.[1]).toMatchObject({ mail: undefined, messageId: undefined, error: new Error('no template') });
  expect(events[2]?.[1]).toMatchObject({ error: { code: 'ERR_INPUT_MESSAGE' } });
});

test('beforeSend changes a mail, sees its context, or cancels it', async () => {
  const seen: unknown[] = [];
  await client.close();
  start({
    defaults: { headers: { 'X-App': 'shop' } },
    hooks: {
      async beforeSend(mail, context) {
        seen.push([mail.headers, context]);
        if (mail.to === 'eve@example.net') return false;
        if (mail.to === 'bob@example.org') throw new Error('no opinion on Bob');
        mail.text = 'changed in place';
        return mail.to === 'carol@example.org' ? { ...mail, subject: 'changed' } : undefined;
      },
    },
  });
  const options = { idempotencyKey: 'k', signal: AbortSignal.timeout(60_000) };
  await client.send(mailTo('ada@example.org'), options);
  await client.send(mailTo('carol@example.org'));
  expect(sandbox.inbox.messages.map(({ subject }) => subject)).toEqual(['Hello', 'changed']);
  expect((await sandbox.inbox.messages[0]?.parse())?.text?.trim()).toBe('changed in place');
  expect(seen[0]).toEqual([{ 'X-App': 'shop' }, { client: 'reports', template: undefined, ...options }]);
  events.length = 0;
  expect(await failure(client.send(mailTo('eve@example.net')))).toMatchObject({ code: 'ERR_MAIL_CANCELLED' });
  expect(names()).toEqual(['cancelled']);
  expect(event('cancelled')?.mail?.to).toBe('eve@example.net');
  await expect(client.send(mailTo('bob@example.org'))).rejects.toThrow('no opinion on Bob');
  expect(names()).toEqual(['cancelled', 'failed']);
});

test('the hook changes a copy: the caller’s mail stays as it was', async () => {
  await client.close();
  start({ hooks: { beforeSend: (mail) => void (mail.subject = 'changed') } });
  const mail = Object.freeze(mailTo('ada@example.org'));
  await client.send(mail);
  expect(mail.subject).toBe('Hello');
});

test('a listener that throws, now or later, breaks nothing; one that is taken away hears nothing', async () => {
  const heard: string[] = [];
  client.on('sending', () => {
    throw new Error('listener');
  });
  const late = (): Promise<never> => Promise.reject(new Error('listener'));
  client.on('sent', late as () => void);
  const off = client.on('sent', () => heard.push('off'));
  const twice = (): void => void heard.push('on');
  client.on('sent', twice);
  client.on('sent', twice)();
  off();
  off();
  await client.send(mailTo('ada@example.org'));
  expect(heard).toEqual(['on']);
});

test('a listener may add others, and take itself away', async () => {
  let calls = 0;
  const listen = (): void => {
    const off = client.on('sent', () => {
      calls += 1;
      off();
      listen();
    });
  };
  listen();
  await client.send(mailTo('ada@example.org'));
  await client.send(mailTo('ada@example.org'));
  expect(calls).toBe(2);
});

test('printing an event shows no address of a recipient and nothing of the mail', async () => {
  sandbox.exchange.reply('RCPT', '550 5.1.1 User unknown');
  const cc = 'ada@example.net';
  await client.send(mailTo('ada@example.org', { cc, text: 'canary-body', subject: 'canary-subject' }));
  await failure(client.send(mailTo('', { text: 'canary-body', subject: 'canary-subject' })));
  expect(event('refused')?.recipients).toHaveLength(1);
  for (const name of ['sending', 'refused', 'sent', 'failed'] as const) {
    const told = event(name);
    expect(told?.mail?.text).toBe('canary-body');
    expect(inspect(told, { depth: 9 }) + JSON.stringify(told)).not.toMatch(/canary|ada@/);
  }
});
