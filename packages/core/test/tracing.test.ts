import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import { createSandbox } from '@mailgrant/sandbox';
import { expect, test } from 'vitest';
import { clientCredentials, createMailer } from '../src/index.ts';

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
