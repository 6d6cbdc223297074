// The mailer against the sandbox: real sockets, real TLS, real tokens.
import { type Sandbox, type SandboxOptions, createSandbox, editMailbox } from '@mailgrant/sandbox';
import { afterEach, expect, test, vi } from 'vitest';
import {
  type Mailer,
  type MailerOptions,
  type OutgoingMail,
  TokenError,
  clientCredentials,
  createMailer,
  isTransient,
} from '../src/index.ts';

interface Bench extends AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly mailer: Mailer;
  mail(subject?: string, from?: string): OutgoingMail;
}

async function bench(options: Partial<MailerOptions> = {}, sandboxOptions: SandboxOptions = {}): Promise<Bench> {
  const sandbox = await createSandbox(sandboxOptions);
  const { tokenEndpoint, clientId, clientSecret, scope, smtp, ca, mailbox } = sandbox;
  const token = clientCredentials({ tokenEndpoint, clientId, clientSecret, scope });
  const mailer = createMailer({
    provider: 'microsoft365',
    ...smtp,
    ca,
    user: mailbox,
    token,
    retryDelay: 5,
    ...options,
  });
  return {
    sandbox,
    mailer,
    mail: (subject = 'hi', from = mailbox) => ({
      envelope: { from, to: ['someone@example.com'] },
      message: `From: <${from}>\r\nTo: <someone@example.com>\r\nSubject: ${subject}\r\n\r\nhello\r\n`,
    }),
    async [Symbol.asyncDispose]() {
      await mailer.close({ deadline: 50 });
      await sandbox.close();
    },
  };
}

afterEach(() => vi.useRealTimers());

const many = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

test('a message arrives, and its receipt says under which name', async () => {
  await using b = await bench();
  const receipt = await b.mailer.send(b.mail('first'));
  const [delivered] = b.sandbox.inbox.messages;
  expect(delivered?.subject).toBe('first');
  expect(receipt.queueId).toBe(delivered?.internalId);
  expect(receipt).toMatchObject({ accepted: [{ address: 'someone@example.com' }], refused: [], deferred: [] });
  expect(receipt.roundTrips).toBe(9); // 7 to open a connection with TLS 1.3, 2 for the message
  expect((await b.mailer.send(b.mail())).roundTrips).toBe(2);
});

test('the envelope of the next message travels behind the last words of the one before', async () => {
  await using b = await bench({ limits: { connections: 1 } });
  await b.mailer.send(b.mail());
  const before = b.sandbox.sessions[0]?.roundTrips ?? 0;
  await Promise.all(many(5).map((i) => b.mailer.send(b.mail(`grouped ${i}`))));
  // Two flights for one message, six for five: each body shares its flight with the next envelope.
  expect(b.sandbox.sessions[0]?.roundTrips).toBe(before + 6);
  expect(b.sandbox.sessions).toHaveLength(1);
  expect(b.sandbox.inbox.messages.map(({ subject }) => subject)).toEqual(['hi', ...many(5).map((i) => `grouped ${i}`)]);
});

test('100 sends at once on a cold cache ask for one token and open no more connections than allowed', async () => {
  await using b = await bench({ limits: { messagesPerMinute: undefined } });
  await Promise.all(many(100).map((i) => b.mailer.send(b.mail(`m${i}`))));
  expect(b.sandbox.tokenRequests).toHaveLength(1);
  expect(b.sandbox.sessions.length).toBeLessThanOrEqual(3);
  expect(b.sandbox.inbox.messages).toHaveLength(100);
});

test('a refused token is renewed once, on a fresh connection, and the message goes out', async () => {
  await using b = await bench();
  b.sandbox.exchange.reply('AUTH', '535 5.7.3 Authentication unsuccessful');
  await b.mailer.send(b.mail());
  expect(b.sandbox.tokenRequests).toHaveLength(2);
  expect(b.sandbox.sessions).toHaveLength(2);
});

test('a credential that stays refused is tried twice for 50 messages, and all hear the same reason', async () => {
  await using b = await bench();
  b.sandbox.exchange.reply('AUTH', '535 5.7.3 Authentication unsuccessful', { times: Infinity });
  const outcomes = await Promise.allSettled(many(50).map(() => b.mailer.send(b.mail())));
  const reasons = new Set(outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason : 'sent')));
  expect([...reasons]).toEqual([expect.objectContaining({ code: 'ERR_SMTP_AUTH_REFUSED' })]);
  expect(b.sandbox.sessions).toHaveLength(2);
  expect(b.mailer.health()).toMatchObject({ status: 'down' });
  // Whoever comes later is told at once, without another attempt.
  await expect(b.mailer.send(b.mail())).rejects.toMatchObject({
    code: 'ERR_MAILER_SUSPENDED',
    retryAfter: expect.any(Number),
    cause: expect.objectContaining({ code: 'ERR_SMTP_AUTH_REFUSED' }),
  });
  expect(b.sandbox.sessions).toHaveLength(2);
});

test.each(['reset', 'end'] as const)('a connection that died while idle (%s) fails no message', async (how) => {
  await using b = await bench();
  await b.mailer.send(b.mail('before'));
  b.sandbox.exchange.disconnectAll(how);
  await b.mailer.send(b.mail('after'));
  expect(b.sandbox.inbox.messages.map(({ subject }) => subject)).toEqual(['before', 'after']);
});

test('421 to MAIL on a connection that served before moves the message to a fresh one', async () => {
  await using b = await bench({ retries: 0 });
  await b.mailer.send(b.mail('before'));
  b.sandbox.exchange.next('MAIL', { reply: '421 4.4.2 Connection timed out', close: 'end' });
  await b.mailer.send(b.mail('after'));
  expect(b.sandbox.inbox.messages).toHaveLength(2);
  expect(b.sandbox.sessions).toHaveLength(2);
});

test('a message put off is tried again, as often as allowed', async () => {
  await using b = await bench();
  b.sandbox.exchange.reply('MAIL', '451 4.7.0 Temporary server error. Please try again later. PRX4');
  await b.mailer.send(b.mail());
  expect(b.sandbox.inbox.messages).toHaveLength(1);
  b.sandbox.exchange.reply('MAIL', '451 4.7.0 Temporary server error. Please try again later. PRX4', { times: 3 });
  await expect(b.mailer.send(b.mail())).rejects.toMatchObject({
    code: 'ERR_SMTP_SENDER_REFUSED',
    reply: { code: 451 },
  });
  expect(b.sandbox.inbox.messages).toHaveLength(1);
});

test('a message whose answer was lost is reported as perhaps sent and not sent again', async () => {
  await using b = await bench();
  b.sandbox.exchange.next('MESSAGE', { close: 'reset' });
  await expect(b.mailer.send(b.mail())).rejects.toMatchObject({
    code: 'ERR_SMTP_CLOSED',
    stage: 'message',
    mayHaveBeenSent: true,
  });
  expect(b.sandbox.inbox.messages).toHaveLength(1);
});

test('a sender the mailbox may not send as is suspended alone', async () => {
  await using b = await bench();
  const stranger = b.mail('not mine', 'stranger@contoso.com');
  await expect(b.mailer.send(stranger)).rejects.toMatchObject({ code: 'ERR_SMTP_MESSAGE_REFUSED' });
  await expect(b.mailer.send(stranger)).rejects.toMatchObject({ code: 'ERR_MAILER_SUSPENDED' });
  await b.mailer.send(b.mail('mine'));
  expect(b.sandbox.inbox.messages.map(({ subject }) => subject)).toEqual(['mine']);
  expect(b.mailer.health()).toMatchObject({ status: 'degraded' });
});

test('health tells until when nothing is tried, once that is so for every mailbox', async () => {
  const mailboxes = [{ address: 'noreply@contoso.com' }, { address: 'billing@contoso.com' }];
  await using b = await bench({ user: undefined, retries: 0 }, { tenants: [{ mailboxes }] });
  const [one, other] = [b.mail('a'), b.mail('b', 'billing@contoso.com')];
  await b.mailer.send(other);
  const quota = '554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException';
  b.sandbox.exchange.reply('MESSAGE', quota, { times: 2 });
  await expect(b.mailer.send(one)).rejects.toMatchObject({ code: 'ERR_SMTP_MESSAGE_REFUSED' });
  expect(b.mailer.health().suspendedUntil).toBeUndefined();
  await expect(b.mailer.send(other)).rejects.toMatchObject({ code: 'ERR_SMTP_MESSAGE_REFUSED' });
  const { status, suspendedUntil = 0 } = b.mailer.health();
  expect([status, suspendedUntil > Date.now()]).toEqual(['down', true]);
  b.mailer.resume();
  expect(b.mailer.health()).not.toHaveProperty('suspendedUntil');
});

test('without a user every message logs in as its sender', async () => {
  const mailboxes = [{ address: 'noreply@contoso.com' }, { address: 'billing@contoso.com' }];
  await using b = await bench({ user: undefined }, { tenants: [{ mailboxes }] });
  await Promise.all([b.mailer.send(b.mail('a')), b.mailer.send(b.mail('b', 'billing@contoso.com'))]);
  expect(b.sandbox.inbox.messages.map(({ envelope }) => envelope.from).sort()).toEqual([
    'billing@contoso.com',
    'noreply@contoso.com',
  ]);
  expect(b.sandbox.tokenRequests).toHaveLength(1);
});

test('a mailbox written in capitals is the same mailbox', async () => {
  await using b = await bench({ user: undefined, limits: { connections: 1 } });
  await b.mailer.send(b.mail('hi', b.sandbox.mailbox));
  await b.mailer.send(b.mail('hi', b.sandbox.mailbox.toUpperCase()));
  expect(b.sandbox.sessions).toHaveLength(1);
});

test('messages above the limit per minute wait; the deadline ends the wait', async () => {
  await using b = await bench({ limits: { messagesPerMinute: 5 } });
  await Promise.all(many(5).map(() => b.mailer.send(b.mail())));
  await expect(b.mailer.send(b.mail(), { deadline: 50 })).rejects.toMatchObject({
    code: 'ERR_SMTP_DEADLINE',
    stage: 'queue',
    mayHaveBeenSent: false,
  });
  expect(b.sandbox.inbox.messages).toHaveLength(5);
});

test('the limit per minute is kept though the time of day is set', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  await using b = await bench({ limits: { messagesPerMinute: 1 } });
  await b.mailer.send(b.mail());
  vi.setSystemTime(Date.now() + 90_000);
  await expect(b.mailer.send(b.mail(), { deadline: 50 })).rejects.toMatchObject({ code: 'ERR_SMTP_DEADLINE' });
  expect(b.sandbox.inbox.messages).toHaveLength(1);
});

test('a message the server refused has its place in the minute', async () => {
  await using b = await bench({ limits: { messagesPerMinute: 1 } });
  b.sandbox.exchange.reply('MESSAGE', '550 5.6.11 Invalid characters');
  await expect(b.mailer.send(b.mail())).rejects.toMatchObject({ reply: { status: '5.6.11' } });
  await expect(b.mailer.send(b.mail(), { deadline: 50 })).rejects.toMatchObject({ code: 'ERR_SMTP_DEADLINE' });
});

test('recipients above the limit per day are refused, with the time when they become possible', async () => {
  await using b = await bench({ limits: { recipientsPerDay: 2 } });
  await b.mailer.send(b.mail());
  await b.mailer.send(b.mail());
  const error = await b.mailer.send(b.mail()).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ name: 'LimitError', code: 'ERR_MAILER_DAILY_LIMIT' });
  const day = 24 * 60 * 60_000;
  expect((error as { retryAfter: number }).retryAfter).toBeGreaterThan(day - 60_000);
  expect((error as { retryAfter: number }).retryAfter).toBeLessThanOrEqual(day + 60_000);
});

test('recipients for whom only those that wait leave no room are possible another day', async () => {
  await using b = await bench({ limits: { recipientsPerDay: 3 } });
  b.sandbox.exchange.next('MESSAGE', { hang: true });
  const { envelope, message } = b.mail();
  const two = { envelope: { ...envelope, to: ['a@example.com', 'b@example.com'] }, message };
  const waiting = b.mailer.send(two).catch(() => {});
  const error: unknown = await b.mailer.send(two).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'ERR_MAILER_DAILY_LIMIT', retryAfter: expect.any(Number) });
  expect(isTransient(error)).toBe(true);
  await b.mailer.close({ deadline: 1 });
  await waiting;
});

test('of a message in doubt those count who may have it, not those it was not tried for', async () => {
  await using b = await bench({ limits: { recipientsPerDay: 10, recipientsPerMessage: 2 } });
  const { envelope, message } = b.mail();
  const to = (count: number): OutgoingMail => ({
    envelope: { ...envelope, to: many(count).map((i) => `r${i}@example.com`) },
    message,
  });
  b.sandbox.exchange.next('MESSAGE', { close: 'reset' });
  await expect(b.mailer.send(to(9))).rejects.toMatchObject({ mayHaveBeenSent: true });
  expect((await b.mailer.send(to(8))).accepted).toHaveLength(8);
  await expect(b.mailer.send(b.mail())).rejects.toMatchObject({ code: 'ERR_MAILER_DAILY_LIMIT' });
});

test('a full queue refuses, or waits where that was asked for', async () => {
  await using refusing = await bench({ queue: { messages: 2 } });
  const outcomes = await Promise.allSettled(many(3).map(() => refusing.mailer.send(refusing.mail())));
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
  expect(outcomes[2]).toMatchObject({ reason: { code: 'ERR_MAILER_QUEUE_FULL' } });

  await using waiting = await bench({ queue: { messages: 2, whenFull: 'wait' } });
  await Promise.all(many(6).map(() => waiting.mailer.send(waiting.mail())));
  expect(waiting.sandbox.inbox.messages).toHaveLength(6);
});

test('the bytes of a queue are counted, and a message larger than all of it goes alone', async () => {
  await using b = await bench({ queue: { bytes: 300 } });
  const of = (size: number): OutgoingMail => ({ ...b.mail(), message: `Subject: x\r\n\r\n${'x'.repeat(size)}` });
  const outcomes = await Promise.allSettled([of(100), of(100), of(200)].map((mail) => b.mailer.send(mail)));
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
  expect(outcomes[2]).toMatchObject({ reason: { code: 'ERR_MAILER_QUEUE_FULL' } });
  await b.mailer.send(of(1_000));
  await Promise.all([b.mailer.send(of(100)), b.mailer.send(of(100))]);
});

test('ready() resolves when the queue has room again', async () => {
  await using b = await bench({ queue: { messages: 1 } });
  const order: string[] = [];
  const sent = b.mailer.send(b.mail()).then(() => order.push('sent'));
  const ready = b.mailer.ready().then(() => order.push('ready'));
  await Promise.all([sent, ready]);
  await b.mailer.ready();
  expect(order).toContain('ready');
  await b.mailer.send(b.mail());
});

test('close lets what was accepted finish, and refuses what comes later', async () => {
  await using b = await bench();
  const sends = many(10).map((i) => b.mailer.send(b.mail(`m${i}`)));
  const closing = b.mailer.close();
  await expect(b.mailer.send(b.mail())).rejects.toMatchObject({ code: 'ERR_MAILER_CLOSED' });
  await Promise.all(sends);
  await closing;
  expect(b.sandbox.inbox.messages).toHaveLength(10);
});

test('verify logs in without sending, and the connection serves the next message', async () => {
  await using b = await bench();
  const facts = await b.mailer.verify();
  expect(facts).toMatchObject({ mechanism: 'XOAUTH2', inlineAuth: true, tls: { protocol: 'TLSv1.3' }, roundTrips: 7 });
  expect((await b.mailer.send(b.mail())).roundTrips).toBe(2);
  expect(b.sandbox.sessions).toHaveLength(1);
});

test('verify looks at the token: one that is not for Exchange is not presented', async () => {
  await using b = await bench();
  const right = await b.mailer.verify();
  expect(right.token.filter(({ result }) => result === 'failed')).toEqual([]);
  expect(right.token).toContainEqual({ check: 'audience', result: 'ok', text: expect.stringContaining('outlook') });

  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const { smtp, ca, mailbox: user } = b.sandbox;
  const graph = `${part({ alg: 'none' })}.${part({ aud: 'https://graph.microsoft.com' })}.x`;
  const token = async () => ({ value: graph, expiresAt: Date.now() + 3_600_000 });
  await using other = createMailer({ provider: 'microsoft365', ...smtp, ca, user, token });
  const error: unknown = await other.verify().catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'ERR_OAUTH_WRONG_TOKEN', stage: 'token' });
  expect(String(error)).toContain('https://outlook.office365.com/.default');
  const said = b.sandbox.sessions.flatMap(({ entries }) => entries.map(({ text }) => text));
  expect(said.filter((line) => line.startsWith('AUTH '))).toHaveLength(1);
});

test('the same recipient twice gets one copy', async () => {
  await using b = await bench();
  const { message } = b.mail();
  const to = ['a@example.com', 'a@EXAMPLE.com', 'A@example.com', 'a@example.com'];
  const receipt = await b.mailer.send({ envelope: { from: b.sandbox.mailbox, to }, message });
  expect(receipt.accepted.map(({ address }) => address)).toEqual(['a@example.com', 'A@example.com']);
});

test.each([
  [{}, 'provider'],
  [{ provider: 'office' }, 'provider'],
  [{ provider: 'microsoft365', user: 'x' }, 'user'],
  [{ provider: 'microsoft365', tls: 'none' }, 'tls'],
  [{ host: 'smtp.example\r\nEHLO', user: 'a@b.c' }, 'host'],
  [{ host: 'smtp.example', port: 0 }, 'port'],
  [{ host: 'smtp.example', name: 'a b' }, 'name'],
  [{ host: 'smtp.example', token: 'secret' }, 'token'],
  [{ host: 'smtp.example', limits: { connections: 0 } }, 'limits.connections'],
  [{ host: 'smtp.example', timeouts: { greeting: -1 } }, 'timeouts.greeting'],
  [{ host: 'smtp.example', queue: { messages: 0 } }, 'queue.messages'],
  [{ host: 'smtp.example', ca: '/etc/ssl/ca.pem' }, 'ca: expected certificates'],
  [{ host: 'smtp.example', ca: ['-----BEGIN PRIVATE KEY-----\n'] }, 'ca: expected certificates'],
  [{ host: 'smtp.example', ca: [] }, 'ca: expected certificates'],
  [{ host: 'smtp.example', ca: 42 }, 'ca: expected certificates'],
  [{ host: 'smtp.example', ca: null }, 'ca: expected certificates'],
])('options %j are refused with a sentence that names %s', (options, named) => {
  const token = async (): Promise<never> => Promise.reject(new Error('not asked'));
  const call = (): Mailer => createMailer({ user: 'a@b.c', token, ...options } as unknown as MailerOptions);
  expect(call).toThrow(TypeError);
  expect(call).toThrow(named);
});

test.each([
  ['bytes', (pem: string) => Buffer.from(pem)],
  ['text behind a byte order mark', (pem: string) => `\ufeff${pem}`],
  ['bytes behind a byte order mark', (pem: string) => Buffer.from(`\ufeff${pem}`)],
  ['a bundle that was split', (pem: string) => [pem, '']],
])('authorities are trusted from %s', async (_, of) => {
  await using sandbox = await createSandbox();
  const { tokenEndpoint, clientId, clientSecret, scope, smtp, mailbox } = sandbox;
  const token = clientCredentials({ tokenEndpoint, clientId, clientSecret, scope });
  const ca = of(sandbox.ca);
  await using mailer = createMailer({ provider: 'microsoft365', ...smtp, ca, user: mailbox, token });
  expect((await mailer.verify()).tls?.protocol).toBe('TLSv1.3');
});

test('recipients above the limit of one message are sent to in groups, with one receipt', async () => {
  await using b = await bench(
    { limits: { recipientsPerMessage: 2 } },
    { smtp: { refuse: [{ match: 'c@example.com', reply: '550 5.1.10 no' }] } },
  );
  const to = ['a', 'b', 'c', 'd', 'e'].map((name) => `${name}@example.com`);
  const receipt = await b.mailer.send({ envelope: { from: b.sandbox.mailbox, to }, message: b.mail().message });
  expect(b.sandbox.inbox.messages.map(({ envelope }) => envelope.to)).toEqual([
    to.slice(0, 2),
    to.slice(3, 4),
    to.slice(4),
  ]);
  expect(receipt.accepted).toHaveLength(4);
  expect(receipt.refused).toMatchObject([{ address: 'c@example.com', reply: { status: '5.1.10' } }]);
  expect(receipt.queueIds).toEqual(b.sandbox.inbox.messages.map(({ internalId }) => internalId));
});

test('when a later group fails, nobody is told to send to the first one again', async () => {
  await using b = await bench({ limits: { recipientsPerMessage: 1 }, retries: 0 });
  const mail = {
    envelope: { from: b.sandbox.mailbox, to: ['a@example.com', 'b@example.com'] },
    message: b.mail().message,
  };
  b.sandbox.exchange.reply('MAIL', '250 2.1.0 Sender OK');
  b.sandbox.exchange.reply('MAIL', '451 4.7.0 later');
  expect(await b.mailer.send(mail)).toMatchObject({
    accepted: [{ address: 'a@example.com' }],
    deferred: [{ address: 'b@example.com', reply: { code: 451 } }],
  });
  b.sandbox.exchange.reply('MESSAGE', '250 2.0.0 OK');
  b.sandbox.exchange.next('MESSAGE', { close: 'reset' });
  await expect(b.mailer.send(mail)).rejects.toMatchObject({
    mayHaveBeenSent: true,
    message: expect.stringContaining('1 of 2 recipients already have the message'),
  });
});

test('a connection past its age takes no more messages, even while it is busy, and nothing waits for ever', async () => {
  await using b = await bench({ limits: { connections: 1 }, maxAge: 1 });
  await Promise.all(many(5).map((i) => b.mailer.send(b.mail(`m${i}`))));
  expect(b.sandbox.inbox.messages).toHaveLength(5);
  expect(b.sandbox.sessions.length).toBeGreaterThan(1);
});

test('a token of 20 seconds serves a message, and its connection is not used for the next', async () => {
  await using b = await bench({}, { tokenLifetime: 20_000 });
  await b.mailer.send(b.mail());
  await b.mailer.send(b.mail());
  expect(b.sandbox.sessions).toHaveLength(2);
});

test('one flight a message, and all of them in the air at once, where that is asked for', async () => {
  await using b = await bench({ wire: 'one-flight', limits: { connections: 1 } });
  await b.mailer.send(b.mail());
  const before = b.sandbox.sessions[0]?.roundTrips ?? 0;
  expect((await b.mailer.send(b.mail('alone'))).roundTrips).toBe(1);
  await Promise.all(many(10).map((i) => b.mailer.send(b.mail(`m${i}`))));
  expect(b.sandbox.inbox.messages).toHaveLength(12);
  expect((b.sandbox.sessions[0]?.roundTrips ?? 0) - before).toBeLessThanOrEqual(3);
});

/** Text of `length` bytes in uneven pieces, with everything that needs care at their edges. */
async function* pieces(length: number): AsyncGenerator<Uint8Array> {
  const line = Buffer.from('.leading dot\r\n..two\r\nplain text of a line that is a little longer\r\n\r\n.\r\n');
  const whole = Buffer.alloc(length, line);
  for (let at = 0, size = 1; at < length; at += size, size = (size * 7 + 13) % 90_001) {
    yield whole.subarray(at, at + size);
  }
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return Buffer.concat(parts);
}

test.each(['data', 'grouped', 'chunked', 'one-flight'] as const)(
  '%s: a streamed message arrives as it was',
  async (wire) => {
    await using b = await bench({ wire });
    const length = 3_000_000;
    const expected = await collect(pieces(length));
    await b.mailer.send(b.mail());
    await b.mailer.send({ envelope: b.mail().envelope, message: pieces(length) });
    const raw = Buffer.from(b.sandbox.inbox.messages[1]?.raw ?? []);
    const tail = wire.startsWith('chunk') || wire === 'one-flight' ? '' : expected.at(-1) === 10 ? '' : '\r\n';
    expect(raw.equals(Buffer.concat([expected, Buffer.from(tail)]))).toBe(true);
  },
);

test('a refused chunk ends the message, and the next one goes out on the same connection', async () => {
  await using b = await bench({ wire: 'chunked', limits: { connections: 1 } }, { smtp: { maxSize: 1_500_000 } });
  await b.mailer.send(b.mail());
  await expect(b.mailer.send({ envelope: b.mail().envelope, message: pieces(3_000_000) })).rejects.toMatchObject({
    code: 'ERR_SMTP_MESSAGE_REFUSED',
    mayHaveBeenSent: false,
  });
  await b.mailer.send(b.mail('next'));
  expect(b.sandbox.inbox.messages.map(({ subject }) => subject)).toEqual(['hi', 'next']);
  expect(b.sandbox.sessions).toHaveLength(1);
});

test('a binary message travels untouched', async () => {
  await using b = await bench();
  const message = Buffer.from('Subject: raw\r\n\r\n\n.\n\r\x00\xff\n', 'latin1');
  await b.mailer.send({ envelope: b.mail().envelope, message, binary: true });
  expect(Buffer.from(b.sandbox.inbox.messages[0]?.raw ?? []).equals(message)).toBe(true);
});

test('a server that loses count of a flight is taken a step down, and the message goes out all the same', async () => {
  await using b = await bench({ retries: 0 });
  b.sandbox.exchange.reply('DATA', '503 5.5.2 Bad sequence of commands');
  await b.mailer.send(b.mail('first'));
  await b.mailer.send(b.mail('second'));
  expect(b.sandbox.inbox.messages).toHaveLength(2);
  const flights = b.sandbox.inbox.messages.map(({ roundTrips }) => roundTrips);
  expect(flights.at(-1)).toBe(3);
});

test('50 messages in the name of somebody else are not tried 50 times', async () => {
  await using b = await bench({ limits: { messagesPerMinute: undefined } });
  const outcomes = await Promise.allSettled(many(50).map(() => b.mailer.send(b.mail('x', 'stranger@contoso.com'))));
  expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
  const tried = b.sandbox.sessions.flatMap(({ entries }) =>
    entries.filter(({ text }) => text.includes('SendAsDenied')),
  );
  expect(tried.length).toBeLessThanOrEqual(4);
  expect(outcomes.at(-1)).toMatchObject({ reason: { code: 'ERR_MAILER_SUSPENDED' } });
});

test('close ends what does not finish in time, and opens nothing any more', async () => {
  await using b = await bench({ limits: { connections: 1 } });
  await b.mailer.send(b.mail());
  b.sandbox.exchange.next('MESSAGE', { hang: true, times: Infinity });
  const sends = many(3).map((i) => b.mailer.send(b.mail(`m${i}`)));
  const outcomes = Promise.allSettled(sends);
  await b.mailer.close({ deadline: 30 });
  expect(await outcomes).toMatchObject([
    { reason: { code: 'ERR_MAILER_CLOSED', stage: 'message', mayHaveBeenSent: true } },
    { reason: { code: 'ERR_MAILER_CLOSED', mayHaveBeenSent: false } },
    { reason: { code: 'ERR_MAILER_CLOSED', mayHaveBeenSent: false } },
  ]);
  expect(b.sandbox.sessions).toHaveLength(1);
});

test.each([
  ['AUTH', '501 5.5.121 Invalid XOAUTH2 argument'],
  ['AUTH', '502 5.5.1 Command not implemented'],
  ['AUTH', '550 5.1.1 No such user'],
  ['EHLO', '502 5.5.1 Command not implemented'],
] as const)(
  '%s refused with %s, as a message or recipient might be, is not tried again for each message',
  async (at, said) => {
    await using b = await bench();
    b.sandbox.exchange.reply(at, said, { times: Infinity });
    await expect(b.mailer.send(b.mail())).rejects.toMatchObject({ reply: { code: Number(said.slice(0, 3)) } });
    const cause = expect.objectContaining({ stage: at });
    await expect(b.mailer.send(b.mail())).rejects.toMatchObject({ code: 'ERR_MAILER_SUSPENDED', cause });
    expect(b.mailer.health()).toMatchObject({ status: 'down' });
    expect(b.sandbox.sessions).toHaveLength(1);
  },
);

test('one connection too many is closed again, and those at work go on', async () => {
  await using b = await bench({ limits: { messagesPerMinute: undefined } });
  await b.mailer.send(b.mail());
  b.sandbox.exchange.reply('AUTH', '432 4.3.2 Concurrent connections limit exceeded.', { times: Infinity });
  await Promise.all(many(40).map((i) => b.mailer.send(b.mail(`m${i}`))));
  expect(b.sandbox.inbox.messages).toHaveLength(41);
  expect(b.mailer.health().status).toBe('up');
});

test.each(['504 5.5.2 <someone@example.com>: need fully-qualified address', '550 5.7.1 not authorized'])(
  'a recipient refused with %s is no reason to stop the mailbox',
  async (reply) => {
    await using b = await bench();
    b.sandbox.exchange.reply('RCPT', reply);
    await expect(b.mailer.send(b.mail())).rejects.toMatchObject({ code: 'ERR_SMTP_RECIPIENTS_REFUSED' });
    expect(b.mailer.health()).toMatchObject({ status: 'up', reasons: [] });
    await b.mailer.send(b.mail('next'));
  },
);

test.each(['MAIL', 'RCPT', 'DATA'] as const)(
  '421 to %s on a fresh connection: the message goes out a moment later',
  async (point) => {
    await using b = await bench();
    b.sandbox.exchange.next(point, { reply: '421 4.3.2 Service not active', close: 'end' });
    await b.mailer.send(b.mail());
    expect(b.sandbox.inbox.messages).toHaveLength(1);
  },
);

test('the health of many mailboxes stays readable', async () => {
  await using b = await bench({ user: undefined, retries: 0 });
  const senders = Array.from({ length: 12 }, (_, i) => `nobody${i}@contoso.com`);
  await Promise.allSettled(senders.map((from) => b.mailer.send(b.mail('x', from))));
  const { status, reasons } = b.mailer.health();
  expect(status).toBe('down');
  expect(reasons).toHaveLength(11);
  expect(reasons.at(-1)).toBe('and 2 more like these');
});

test('a mailbox that was not connected sends as soon as somebody has signed in', async () => {
  await using b = await bench();
  const { tokenEndpoint, clientId, clientSecret, scope, smtp, ca, mailbox: user } = b.sandbox;
  const consented = clientCredentials({ tokenEndpoint, clientId, clientSecret, scope });
  let connected = false;
  const token = () =>
    connected ? consented() : Promise.reject(new TokenError('ERR_OAUTH_NOT_CONNECTED', 'nobody has signed in'));
  await using mailer = createMailer({ provider: 'microsoft365', ...smtp, ca, user, token });
  await expect(mailer.send(b.mail())).rejects.toMatchObject({ code: 'ERR_OAUTH_NOT_CONNECTED' });
  await expect(mailer.send(b.mail())).rejects.toMatchObject({ code: 'ERR_OAUTH_NOT_CONNECTED' });
  connected = true;
  await mailer.send(b.mail());
  expect(mailer.health().status).toBe('up');
});

test('whoever repaired what was wrong need not wait: resume() tries again at once', async () => {
  await using b = await bench();
  const { directory, mailbox } = b.sandbox;
  const switchSmtpAuth = (enabled: boolean): void =>
    directory.update((before) => editMailbox(before, mailbox, (each) => ({ ...each, smtpAuth: enabled })));
  switchSmtpAuth(false);
  await expect(b.mailer.send(b.mail())).rejects.toMatchObject({ code: 'ERR_SMTP_AUTH_REFUSED' });
  switchSmtpAuth(true);
  await expect(b.mailer.send(b.mail())).rejects.toMatchObject({ code: 'ERR_MAILER_SUSPENDED' });
  b.mailer.resume();
  await b.mailer.send(b.mail());
  expect(b.mailer.health().status).toBe('up');
});
