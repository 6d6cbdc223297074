// The client against the sandbox: one account, everything a send is made of.
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createMailClient } from '../src/index.ts';
import { accountOf } from './helpers.ts';

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await createSandbox();
});

afterEach(() => sandbox.close());

test('a mail goes out through the account, from its mailbox, with a text beside its HTML', async () => {
  await using client = createMailClient({ account: accountOf(sandbox) });
  const sent = await client.send({
    to: 'Ada <ada@example.org>',
    bcc: 'eve@example.net',
    subject: 'Hi',
    html: '<p>Hello &amp; bye',
  });
  const [message] = sandbox.inbox.messages;
  expect(sent).toMatchObject({
    messageId: message?.messageId,
    envelope: { from: sandbox.mailbox, to: ['ada@example.org', 'eve@example.net'] },
    accepted: ['ada@example.org', 'eve@example.net'],
    rejected: [],
    dropped: [],
    response: expect.stringMatching(/^250 2\.0\.0 OK /),
    account: sandbox.mailbox,
  });
  expect(sent.receipt.queueId).toBe(message?.internalId);
  expect((await message?.parse())?.text?.trim()).toBe('Hello & bye');
  expect((await message?.parse())?.from[0]?.address).toBe(sandbox.mailbox);
  expect(client.health()).toMatchObject({ status: 'up', pending: 0, reasons: [] });
});
