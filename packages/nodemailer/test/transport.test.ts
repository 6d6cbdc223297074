import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { AuthenticationError, ConnectionError, createMailer, InputError, ReplyError } from '@mailgrant/core';
import { createSandbox, type ExchangeOptions, type Sandbox } from '@mailgrant/sandbox';
import nodemailer, { type SendMailOptions, type Transporter } from 'nodemailer';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { mailgrantTransport, type SentMessage, type TransportOptions } from '../src/index.ts';
import { accountOf } from './account.ts';

let sandbox: Sandbox;
let transporter: Transporter<SentMessage>;
let mail: SendMailOptions;

async function start(
  smtp: ExchangeOptions = {},
  defaults?: SendMailOptions,
  options: TransportOptions = {},
): Promise<void> {
  sandbox = await createSandbox({ smtp });
  transporter = nodemailer.createTransport(mailgrantTransport(accountOf(sandbox), options), defaults);
  mail = { from: `Contoso <${sandbox.mailbox}>`, to: 'grace@example.org', subject: 'Hello', text: 'Hi' };
}

beforeEach(async ({ task }) => {
  if (!task.name.includes('[own server]')) await start();
});

afterEach(async () => {
  await close(transporter);
  await sandbox.close();
});

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no failure',
    (reason: unknown) => reason,
  );

/** nodemailer says that close() returns nothing; ours returns a promise, which nodemailer hands on. */
const close = async (closing: { close(options?: object): unknown }, options = {}): Promise<void> => {
  await closing.close(options);
};

/** Waits, turn by turn, for what has no event. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

/** Whether the last session has heard this command. */
const heard = (command: string): boolean =>
  sandbox.sessions.at(-1)?.entries.some(({ from, text }) => from === 'client' && text.startsWith(command)) ?? false;

test.each(['grouped', 'chunked'] as const)('large attachments arrive as they were (%s) [own server]', async (wire) => {
  sandbox = await createSandbox();
  const account = { ...accountOf(sandbox), wire };
  transporter = nodemailer.createTransport(mailgrantTransport(account, { allowFiles: true }));
  const content = randomBytes(3_000_000);
  const folder = await mkdtemp(join(tmpdir(), 'mailgrant-'));
  const path = join(folder, 'attached.bin');
  await writeFile(path, content);
  const attachments = [{ content }, { path }, { content: Readable.from([content]) }];
  await transporter.sendMail({ from: sandbox.mailbox, to: 'grace@example.org', subject: 'x', text: 'x', attachments });
  const arrived = (await sandbox.inbox.messages[0]?.parse())?.attachments ?? [];
  expect(arrived.map((each) => Buffer.from(each.content as Uint8Array).equals(content))).toEqual([true, true, true]);
  await rm(folder, { recursive: true });
});

test('a mail composed by nodemailer arrives, and the result has what nodemailer users read', async () => {
  const info = await transporter.sendMail({
    ...mail,
    cc: 'Zoë <zoe@example.org>',
    bcc: 'eve@example.net',
    html: '<p>Hi',
    attachments: [{ filename: 'ä.txt', content: 'attached' }],
  });
  const [message] = sandbox.inbox.messages;
  expect(info).toMatchObject({
    envelope: { from: sandbox.mailbox, to: ['grace@example.org', 'zoe@example.org', 'eve@example.net'] },
    messageId: message?.messageId,
    accepted: ['grace@example.org', 'zoe@example.org', 'eve@example.net'],
    rejected: [],
    response: expect.stringMatching(/^250 2\.0\.0 OK /),
    messageTime: expect.any(Number),
    messageSize: message?.raw.length,
  });
  expect(info.serverMessageId).toBe(`<${message?.internalId}>`);
  expect(info.receipt.queueId).toBe(message?.internalId);
  expect(info).not.toHaveProperty('rejectedErrors');
  expect(message?.envelope.to).toEqual(info.envelope.to);
  const { text, html, attachments } = (await message?.parse()) ?? {};
  expect({ text: text?.trim(), html: html?.trim() }).toEqual({ text: 'Hi', html: '<p>Hi' });
  expect(attachments?.[0]).toMatchObject({ filename: 'ä.txt', content: new Uint8Array(Buffer.from('attached')) });
  expect(Buffer.from(message?.raw ?? []).toString()).not.toMatch(/^bcc:|eve@/im);
});

test('callbacks work as promises do', async () => {
  const info = await new Promise<SentMessage>((resolve, reject) => {
    transporter.sendMail(mail, (error, sent) => (error ? reject(error) : resolve(sent)));
  });
  expect(info.accepted).toEqual(['grace@example.org']);
  const error = await new Promise((resolve) => {
    transporter.sendMail({ ...mail, to: '' }, (failed) => resolve(failed));
  });
  expect(error).toMatchObject({ code: 'ERR_INPUT_ADDRESS' });
});

test('defaults, plugins, data URLs and DKIM are nodemailer’s and reach the message', async () => {
  await close(transporter);
  const { privateKey } = await generateKey();
  transporter = nodemailer.createTransport(mailgrantTransport(accountOf(sandbox)), {
    replyTo: 'answers@contoso.com',
    headers: { 'X-Default': 'yes' },
    attachDataUrls: true,
  });
  transporter.use('compile', (compiled, done) => {
    compiled.data.text = 'from the plugin';
    done();
  });
  transporter.use('stream', (compiled, done) => {
    compiled.message.transform(() => passing());
    done();
  });
  await transporter.sendMail({
    ...mail,
    html: '<img src="data:image/png;base64,iVBORw0KGgo=">',
    dkim: { domainName: 'contoso.com', keySelector: 's1', privateKey },
  });
  const source = Buffer.from(sandbox.inbox.messages[0]?.raw ?? []).toString();
  expect(source).toMatch(/^DKIM-Signature: v=1;/);
  expect(source).toMatch(/^Reply-To: answers@contoso\.com\r\n/m);
  expect(source).toMatch(/^X-Default: yes\r\n/m);
  expect(source).toContain('from the plugin');
  expect(source).toMatch(/src=3D"cid:[0-9a-f]+@localhost"|src="cid:[0-9a-f]+@localhost"/);
});

async function generateKey(): Promise<{ privateKey: string }> {
  const { generateKeyPairSync } = await import('node:crypto');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

/** Changes nothing: it is there to be in the way. */
const passing = (): Transform =>
  new Transform({
    transform(piece, _encoding, done) {
      done(null, piece);
    },
  });

test('[own server] a mail that only some recipients get says who, and why not', async () => {
  await start({
    refuse: [
      { match: 'gone@example.org', reply: '550 5.1.1 No such user' },
      { match: 'full@example.org', reply: '452 4.2.2 Mailbox full' },
    ],
  });
  const info = await transporter.sendMail({
    ...mail,
    to: ['gone@example.org', 'full@example.org', 'here@example.org'],
  });
  expect(info).toMatchObject({ accepted: ['here@example.org'], rejected: ['gone@example.org', 'full@example.org'] });
  expect(info.rejectedErrors?.[0]).toBeInstanceOf(ReplyError);
  expect(info.rejectedErrors).toMatchObject([
    { recipient: 'gone@example.org', responseCode: 550, response: '550 5.1.1 No such user', permanent: true },
    { recipient: 'full@example.org', responseCode: 452, command: 'RCPT TO', permanent: false },
  ]);
});

test('[own server] a mail nobody gets fails with what nodemailer users look at, and stays core’s error', async () => {
  await start({ refuse: [{ match: /./, reply: '550 5.1.1 No such user' }] });
  const error = await failure(transporter.sendMail(mail));
  expect(error).toBeInstanceOf(ReplyError);
  expect(error).toMatchObject({
    code: 'ERR_SMTP_RECIPIENTS_REFUSED',
    nodemailerCode: 'EENVELOPE',
    command: 'RCPT TO',
    response: '550 5.1.1 No such user',
    responseCode: 550,
    permanent: true,
    rejected: ['grace@example.org'],
    rejectedErrors: [{ recipient: 'grace@example.org', responseCode: 550 }],
    reply: { code: 550 },
  });
});

test('a login the server refuses fails sends and verify() alike', async () => {
  sandbox.exchange.next('AUTH', { reply: '535 5.7.3 Authentication unsuccessful', times: Infinity });
  const fields = {
    code: 'ERR_SMTP_AUTH_REFUSED',
    nodemailerCode: 'EAUTH',
    command: 'AUTH XOAUTH2',
    responseCode: 535,
    response: '535 5.7.3 Authentication unsuccessful',
  };
  const error = await failure(transporter.sendMail(mail));
  expect(error).toBeInstanceOf(AuthenticationError);
  expect(error).toMatchObject(fields);
  expect(await failure(transporter.verify())).toMatchObject(fields);
  const verifyError = await new Promise((resolve) => transporter.verify((failed) => resolve(failed)));
  expect(verifyError).toMatchObject(fields);
});

test('verify() resolves with true, by promise and by callback', async () => {
  expect(await transporter.verify()).toBe(true);
  expect(
    await new Promise((resolve, reject) => transporter.verify((error, ok) => (error ? reject(error) : resolve(ok)))),
  ).toBe(true);
});

test('a signal in the mail ends its sending', async () => {
  const early = await failure(transporter.sendMail({ ...mail, signal: AbortSignal.abort() }));
  expect(early).toMatchObject({ code: 'EABORT' }); // nodemailer's own: the transport never saw this mail
  sandbox.exchange.next('MAIL', { hang: true });
  const controller = new AbortController();
  const sending = failure(transporter.sendMail({ ...mail, signal: controller.signal }));
  await until(() => heard('MAIL'));
  controller.abort();
  const late = await sending;
  expect(late).toBeInstanceOf(ConnectionError);
  expect(late).toMatchObject({ code: 'ERR_SMTP_ABORTED', nodemailerCode: 'EABORT', mayHaveBeenSent: false });
  expect(sandbox.inbox.messages).toEqual([]);
});

test('[own server] a deadline of the transport or of the mail ends its sending, waiting included', async () => {
  await start({}, undefined, { deadline: 300 });
  const late = { code: 'ERR_SMTP_DEADLINE', nodemailerCode: 'ETIMEDOUT', mayHaveBeenSent: false };
  const patient = { ...mail, deadline: 60_000 };
  expect((await transporter.sendMail(patient)).accepted).toEqual(['grace@example.org']);
  sandbox.exchange.next('RCPT', { hang: true });
  expect(await failure(transporter.sendMail(mail))).toMatchObject(late);
  sandbox.exchange.next('RCPT', { hang: true });
  const hurried = { ...mail, deadline: 150 };
  expect(await failure(transporter.sendMail(hurried))).toMatchObject(late);
  expect(() => mailgrantTransport(accountOf(sandbox), { deadline: 0 })).toThrow(
    'deadline: expected milliseconds above 0',
  );
  const senseless = { ...mail, deadline: -1 };
  expect(await failure(transporter.sendMail(senseless))).toMatchObject({ code: 'ERR_INPUT_OPTION' });
});

test('close() closes the mailer the transport made', async () => {
  await transporter.sendMail(mail);
  await close(transporter);
  expect(await failure(transporter.sendMail(mail))).toMatchObject({
    code: 'ERR_MAILER_CLOSED',
    nodemailerCode: 'ECONNECTION',
  });
});

test('close() waits for mails that were accepted; with force it does not', async () => {
  const sending = transporter.sendMail(mail);
  await close(transporter);
  expect((await sending).accepted).toEqual(['grace@example.org']);
  transporter = nodemailer.createTransport(mailgrantTransport(accountOf(sandbox)));
  sandbox.exchange.next('MAIL', { hang: true });
  const hanging = failure(transporter.sendMail(mail));
  await until(() => heard('MAIL'));
  await close(transporter, { force: true });
  expect(await hanging).toMatchObject({ code: expect.stringMatching(/^ERR_(MAILER|SMTP)_CLOSED$/) });
});

test('close() closes a mailer that was passed in, if told so', async () => {
  await using mailer = createMailer(accountOf(sandbox));
  const over = nodemailer.createTransport(mailgrantTransport(mailer, { closeMailer: true }));
  await over.sendMail(mail);
  await close(over);
  expect(await failure(over.sendMail(mail))).toMatchObject({ code: 'ERR_MAILER_CLOSED' });
});

test('nodemailer finds itself at the transport', () => {
  const transport = mailgrantTransport(accountOf(sandbox));
  const shown = nodemailer.createTransport(transport);
  expect(transport).toHaveProperty('mailer', shown);
});

test('close() leaves a mailer that was passed in open', async () => {
  await using mailer = createMailer(accountOf(sandbox));
  const over = nodemailer.createTransport(mailgrantTransport(mailer));
  await over.sendMail(mail);
  await close(over);
  await over.sendMail(mail);
  expect(sandbox.inbox.messages).toHaveLength(2);
});

test('a queue can be fed by the idle event', async () => {
  const fresh = nodemailer.createTransport(mailgrantTransport(accountOf(sandbox)));
  const waiting = Array.from({ length: 20 }, (_, i) => ({ ...mail, subject: String(i) }));
  const sent: Promise<SentMessage>[] = [];
  let most = 0;
  await new Promise<void>((resolve) => {
    fresh.on('idle', () => {
      for (let next = fresh.isIdle() && waiting.shift(); next; next = fresh.isIdle() && waiting.shift()) {
        sent.push(fresh.sendMail(next));
        most = Math.max(most, sent.length - sandbox.inbox.messages.length);
      }
      if (waiting.length === 0) resolve();
    });
  });
  await Promise.all(sent);
  await close(fresh);
  expect(sandbox.inbox.messages).toHaveLength(20);
  expect(most).toBeLessThanOrEqual(7);
});

test('more than the queue holds waits unless the options say otherwise', async () => {
  const full = nodemailer.createTransport(mailgrantTransport({ ...accountOf(sandbox), queue: { messages: 1 } }));
  const infos = await Promise.all(['1', '2', '3'].map((subject) => full.sendMail({ ...mail, subject })));
  expect(infos.map(({ rejected }) => rejected)).toEqual([[], [], []]);
  await close(full);
  const strict = nodemailer.createTransport(
    mailgrantTransport({ ...accountOf(sandbox), queue: { messages: 1, whenFull: 'refuse' } }),
  );
  const [first, second] = [strict.sendMail(mail), failure(strict.sendMail(mail))];
  expect(await second).toMatchObject({ code: 'ERR_MAILER_QUEUE_FULL', nodemailerCode: 'EMAXLIMIT' });
  await first;
  await close(strict);
});

test('[own server] what cannot be read or may not be is found before anything is sent', async () => {
  await start({}, undefined, { allowFiles: true });
  const missing = await failure(transporter.sendMail({ ...mail, attachments: [{ path: '/does/not/exist' }] }));
  expect(missing).toMatchObject({
    code: 'ERR_INPUT_MESSAGE',
    nodemailerCode: 'EMESSAGE',
    command: 'API',
    cause: { code: 'ENOENT' },
  });
  const content = Readable.from(['x']);
  const forbidden = await failure(
    transporter.sendMail({ ...mail, disableFileAccess: true, attachments: [{ path: '/etc/hostname' }, { content }] }),
  );
  expect(forbidden).toBeInstanceOf(InputError);
  expect(content.destroyed).toBe(true);
  expect(sandbox.sessions).toEqual([]);
});

const HERE = new URL(import.meta.url).pathname;

test('files and URLs are not read, neither by the transport nor by plugins before it', async () => {
  const contents: SendMailOptions[] = [
    { attachments: [{ path: HERE }] },
    { html: { path: HERE } },
    { raw: { path: HERE } },
    { html: { href: 'http://127.0.0.1:9/' }, attachDataUrls: true },
    { html: { path: HERE }, attachDataUrls: true },
    { attachments: [{ path: HERE }], disableFileAccess: false },
  ];
  for (const content of contents) {
    const error = await failure(transporter.sendMail({ ...mail, ...content }));
    expect(error).toMatchObject({ code: 'ERR_INPUT_MESSAGE', nodemailerCode: 'EMESSAGE' });
  }
  const read: unknown[] = [];
  transporter.use('compile', (compiled, done) => {
    compiled.resolveContent(compiled.data, 'html', (error: Error | null, value?: unknown) => {
      read.push(value);
      done(error);
    });
  });
  await failure(transporter.sendMail({ ...mail, html: { path: HERE } }));
  expect(read).toEqual([]);
  // Fields that only a plugin knows are for nodemailer to refuse, which its newer majors do.
  transporter.use('compile', (compiled, done) => {
    compiled.resolveContent({ own: { path: HERE } }, 'own', (error: Error | null) => done(error));
  });
  expect(await failure(transporter.sendMail(mail))).toMatchObject({ code: 'EFILEACCESS' });
  expect(sandbox.sessions).toEqual([]);
});

test('[own server] files are attached as with nodemailer where the transport allows it and the mail does not forbid it', async () => {
  await start({}, undefined, { allowFiles: true });
  await transporter.sendMail({ ...mail, attachments: [{ path: HERE }] });
  const parsed = await sandbox.inbox.messages[0]?.parse();
  expect(parsed?.attachments[0]?.filename).toBe('transport.test.ts');
});

test('a login in a mail is refused, not ignored', async () => {
  expect(await failure(transporter.sendMail({ ...mail, auth: { user: 'x' } }))).toMatchObject({
    code: 'ERR_INPUT_OPTION',
    nodemailerCode: 'ECONFIG',
  });
});

test('notifications are asked for; TLS all the way is not promised where the server does not offer it', async () => {
  await transporter.sendMail({ ...mail, dsn: { notify: 'failure,delay', return: 'headers', id: 'order-7' } });
  const commands = sandbox.inbox.messages[0]?.conversation.map(({ text }) => text) ?? [];
  expect(commands.find((text) => text.startsWith('MAIL'))).toMatch(/ RET=HDRS ENVID=order-7\b/);
  expect(commands.find((text) => text.startsWith('RCPT'))).toMatch(/ NOTIFY=FAILURE,DELAY\b/);
  expect(await failure(transporter.sendMail({ ...mail, requireTLSExtensionEnabled: true }))).toMatchObject({
    code: 'ERR_SMTP_REQUIRETLS_NOT_OFFERED',
    nodemailerCode: 'EREQUIRETLS',
  });
});

test('an envelope of the mail’s own is used, and a finished message is sent as it is', async () => {
  const raw = `From: ${sandbox.mailbox}\r\nMessage-ID: <raw@contoso.com>\r\nSubject: raw\r\n\r\n.dots\r\n..\r\n`;
  const envelope = { from: sandbox.mailbox, to: ['a@example.org', 'b@example.org'] };
  const info = await transporter.sendMail({ raw, envelope });
  expect(info).toMatchObject({ envelope, messageId: '<raw@contoso.com>' });
  expect(Buffer.from(sandbox.inbox.messages[0]?.raw ?? []).toString()).toBe(raw);
});

test('a source that fails in mid-message fails the mail, and nothing is delivered', async () => {
  const content = Readable.from(
    (async function* () {
      yield Buffer.alloc(100_000);
      throw new Error('disk on fire');
    })(),
  );
  const error = await failure(transporter.sendMail({ ...mail, attachments: [{ content }] }));
  expect(error).toMatchObject({ code: 'ERR_SMTP_BODY', nodemailerCode: 'ESTREAM', mayHaveBeenSent: false });
  await transporter.sendMail(mail);
  expect(sandbox.inbox.messages.map(({ subject }) => subject)).toEqual(['Hello']);
});

test('20 MB arrive as they were attached', { timeout: 60_000 }, async () => {
  const content = Buffer.alloc(20 * 1024 * 1024);
  for (let i = 0; i + 4 <= content.length; i += 4) content.writeUInt32LE(Math.imul(i, 2_654_435_761) >>> 0, i);
  const info = await transporter.sendMail({ ...mail, attachments: [{ filename: 'a.bin', content }] });
  const raw = Buffer.from(sandbox.inbox.messages[0]?.raw ?? []);
  expect(info.messageSize).toBe(raw.length);
  const start = raw.indexOf('\r\n\r\n', raw.indexOf('filename=a.bin'));
  const body = raw.subarray(start, raw.indexOf('\r\n--', start));
  expect(Buffer.from(body.toString('latin1'), 'base64').equals(content)).toBe(true);
});

test('what nodemailer would let into a header, or into the envelope, is refused and not sent', async () => {
  const prepared = { 'X-Trace': { prepared: true, value: 'one\r\nBcc: eve@example.net' } };
  expect(await failure(transporter.sendMail({ ...mail, headers: prepared }))).toMatchObject({
    code: 'ERR_INPUT_MESSAGE',
  });
  const envelope = { from: sandbox.mailbox, to: ['grace@example.org\r\neve@example.net'] };
  expect(await failure(transporter.sendMail({ ...mail, envelope }))).toMatchObject({ code: 'ERR_INPUT_ADDRESS' });
  expect(await failure(transporter.sendMail({ ...mail, to: ['grace@example.org', 'nobody'] }))).toMatchObject({
    code: 'ERR_INPUT_ADDRESS',
  });
  expect(sandbox.inbox.messages).toEqual([]);
});
