import { expect, test } from 'vitest';
import { createSandbox } from '../src/index.ts';
import { mailer, RawClient } from './clients.ts';

test('waitFor finds mail that is there and mail that is still to come, by what it is or how much', async () => {
  await using sandbox = await createSandbox();
  const transport = mailer(sandbox, await sandbox.entra.issue());
  const mail = (subject: string) => transport.sendMail({ from: sandbox.mailbox, to: 'ada@example.com', subject });
  const coming = sandbox.inbox.waitFor(({ subject }) => subject === 'two');
  const all = sandbox.inbox.waitFor(2);
  await mail('one');
  await mail('two');
  expect((await coming).subject).toBe('two');
  expect((await all).map(({ subject }) => subject)).toEqual(['one', 'two']);
  expect((await sandbox.inbox.waitFor(({ subject }) => subject === 'one')).id).toBe('1');
});

test('waitFor gives up in time and says what did arrive, and at once when the sandbox is closed', async () => {
  const sandbox = await createSandbox();
  const transport = mailer(sandbox, await sandbox.entra.issue());
  await transport.sendMail({ from: sandbox.mailbox, to: 'ada@example.com', subject: 'other' });
  await expect(sandbox.inbox.waitFor(() => false, { timeout: 1 })).rejects.toThrow(
    'did not arrive within 1 ms; messages in the inbox: "other"',
  );
  const waiting = sandbox.inbox.waitFor(5).catch(String);
  await sandbox.close();
  expect(await waiting).toMatch('the sandbox was closed');
});

test('a message knows its own part of a conversation, and the round trips it took', async () => {
  await using sandbox = await createSandbox();
  using client = await RawClient.authenticated(sandbox);
  const envelope = [`MAIL FROM:<${sandbox.mailbox}>`, 'RCPT TO:<ada@example.com>', 'DATA'];
  for (const line of envelope) await client.command(line);
  await client.command('Subject: slow\r\n.');
  client.write(`${envelope.join('\r\n')}\r\n`);
  await client.replies(3);
  await client.command('Subject: quick\r\n.');
  const [slow, quick] = sandbox.inbox.messages;
  expect([slow?.roundTrips, quick?.roundTrips]).toEqual([4, 2]);
  const lines = quick?.conversation.filter(({ from, transaction }) => from === 'client' && transaction > 0);
  expect(lines?.map(({ text }) => text)).toEqual([
    ...envelope.map((line) => line),
    '[message, 16 bytes, then <CRLF>.<CRLF>]',
  ]);
  expect(quick?.conversation[0]?.text).toMatch(/^220 /);
  expect(sandbox.sessions[0]?.roundTrips).toBe(4 + 4 + 2);
  await client.command('QUIT');
  expect([quick?.roundTrips, quick?.conversation.at(-1)?.text.slice(0, 9)]).toEqual([2, '250 2.0.0']);
});

test('mail of any shape is kept: no header, a header without end, broken MIME', async () => {
  await using sandbox = await createSandbox();
  using client = await RawClient.authenticated(sandbox);
  const shapes = [
    '',
    'x\r\n',
    `Subject: ${'x'.repeat(300_000)}\r\n`,
    'Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n',
  ];
  for (const shape of shapes) {
    for (const line of [`MAIL FROM:<${sandbox.mailbox}>`, 'RCPT TO:<a@b.c>', 'DATA']) await client.command(line);
    expect(await client.command(`${shape}.`)).toMatch(/^250 2\.0\.0 OK /);
  }
  expect(sandbox.inbox.messages.map(({ raw }) => Buffer.from(raw).toString())).toEqual(shapes);
  for (const message of sandbox.inbox.messages) expect((await message.parse()).attachments).toEqual([]);
});
