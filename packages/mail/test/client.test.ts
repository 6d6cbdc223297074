// The client against the sandbox: one account, everything a send is made of.
import { execFile } from 'node:child_process';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createMailClient, type Mail, type MailClientOptions, type MailSendOptions } from '../src/index.ts';
import { accountOf, failure, mailTo } from './helpers.ts';

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

test('a deadline, a signal or options that are none are refused before anything happens', async () => {
  await using client = createMailClient({ account: accountOf(sandbox) });
  for (const options of [{ deadline: Number.NaN }, { deadline: 0 }, { signal: {} }]) {
    const error = await failure(client.send(mailTo('ada@example.org'), options as never));
    expect(error).toMatchObject({ code: 'ERR_INPUT_OPTION' });
    const unheard = Promise.reject(new Error('rendered for nothing'));
    await failure(client.send(unheard, options as never));
  }
  await expect(client.close({ deadline: -1 })).rejects.toMatchObject({ code: 'ERR_INPUT_OPTION' });
  expect((await client.send(mailTo('ada@example.org'))).accepted).toEqual(['ada@example.org']);
});

test('the deadline covers rendering and hooks, and ends the wait for them', async () => {
  const never = new Promise<never>(() => {});
  await using client = createMailClient({
    account: accountOf(sandbox),
    deadline: 50,
    hooks: { beforeSend: () => never },
  });
  const late = { code: 'ERR_SMTP_DEADLINE', mayHaveBeenSent: false };
  expect(await failure(client.send(mailTo('ada@example.org')))).toMatchObject(late);
  expect(await failure(client.send(never))).toMatchObject(late);
  const controller = new AbortController();
  const sending = client.send(never, { signal: controller.signal, deadline: 60_000 });
  controller.abort('enough');
  expect(await failure(sending)).toMatchObject({ code: 'ERR_SMTP_ABORTED', cause: 'enough' });
  expect(await failure(client.send(mailTo('ada@example.org'), { signal: controller.signal }))).toMatchObject({
    code: 'ERR_SMTP_ABORTED',
  });
});

test('close waits for what is still being rendered, refuses what comes later, and may be called again', async () => {
  const client = createMailClient({ account: accountOf(sandbox) });
  let render: ((mail: Mail) => void) | undefined;
  const sending = client.send(new Promise<Mail>((resolve) => (render = resolve)));
  expect(client.health().pending).toBe(1);
  const closing = client.close();
  const late = Promise.reject(new Error('rendered for nothing'));
  expect(await failure(client.send(late))).toMatchObject({ code: 'ERR_MAILER_CLOSED' });
  render?.(mailTo('ada@example.org'));
  expect((await sending).accepted).toEqual(['ada@example.org']);
  await Promise.all([closing, client.close()]);
  await expect(client.verify()).rejects.toMatchObject({ code: 'ERR_MAILER_CLOSED' });
  expect(client.health().pending).toBe(0);
});

test('close gives up on what does not end, with its deadline', async () => {
  const token = (): Promise<never> => new Promise(() => {});
  const client = createMailClient({ account: { host: '127.0.0.1', user: sandbox.mailbox, token } });
  const sending = failure(client.send(mailTo('ada@example.org')));
  await client.close({ deadline: 20 });
  expect(await sending).toMatchObject({ code: 'ERR_MAILER_CLOSED' });
});

test('a stream is closed when the send is ended before the server is asked', async () => {
  await using client = createMailClient({ account: accountOf(sandbox) });
  const controller = new AbortController();
  client.on('sending', () => controller.abort());
  const content = Readable.from(['a']);
  const mail = mailTo('ada@example.org', { attachments: [{ filename: 'a', content }] });
  expect(await failure(client.send(mail, { signal: controller.signal }))).toMatchObject({ code: 'ERR_SMTP_ABORTED' });
  expect(content.destroyed).toBe(true);
});

test('a stream in a mail that could not be sent is closed', async () => {
  await using client = createMailClient({ account: accountOf(sandbox, { retries: 0 }) });
  sandbox.exchange.reply('MAIL', '550 5.7.60 Client does not have permissions to send as this sender');
  const content = Readable.from(['a']);
  await failure(client.send(mailTo('ada@example.org', { attachments: [{ filename: 'a', content }] })));
  expect(content.destroyed).toBe(true);
});

test.each<[string, Partial<MailClientOptions>, Mail, MailSendOptions]>([
  ['a hook cancels', { hooks: { beforeSend: () => false } }, {}, {}],
  [
    'a hook drops the attachments and cancels',
    { hooks: { beforeSend: (mail) => (delete mail.attachments, false) } },
    {},
    {},
  ],
  ['an address is none', {}, { to: 'nobody' }, {}],
  ['a recipient may not get', { allowRecipients: ['*@contoso.com'] }, {}, {}],
  ['has no time left', { hooks: { beforeSend: () => new Promise(() => {}) } }, {}, { deadline: 1 }],
  ['the caller no longer wants', {}, {}, { signal: AbortSignal.abort() }],
])('streams are closed in a mail that %s', async (_, options, fields, sendOptions) => {
  await using client = createMailClient({ account: accountOf(sandbox), ...options });
  const streams = Array.from({ length: 3 }, () => Readable.from(['a']));
  const [text, content, raw] = streams as [Readable, Readable, Readable];
  const mail = mailTo('ada@example.org', { text, attachments: [{ content }, { raw }], ...fields });
  await failure(client.send(Promise.resolve(mail), sendOptions));
  await client.close();
  expect(streams.map(({ destroyed }) => destroyed)).toEqual([true, true, true]);
  const late = Readable.from(['a']);
  await failure(client.send(mailTo('ada@example.org', { text: late })));
  expect(late.destroyed).toBe(true);
});

test('verify tells the connection and what the token is good for', async () => {
  await using client = createMailClient({ account: accountOf(sandbox) });
  const { accounts } = await client.verify({ deadline: 20_000 });
  expect(accounts).toMatchObject([
    { account: sandbox.mailbox, error: undefined, connection: { mechanism: 'XOAUTH2' } },
  ]);
});

test('nodemailer is loaded with the first mail', async () => {
  const run = promisify(execFile);
  const program = `
    import { createMailClient, defineMail } from '@mailgrant/mail';
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ resolve(name, context, next) { loaded.push(name); return next(name, context); } });
    const client = createMailClient({ account: { user: 'a@contoso.com', tenantId: 't', clientId: 'c', clientSecret: 's' } });
    const before = loaded.filter((name) => name.startsWith('nodemailer')).length;
    await client.send({ to: 'nobody' }).catch(() => {});
    console.log(before, loaded.filter((name) => name.startsWith('nodemailer')).length > 0);
    await client.close();`;
  const args = ['--conditions=@mailgrant/source', '--input-type=module', '--eval', program];
  const { stdout } = await run(process.execPath, args, { cwd: import.meta.dirname });
  expect(stdout).toBe('0 true\n');
});

test('resume sends again at once when what was wrong has been repaired', async () => {
  await using client = createMailClient({ account: accountOf(sandbox, { retries: 0 }) });
  sandbox.exchange.next('AUTH', {
    reply: '535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled',
    times: 2,
  });
  await failure(client.send(mailTo('ada@example.org')));
  expect(await failure(client.send(mailTo('ada@example.org')))).toMatchObject({ code: 'ERR_MAILER_SUSPENDED' });
  sandbox.exchange.clear();
  client.resume();
  expect((await client.send(mailTo('ada@example.org'))).accepted).toEqual(['ada@example.org']);
});

test('beforeCommit is called before the message is certainly out, and what it throws holds it back', async () => {
  await using client = createMailClient({ account: accountOf(sandbox) });
  let called = 0;
  const note = async (): Promise<void> => void (called += 1);
  await client.send(mailTo('ada@example.org'), { beforeCommit: note });
  expect(called).toBe(1);
  const beforeCommit = (): Promise<never> => Promise.reject(new Error('the outbox is gone'));
  expect(await failure(client.send(mailTo('ada@example.org'), { beforeCommit }))).toMatchObject({
    code: 'ERR_SMTP_HELD',
    mayHaveBeenSent: false,
  });
  expect(sandbox.inbox.messages).toHaveLength(1);
});
