import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import { createSandbox } from '@mailgrant/sandbox';
import { expect, test, vi } from 'vitest';
import { clientCredentials, createMailer, type SendContext } from '../src/index.ts';
import { isTraced, SEND, trace } from '../src/tracing.ts';

test('send, connect, authenticate and token are traced, without an address or a subject', async () => {
  const seen: [string, string, unknown][] = [];
  const listeners = ['send', 'connect', 'authenticate', 'token'].map((name) => {
    const heard = (kind: string) => (context: unknown) => void seen.push([name, kind, structuredClone(context)]);
    const handlers = {
      start: heard('start'),
      end: () => {},
      asyncStart: () => {},
      asyncEnd: heard('asyncEnd'),
      error: heard('error'),
    };
    const channel = tracingChannel(`mailgrant:${name}`);
    channel.subscribe(handlers);
    return () => channel.unsubscribe(handlers);
  });
  const events: unknown[] = [];
  const onEvent = (event: unknown): void => void events.push(event);
  subscribe('mailgrant:token:events', onEvent);
  try {
    await using sandbox = await createSandbox();
    const { tokenEndpoint, clientId, clientSecret, scope, smtp, ca, mailbox } = sandbox;
    const token = clientCredentials({ tokenEndpoint, clientId, clientSecret, scope });
    await using mailer = createMailer({ provider: 'microsoft365', ...smtp, ca, user: mailbox, token });
    const envelope = { from: mailbox, to: ['canary-recipient@example.com'] };
    await mailer.send({ envelope, message: 'Subject: canary-subject\r\n\r\nhi\r\n' });
  } finally {
    for (const stop of listeners) stop();
    unsubscribe('mailgrant:token:events', onEvent);
  }
  expect(seen.map(([name, kind]) => `${name} ${kind}`).sort()).toEqual([
    'authenticate asyncEnd',
    'authenticate start',
    'connect asyncEnd',
    'connect start',
    'send asyncEnd',
    'send start',
    'token asyncEnd',
    'token start',
  ]);
  const sent = seen.find(([name, kind]) => name === 'send' && kind === 'asyncEnd')?.[2];
  expect(sent).toMatchObject({ provider: 'microsoft365', recipients: 1, result: { accepted: 1, roundTrips: 9 } });
  expect(JSON.stringify(seen)).not.toMatch(/canary|noreply@/);
  expect(events).toEqual([expect.objectContaining({ type: 'renewed', provider: 'microsoft365' })]);
});

test('without a subscriber nothing is made for one: no context, no summary', async () => {
  expect(isTraced(SEND)).toBe(false);
  const context = vi.fn<() => SendContext>();
  const summary = vi.fn<() => NonNullable<SendContext['result']>>();
  expect(await trace(SEND, context, async () => 'sent', summary)).toBe('sent');
  expect([context, summary].flatMap(({ mock }) => mock.calls)).toEqual([]);
});

test('a send that fails has an address in the message of its error alone', async () => {
  const ended: SendContext[] = [];
  const nothing = (): void => undefined;
  const handlers = { start: nothing, end: nothing, asyncStart: nothing, error: nothing };
  const asyncEnd = (context: object): void => void ended.push(context as SendContext);
  const channel = tracingChannel('mailgrant:send');
  channel.subscribe({ ...handlers, asyncEnd });
  try {
    await using sandbox = await createSandbox();
    const { tokenEndpoint, clientId, clientSecret, scope, smtp, ca, mailbox } = sandbox;
    const token = clientCredentials({ tokenEndpoint, clientId, clientSecret, scope });
    await using mailer = createMailer({ provider: 'microsoft365', ...smtp, ca, user: mailbox, token });
    sandbox.exchange.reply('RCPT', '550 5.1.10 Recipient not found');
    const envelope = { from: mailbox, to: ['canary-recipient@example.com'] };
    await expect(mailer.send({ envelope, message: 'Subject: canary-subject\r\n\r\nhi\r\n' })).rejects.toThrow('canary');
  } finally {
    channel.unsubscribe({ ...handlers, asyncEnd });
  }
  expect(ended).toHaveLength(1);
  const { error, ...rest } = ended[0] ?? {};
  expect(error).toMatchObject({ code: 'ERR_SMTP_RECIPIENTS_REFUSED' });
  expect(JSON.stringify(rest)).not.toMatch(/canary|noreply@/);
});
