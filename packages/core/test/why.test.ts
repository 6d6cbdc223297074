// What docs/why.md promises and no other test shows: the whole way, over real sockets.
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import { type Sandbox, createSandbox } from '@mailgrant/sandbox';
import { afterEach, expect, test, vi } from 'vitest';
import '../src/diagnosis/index.ts'; // loaded at the first error otherwise, within a deadline
import {
  type Mailer,
  type MailerOptions,
  PROVIDERS,
  cached,
  clientCredentials,
  createMailer,
  isTransient,
  refreshToken,
} from '../src/index.ts';
import { MAIL, mailerTo, printed, startServer } from './hostile.ts';
import { answer, createTokenServer } from './token-server.ts';

afterEach(() => {
  vi.useRealTimers();
});

const credentials = ({ tokenEndpoint, clientId, clientSecret, scope }: Sandbox) =>
  clientCredentials({ tokenEndpoint, clientId, clientSecret, scope });

const mailerOf = (sandbox: Sandbox, options: Partial<MailerOptions> = {}): Mailer =>
  createMailer({
    provider: 'microsoft365',
    ...sandbox.smtp,
    ca: sandbox.ca,
    user: sandbox.mailbox,
    token: credentials(sandbox),
    retryDelay: 5,
    ...options,
  });

const mailOf = (sandbox: Sandbox, message = 'Subject: hi\r\n\r\nhello\r\n') => ({
  envelope: { from: sandbox.mailbox, to: ['someone@example.com'] },
  message,
});

/** Everything anybody can hear of the core while `run` runs, printed. */
async function overheard(run: () => Promise<void>): Promise<string> {
  const heard: string[] = [];
  const listen = (event: unknown): void => void heard.push(printed(event));
  const names = ['mailgrant:smtp:transcript', 'mailgrant:token:events'];
  const handlers = { start: listen, end: listen, asyncStart: listen, asyncEnd: listen, error: listen };
  const traces = ['send', 'connect', 'authenticate', 'token'].map((name) => tracingChannel(`mailgrant:${name}`));
  for (const name of names) subscribe(name, listen);
  for (const trace of traces) trace.subscribe(handlers);
  try {
    await run();
  } finally {
    for (const name of names) unsubscribe(name, listen);
    for (const trace of traces) trace.unsubscribe(handlers);
  }
  return heard.join('\n');
}

test('nothing that can be listened to shows a token, a rotated refresh token, an id token or the message', async () => {
  await using sandbox = await createSandbox();
  await using endpoint = await createTokenServer();
  const access = await sandbox.entra.issue();
  endpoint.answers(
    answer(200, {
      token_type: 'Bearer',
      expires_in: 3600,
      access_token: access,
      refresh_token: 'canary-refresh-2',
      id_token: 'canary-id-token',
    }),
  );
  const kept: string[] = [];
  const token = refreshToken({
    tokenEndpoint: endpoint.url,
    clientId: 'app',
    clientSecret: 'canary-secret',
    refreshToken: 'canary-refresh-1',
    onRotate: async (next) => void kept.push(next.reveal()),
  });
  const heard = await overheard(async () => {
    await using mailer = mailerOf(sandbox, { token });
    await mailer.send(mailOf(sandbox, 'Subject: canary-subject\r\n\r\ncanary-body\r\n'));
  });
  expect(sandbox.inbox.messages).toHaveLength(1);
  expect(kept).toEqual(['canary-refresh-2']);
  expect(heard).toContain('AUTH XOAUTH2');
  expect(heard).not.toContain('canary');
  expect(heard).not.toContain(access.slice(-40));
  const response = Buffer.from(`user=${sandbox.mailbox}\x01auth=Bearer ${access}\x01\x01`).toString('base64');
  expect(heard).not.toContain(response.slice(-60, -20));
});

test.each(['lock-step', 'data', 'grouped', 'chunked', 'one-flight'] as const)(
  '%s: no text of a message becomes a command',
  async (wire) => {
    await using sandbox = await createSandbox();
    await using mailer = mailerOf(sandbox, { wire, limits: { connections: 1 } });
    const text =
      'Subject: hi\r\n\r\n.\r\nMAIL FROM:<evil@example.com>\r\n\r\n.\r\n.\r\nRCPT TO:<x@example.com>\r\nDATA\r\n.\r\nQUIT\r\n';
    await mailer.send(mailOf(sandbox)); // the first message on a connection is never grouped
    await Promise.all([text, text, text].map((message) => mailer.send(mailOf(sandbox, message))));
    const [, ...messages] = sandbox.inbox.messages;
    expect(messages.map(({ raw }) => Buffer.from(raw).toString())).toEqual([text, text, text]);
    expect(new Set(messages.map(({ envelope }) => envelope.from))).toEqual(new Set([sandbox.mailbox]));
    expect(sandbox.sessions).toHaveLength(1);
  },
);

test('a daily limit that is reached is told from a bad message, and nobody asks again in seconds', async () => {
  await using sandbox = await createSandbox();
  await using mailer = mailerOf(sandbox);
  sandbox.exchange.reply('MESSAGE', '552 5.3.4 Message size exceeds fixed maximum message size');
  const bad = await mailer.send(mailOf(sandbox)).catch((reason: unknown) => reason);
  expect(bad).toMatchObject({ code: 'ERR_SMTP_MESSAGE_REFUSED' });
  expect([isTransient(bad), mailer.health().status]).toEqual([false, 'up']);

  const quota = '554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process message';
  sandbox.exchange.reply('MESSAGE', quota, { times: Infinity });
  const held = await mailer.send(mailOf(sandbox), { deadline: 300 }).catch((reason: unknown) => reason);
  expect(held).toMatchObject({ code: 'ERR_SMTP_DEADLINE', mayHaveBeenSent: false });
  expect(isTransient(held)).toBe(true);
  const reasons = [expect.stringMatching(/next attempt in 3600 s.*SubmissionQuotaExceeded/)];
  expect(mailer.health()).toMatchObject({ status: 'down', reasons });
  await expect(mailer.send(mailOf(sandbox), { deadline: 30 })).rejects.toMatchObject({ code: 'ERR_SMTP_DEADLINE' });
  expect(sandbox.sessions.flatMap(({ entries }) => entries.filter(({ text }) => text === quota))).toHaveLength(1);
});

test('a new token changes nothing else about a mailbox: its limits go on counting', async () => {
  await using sandbox = await createSandbox({ tokenLifetime: 20_000 }); // too short for a second message on a connection
  const token = cached(credentials(sandbox));
  await using mailer = mailerOf(sandbox, { token, limits: { messagesPerMinute: 3 } });
  for (let sent = 1; sent <= 3; sent += 1) {
    await mailer.send(mailOf(sandbox));
    expect([sandbox.tokenRequests.length, sandbox.sessions.length]).toEqual([sent, sent]);
    token.reject(await token());
  }
  await expect(mailer.send(mailOf(sandbox), { deadline: 200 })).rejects.toMatchObject({ code: 'ERR_SMTP_DEADLINE' });
  expect(sandbox.inbox.messages).toHaveLength(3);
});

test.each([
  ['hve', 'second'],
  ['microsoft365', 'first'],
] as const)('%s: with nine minutes left of the first token, the %s one is presented', async (name, presented) => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
  await using server = await startServer();
  server.script({});
  const values = ['first', 'second'];
  const provider = { ...PROVIDERS[name], limits: { connections: 1 } };
  const token = async () => ({ value: values.shift() ?? 'third', expiresAt: Date.now() + 3_600_000 });
  await using mailer = mailerTo(server, { provider, token });
  await mailer.send(MAIL);
  vi.advanceTimersByTime(51 * 60_000); // the connection has been let go of since
  await mailer.send(MAIL);
  const logins = server.peers.flatMap(({ lines }) => lines.filter((line) => line.startsWith('AUTH')));
  const tokens = logins.map((line) => Buffer.from(line.split(' ')[2] ?? '', 'base64').toString());
  expect(tokens).toEqual(['first', presented].map((value) => expect.stringContaining(`Bearer ${value}\x01`)));
});

test.each([
  ['hve', 20, 10],
  ['microsoft365', 10, 1],
  ['gmail', 5, 1],
] as const)(
  '%s: tokens are renewed %i minutes before their end and presented until %i before it',
  async (name, early, reserve) => {
    vi.useFakeTimers({ toFake: ['Date'] });
    await using server = await startServer();
    server.script({});
    const expiresAt = Date.now() + 3_600_000;
    const provider = { ...PROVIDERS[name], mechanisms: ['XOAUTH2'] as const };
    await using mailer = mailerTo(server, { provider, token: async () => ({ value: 'token', expiresAt }) });
    await mailer.send(MAIL);
    expect(mailer.health().token).toMatchObject({ token: 'fresh', renewAt: expiresAt - early * 60_000 });
    vi.setSystemTime(expiresAt - reserve * 60_000 - 1);
    expect(mailer.health().token.token).toBe('due');
    vi.setSystemTime(expiresAt - reserve * 60_000);
    expect(mailer.health().token.token).toBe('unusable');
  },
);

test('tenants are added and removed while the mail of others flows', async () => {
  await using contoso = await createSandbox();
  await using fabrikam = await createSandbox();
  await using stays = mailerOf(contoso);
  const flowing = Array.from({ length: 10 }, () => stays.send(mailOf(contoso)));
  const added = mailerOf(fabrikam);
  await added.send(mailOf(fabrikam));
  await added.close();
  await expect(added.send(mailOf(fabrikam))).rejects.toMatchObject({ code: 'ERR_MAILER_CLOSED' });
  await Promise.all(flowing);
  expect([contoso, fabrikam].map(({ inbox }) => inbox.messages.length)).toEqual([10, 1]);
});

test('health() is told from what happened and asks nobody', async () => {
  await using sandbox = await createSandbox();
  await using mailer = mailerOf(sandbox);
  expect(mailer.health()).toMatchObject({ status: 'up', pending: 0 });
  expect([sandbox.sessions, sandbox.tokenRequests]).toEqual([[], []]);
  sandbox.exchange.reply('AUTH', '535 5.7.3 Authentication unsuccessful', { times: Infinity });
  await mailer.send(mailOf(sandbox)).catch(() => undefined);
  const seen = sandbox.sessions.length;
  expect(mailer.health()).toMatchObject({ status: 'down', reasons: [expect.stringContaining('535')] });
  expect(sandbox.sessions).toHaveLength(seen);
});
