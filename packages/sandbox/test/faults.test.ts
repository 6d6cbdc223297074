import { expect, test } from 'vitest';
import { createSandbox, type Sandbox } from '../src/index.ts';
import { mailer, RawClient } from './clients.ts';

const envelope = (sandbox: Sandbox) => [`MAIL FROM:<${sandbox.mailbox}>`, 'RCPT TO:<ada@example.com>', 'DATA'];

test('a scripted refusal takes the place of the honest reply, once or as often as asked', async () => {
  await using sandbox = await createSandbox();
  sandbox.exchange.reply('RCPT', '451 4.7.0 Temporary server error. Please try again later. PRX4', { times: 2 });
  sandbox.exchange.reply('MESSAGE', '432 4.3.2 Concurrent connections limit exceeded.');
  using client = await RawClient.authenticated(sandbox);
  const [mail = '', rcpt = '', data = ''] = envelope(sandbox);
  expect(await client.command(mail)).toBe('250 2.1.0 Sender OK');
  expect(await client.command(rcpt)).toBe('451 4.7.0 Temporary server error. Please try again later. PRX4');
  expect(await client.command(rcpt)).toMatch(/^451 4\.7\.0 /);
  expect(await client.command(data)).toBe('503 5.5.2 Need rcpt command');
  expect(await client.command(rcpt)).toBe('250 2.1.5 Recipient OK');
  await client.command(data);
  expect(await client.command('Subject: a\r\n.')).toBe('432 4.3.2 Concurrent connections limit exceeded.');
  expect(sandbox.inbox.messages).toEqual([]);
});

test('a command takes effect when the scripted reply is of the kind of the honest one', async () => {
  await using sandbox = await createSandbox();
  sandbox.exchange.reply('MESSAGE', '250-two\n250 2.0.0 lines');
  sandbox.exchange.reply('DATA', '250 2.0.0 not what DATA is answered with');
  using client = await RawClient.authenticated(sandbox);
  const [mail = '', rcpt = '', data = ''] = envelope(sandbox);
  await client.command(mail);
  await client.command(rcpt);
  expect(await client.command(data)).toMatch(/^250 /);
  expect(await client.command('NOOP')).toBe('250 2.0.0 OK');
  expect(await client.command(data)).toMatch(/^354 /);
  expect(await client.command('Subject: a\r\n.')).toBe('250-two\n250 2.0.0 lines');
  expect(sandbox.inbox.messages.map(({ subject }) => subject)).toEqual(['a']);
});

test('a refused chunk voids those behind it, and nothing of the message is delivered', async () => {
  await using sandbox = await createSandbox();
  sandbox.exchange.reply('BDAT', '451 4.7.0 Temporary server error. Please try again later. PRX4');
  using client = await RawClient.authenticated(sandbox);
  const [mail = '', rcpt = ''] = envelope(sandbox);
  for (const line of [mail, rcpt]) await client.command(line);
  client.write('BDAT 3\r\nSubBDAT 9\r\nject: a\r\nBDAT 2 LAST\r\n\r\nNOOP\r\n');
  expect(await client.replies(4)).toEqual([
    '451 4.7.0 Temporary server error. Please try again later. PRX4',
    '503 5.5.2 Need mail command',
    '503 5.5.2 Need mail command',
    '250 2.0.0 OK',
  ]);
  expect(sandbox.inbox.messages).toEqual([]);
  expect(await client.command(mail)).toBe('250 2.1.0 Sender OK');
});

test.for(['end', 'reset'] as const)(
  'the reply to a message can be lost by %s after it was delivered',
  async (close) => {
    await using sandbox = await createSandbox();
    sandbox.exchange.next('MESSAGE', { close });
    using client = await RawClient.authenticated(sandbox);
    for (const line of envelope(sandbox)) await client.command(line);
    expect(await client.command('Subject: a\r\n.')).toBe('');
    await client.closed();
    expect(sandbox.inbox.messages.map(({ subject }) => subject)).toEqual(['a']);
  },
);

test('a reply can come before the close: 421 in any place', async () => {
  await using sandbox = await createSandbox();
  for (const point of ['GREETING', 'EHLO', 'NOOP'] as const) {
    sandbox.exchange.next(point, { reply: '421 4.3.2 Service not active', close: 'end' });
    using client = RawClient.dial(sandbox);
    const replies = [await client.reply()];
    if (point !== 'GREETING') replies.push(await client.command(`${point} a`));
    expect(replies.at(-1)).toBe('421 4.3.2 Service not active');
    await client.closed();
  }
});

test('a connection can be refused with a reset before any greeting', async () => {
  await using sandbox = await createSandbox();
  sandbox.exchange.next('GREETING', { close: 'reset' });
  using client = RawClient.dial(sandbox);
  expect(await client.reply()).toBe('');
});

test('bytes go out as they are: replies behind the one to STARTTLS, half a reply, no reply at all', async () => {
  await using sandbox = await createSandbox();
  sandbox.exchange.reply('STARTTLS', Buffer.from('220 2.0.0 SMTP server ready\r\n250 injected\r\n'));
  using client = await RawClient.open(sandbox);
  await client.command('EHLO a');
  expect(await client.command('STARTTLS')).toBe('220 2.0.0 SMTP server ready');
  expect(await client.reply()).toBe('250 injected');
  sandbox.exchange.next('GREETING', { reply: Buffer.from('220-half'), close: 'end' });
  using half = RawClient.dial(sandbox);
  expect(await half.reply()).toBe('');
  expect(half.unread).toBe('220-half');
});

test('an error challenge can be had: 334, the empty line, then the refusal', async () => {
  await using sandbox = await createSandbox();
  const challenge = Buffer.from('{"status":"401","schemes":"Bearer"}').toString('base64');
  sandbox.exchange.reply('AUTH', `334 ${challenge}`);
  using client = await RawClient.secure(sandbox);
  expect(await client.command('AUTH XOAUTH2')).toBe('334 ');
  expect(await client.command('dXNlcj0=')).toBe(`334 ${challenge}`);
  expect(await client.command('')).toMatch(/^535 5\.7\.3 /);
  expect(await client.command('NOOP')).toBe('250 2.0.0 OK');
});

test('a hanging or slow server does not hold up close(), and a client sees its connection end', async () => {
  const sandbox = await createSandbox({ smtp: { replyDelay: 3_600_000 } });
  using slow = RawClient.dial(sandbox);
  sandbox.exchange.next('GREETING', { hang: true });
  using silent = RawClient.dial(sandbox);
  while (sandbox.sessions.length < 2) await new Promise(setImmediate);
  await sandbox.close();
  await Promise.all([slow.closed(), silent.closed()]);
  expect(sandbox.sessions.map(({ open }) => open)).toEqual([false, false]);
});

test('replies said before a delay do not wait for it', async () => {
  await using sandbox = await createSandbox();
  sandbox.exchange.next('RCPT', { hang: true });
  using client = await RawClient.authenticated(sandbox);
  client.write(
    envelope(sandbox)
      .map((line) => `${line}\r\n`)
      .join(''),
  );
  expect(await client.reply()).toBe('250 2.1.0 Sender OK');
});

test('the extensions can be others than Exchange offers', async () => {
  await using sandbox = await createSandbox({
    smtp: {
      extensions: (offered, { tls }) =>
        tls ? ['AUTH OAUTHBEARER'] : offered.filter((line) => !/^(PIPELINING|CHUNKING|SMTPUTF8|8BITMIME)/.test(line)),
    },
  });
  using client = await RawClient.open(sandbox);
  expect((await client.command('EHLO a')).split('\n').slice(1)).toEqual([
    '250-SIZE 157286400',
    '250-DSN',
    '250-ENHANCEDSTATUSCODES',
    '250-STARTTLS',
    '250 BINARYMIME',
  ]);
  expect(await client.command('BDAT 0')).toBe("500 5.3.3 Unrecognized command 'BDAT'");
  await client.command('STARTTLS');
  await client.startTls(sandbox);
  expect((await client.command('EHLO a')).split('\n').slice(1)).toEqual(['250 AUTH OAUTHBEARER']);
  expect(await client.command('AUTH XOAUTH2')).toMatch(/^504 5\.7\.4 /);
});

test('a server without STARTTLS does not know the command', async () => {
  await using sandbox = await createSandbox({ smtp: { extensions: () => [] } });
  using client = await RawClient.open(sandbox);
  expect(await client.command('EHLO a')).not.toContain('\n');
  expect(await client.command('STARTTLS')).toBe("500 5.3.3 Unrecognized command 'STARTTLS'");
});

test('every connection can be dropped at once', async () => {
  await using sandbox = await createSandbox();
  using first = await RawClient.authenticated(sandbox);
  using second = await RawClient.open(sandbox);
  sandbox.exchange.disconnectAll();
  await Promise.all([first.closed(), second.closed()]);
  expect(sandbox.sessions.map(({ open }) => open)).toEqual([false, false]);
});

test('nodemailer sees a scripted refusal as its own kind of error', async () => {
  await using sandbox = await createSandbox();
  sandbox.exchange.reply('AUTH', '535 5.7.3 Authentication unsuccessful');
  const transport = mailer(sandbox, await sandbox.entra.issue());
  await expect(transport.sendMail({ from: sandbox.mailbox, to: 'ada@example.com', text: 'a' })).rejects.toMatchObject({
    code: 'EAUTH',
    responseCode: 535,
  });
});
