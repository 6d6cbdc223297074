// Several accounts: who is tried when, and that nothing is sent twice.
import { Readable } from 'node:stream';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createMailClient, type MailClient, type MailClientOptions } from '../src/index.ts';
import { accountOf, failure, mailTo } from './helpers.ts';

let first: Sandbox;
let second: Sandbox;
let client: MailClient;
const attempts: (readonly [string | undefined, unknown])[] = [];
const announced: unknown[] = [];

function start(options: Partial<MailClientOptions> = {}, once: object = {}): void {
  client = createMailClient({
    accounts: [accountOf(first, { label: 'first', ...once }), accountOf(second, { label: 'second', ...once })],
    ...options,
  });
  const note = ({ attempts: failed }: { attempts: readonly { account: string | undefined; error: unknown }[] }): void =>
    void attempts.push(...failed.map(({ account, error }) => [account, (error as { code?: unknown }).code] as const));
  client.on('sending', ({ messageId }) => announced.push(messageId));
  client.on('sent', note);
  client.on('failed', note);
}

beforeEach(async () => {
  [first, second] = await Promise.all([createSandbox(), createSandbox()]);
  attempts.length = 0;
  announced.length = 0;
});

afterEach(async () => {
  await client.close();
  await Promise.all([first.close(), second.close()]);
});

const inboxes = (): number[] => [first, second].map(({ inbox }) => inbox.messages.length);

describe('failover', () => {
  test('the first account sends as long as it works', async () => {
    start();
    expect((await client.send(mailTo('ada@example.org'))).account).toBe('first');
    expect((await client.send(mailTo('ada@example.org'))).account).toBe('first');
    expect(inboxes()).toEqual([2, 0]);
    expect(attempts).toEqual([]);
  });

  test.each<[string, () => unknown, string]>([
    ['is refused a token', () => first.entra.next({ aadsts: 7000215 }), 'ERR_OAUTH_REFUSED'],
    [
      'may not log in',
      () => first.exchange.next('AUTH', { reply: '535 5.7.3 Authentication unsuccessful', times: 2 }),
      'ERR_SMTP_AUTH_REFUSED',
    ],
    [
      'may not send as this sender',
      () => first.exchange.reply('MESSAGE', '554 5.2.252 SendAsDenied'),
      'ERR_SMTP_MESSAGE_REFUSED',
    ],
    [
      'has used up its day',
      () => first.exchange.reply('MESSAGE', '554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException'),
      'ERR_SMTP_MESSAGE_REFUSED',
    ],
  ])('the second takes over when the first %s', async (_, fault, code) => {
    start({}, { retries: 0 });
    fault();
    const sent = await client.send(mailTo('ada@example.org'));
    expect(sent.account).toBe('second');
    expect(inboxes()).toEqual([0, 1]);
    expect(attempts).toEqual([['first', code]]);
    expect(second.inbox.messages[0]?.messageId).toBe(sent.messageId);
    expect(announced).toEqual([sent.messageId]);
    expect(second.inbox.messages[0]?.envelope.from).toBe(second.mailbox);
  });

  test.each<[string, number]>([
    ['554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException', 1],
    ['451 4.7.0 Temporary server error. Please try again later', 3],
  ])('mails wait for no account whose service says %s', async (reply, times) => {
    start();
    first.exchange.reply('MESSAGE', reply, { times });
    const through = async (): Promise<string | undefined> =>
      (await client.send(mailTo('ada@example.org'), { deadline: 10_000 })).account;
    expect(await through()).toBe('second');
    expect(await through()).toBe('second');
    expect(inboxes()).toEqual([0, 2]);
  });

  test('an account that was left alone is the first again when it may be tried', async () => {
    start();
    first.exchange.reply('MESSAGE', '554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException');
    await client.send(mailTo('ada@example.org'));
    expect((await client.send(mailTo('ada@example.org'))).account).toBe('second');
    client.resume();
    expect((await client.send(mailTo('ada@example.org'))).account).toBe('first');
    expect(attempts).toHaveLength(1);
  });

  test('mails that wait at an account go through another one when its service asks for a rest', async () => {
    start();
    const quota = '554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException';
    first.exchange.reply('MESSAGE', quota, { times: Infinity });
    const sent = await Promise.all(Array.from({ length: 12 }, () => client.send(mailTo('ada@example.org'))));
    expect(new Set(sent.map(({ account }) => account))).toEqual(new Set(['second']));
    expect(inboxes()).toEqual([0, 12]);
  });

  test('the second takes over when the first server is gone, and health says so', async () => {
    start({}, { retries: 0 });
    await first.close();
    expect((await client.send(mailTo('ada@example.org'))).account).toBe('second');
    const { status, reasons, accounts } = client.health();
    expect(status).toBe('degraded');
    expect(reasons[0]).toMatch(/^first: /);
    expect(accounts.map((each) => [each.account, each.status])).toEqual([
      ['first', 'degraded'],
      ['second', 'up'],
    ]);
    expect((await client.verify()).accounts.map(({ account, error }) => [account, error === undefined])).toEqual([
      ['first', false],
      ['second', true],
    ]);
  });

  test('a message that may have been sent is not sent again', async () => {
    start();
    first.exchange.next('MESSAGE', { close: 'reset' });
    expect(await failure(client.send(mailTo('ada@example.org')))).toMatchObject({ mayHaveBeenSent: true });
    expect(inboxes()).toEqual([1, 0]);
    expect(attempts).toEqual([['first', 'ERR_SMTP_CLOSED']]);
  });

  test.each<[string, () => unknown, string]>([
    [
      'a recipient who does not exist',
      () => first.exchange.reply('RCPT', '550 5.1.1 User unknown'),
      'ERR_SMTP_RECIPIENTS_REFUSED',
    ],
    [
      'a message that is too large for the server',
      () => first.exchange.reply('MESSAGE', '552 5.3.4 Message size exceeds fixed limit'),
      'ERR_SMTP_MESSAGE_REFUSED',
    ],
  ])('%s is as little use to the second account, which is not asked', async (_, fault, code) => {
    start();
    fault();
    expect(await failure(client.send(mailTo('ada@example.org')))).toMatchObject({ code });
    expect(inboxes()).toEqual([0, 0]);
    expect(second.sessions).toHaveLength(0);
  });

  test('recipients that one account could not reach are not tried through the other', async () => {
    start();
    first.exchange.reply('RCPT', '550 5.1.1 User unknown');
    const sent = await client.send(mailTo('gone@example.org', { cc: 'ada@example.org' }));
    expect(sent).toMatchObject({ account: 'first', accepted: ['ada@example.org'], rejected: ['gone@example.org'] });
    expect(second.sessions).toHaveLength(0);
  });

  test('an error that may pass by itself is told rather than the last, when no account could send', async () => {
    start({}, { retries: 0 });
    first.exchange.next('GREETING', { reply: '421 4.3.2 Service not available', close: 'end', times: 9 });
    second.entra.next({ aadsts: 7000215 });
    expect(await failure(client.send(mailTo('ada@example.org')))).toMatchObject({ code: 'ERR_SMTP_SERVICE_REFUSED' });
    expect(attempts).toEqual([
      ['first', 'ERR_SMTP_SERVICE_REFUSED'],
      ['second', 'ERR_OAUTH_REFUSED'],
    ]);
  });

  test('a mail of which a stream was read is not tried again, one with bytes or a large body is', async () => {
    start({}, { retries: 0 });
    const reset = (): void => first.exchange.next('MAIL', { reply: '432 4.3.2 Concurrent connections limit exceeded' });
    reset();
    const streamed = mailTo('ada@example.org', { attachments: [{ filename: 'a', content: Readable.from(['a']) }] });
    expect(await failure(client.send(streamed))).toMatchObject({ code: 'ERR_SMTP_SENDER_REFUSED' });
    expect(attempts).toEqual([['first', 'ERR_SMTP_SENDER_REFUSED']]);
    expect(inboxes()).toEqual([0, 0]);
    await client.close();
    start({}, { retries: 0 });
    reset();
    const large = mailTo('ada@example.org', { attachments: [{ filename: 'a', content: Buffer.alloc(200_000, 'a') }] });
    expect((await client.send(large)).account).toBe('second');
    expect((await second.inbox.messages[0]?.parse())?.attachments[0]?.content).toHaveLength(200_000);
  });

  test('the deadline is for all accounts together', async () => {
    start();
    first.entra.next({ hang: true });
    const error = await failure(client.send(mailTo('ada@example.org'), { deadline: 200 }));
    expect(error).toMatchObject({ code: 'ERR_SMTP_DEADLINE', mayHaveBeenSent: false });
    expect(second.sessions).toHaveLength(0);
  });

  test('verify rejects with what the first met when no account can log in', async () => {
    start();
    for (const { exchange } of [first, second])
      exchange.next('AUTH', { reply: '535 5.7.3 Authentication unsuccessful', times: 9 });
    await expect(client.verify()).rejects.toMatchObject({ code: 'ERR_SMTP_AUTH_REFUSED' });
    expect(client.health().status).toBe('down');
  });
});

describe('round-robin', () => {
  test('the accounts take turns, and one that does not work is passed over', async () => {
    start({ strategy: 'round-robin' }, { retries: 0 });
    const through: (string | undefined)[] = [];
    const send = async (): Promise<void> => void through.push((await client.send(mailTo('ada@example.org'))).account);
    await send();
    await send();
    await send();
    await second.close();
    await send();
    await send();
    expect(through).toEqual(['first', 'second', 'first', 'first', 'first']);
  });
});

test('round-robin shares what a resting account would have sent among all the others', async () => {
  start();
  await client.close();
  const [a, b, c] = [
    accountOf(second, { label: 'a' }),
    accountOf(first, { label: 'b' }),
    accountOf(first, { label: 'c' }),
  ];
  start({ accounts: [a, b, c], strategy: 'round-robin' });
  second.exchange.reply('MESSAGE', '554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException');
  await client.send(mailTo('ada@example.org'));
  const through: (string | undefined)[] = [];
  for (let i = 0; i < 6; i += 1) through.push((await client.send(mailTo('ada@example.org'))).account);
  expect(through.filter((account) => account === 'b')).toHaveLength(3);
  expect(through.filter((account) => account === 'c')).toHaveLength(3);
});

test('a mail without a sender is from the account it goes through', async () => {
  const from = 'Contoso <noreply@contoso.com>';
  start({ accounts: [accountOf(first, { from }), accountOf(second)], strategy: 'round-robin' });
  await client.send(mailTo('ada@example.org'));
  await client.send(mailTo('ada@example.org'));
  const senders = [first, second].map(
    ({ inbox }) => /^From: .*$/m.exec(Buffer.from(inbox.messages[0]?.raw ?? []).toString())?.[0],
  );
  expect(senders).toEqual([`From: ${from}`, `From: ${second.mailbox}`].map((line) => expect.stringContaining(line)));
});

test('an account without a user lets each mail log in as its sender', async () => {
  start({ accounts: [accountOf(first, { user: undefined })] });
  const sent = await client.send(mailTo('ada@example.org', { from: first.mailbox }));
  expect(sent.account).toBe('account 1');
  await expect(client.send(mailTo('ada@example.org'))).rejects.toMatchObject({ code: 'ERR_INPUT_ADDRESS' });
});
