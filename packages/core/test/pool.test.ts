// What must not happen to a pool: endless loops, sends that never settle, limits and suspensions that leak.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Sandbox, type SandboxOptions, createSandbox } from '@mailgrant/sandbox';
import { expect, test } from 'vitest';
import { type Mailer, type MailerOptions, type OutgoingMail, clientCredentials, createMailer } from '../src/index.ts';
import { MAIL, mailerTo, startServer } from './hostile.ts';

async function bench(
  options: Partial<MailerOptions> = {},
  sandboxOptions: SandboxOptions = {},
): Promise<AsyncDisposable & { sandbox: Sandbox; mailer: Mailer; mail: (to?: string[]) => OutgoingMail }> {
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
    mail: (to = ['someone@example.com']) => ({
      envelope: { from: mailbox, to },
      message: `From: <${mailbox}>\r\nSubject: hi\r\n\r\nhello\r\n`,
    }),
    async [Symbol.asyncDispose]() {
      await mailer.close({ deadline: 50 });
      await sandbox.close();
    },
  };
}

const many = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

test('a token source with a fault of its own fails the sends that wait, once', async () => {
  let asked = 0;
  const token = async (): Promise<never> => {
    asked += 1;
    throw new RangeError('no such vault');
  };
  await using b = await bench({ token });
  const outcomes = await Promise.allSettled(many(5).map(() => b.mailer.send(b.mail())));
  expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
  expect(asked).toBe(1);
});

test.each([
  ['a token that is none', async () => 'xyz'],
  ['a token with a line end', async () => ({ value: 'a\r\nb', expiresAt: Infinity })],
])('%s ends the send', async (_name, token) => {
  await using b = await bench({ token: token as unknown as MailerOptions['token'] });
  await expect(b.mailer.send(b.mail())).rejects.toBeInstanceOf(Error);
});

test('an idle connection is let go after its time, the first message of it included', async () => {
  await using b = await bench({ idleTimeout: 20 });
  await b.mailer.send(b.mail());
  await expect.poll(() => b.sandbox.sessions[0]?.open, { interval: 5, timeout: 5_000 }).toBe(false);
  expect(b.sandbox.sessions[0]?.entries.at(-1)?.text).toContain('221');
});

test('a group of recipients that is refused does not stop the groups after it', async () => {
  const refuse = [{ match: 'bad@example.com', reply: '550 5.1.10 no such recipient' }];
  await using b = await bench({ limits: { recipientsPerMessage: 1 } }, { smtp: { refuse } });
  const receipt = await b.mailer.send(b.mail(['bad@example.com', 'a@example.com', 'b@example.com']));
  expect(receipt.accepted.map(({ address }) => address)).toEqual(['a@example.com', 'b@example.com']);
  expect(receipt.refused.map(({ address }) => address)).toEqual(['bad@example.com']);
  expect(receipt.queueIds).toHaveLength(2);
});

test('when every group is refused the send fails and names them all', async () => {
  const refuse = ['a', 'b'].map((name) => ({ match: `${name}@example.com`, reply: `550 5.1.10 no ${name}` }));
  await using b = await bench({ limits: { recipientsPerMessage: 1 } }, { smtp: { refuse } });
  await expect(b.mailer.send(b.mail(['a@example.com', 'b@example.com']))).rejects.toMatchObject({
    code: 'ERR_SMTP_RECIPIENTS_REFUSED',
    mayHaveBeenSent: false,
    recipients: [{ address: 'a@example.com' }, { address: 'b@example.com' }],
  });
});

test('thousands that wait for room all hear the reason', async () => {
  await using b = await bench({ queue: { messages: 1, whenFull: 'wait' } });
  b.sandbox.exchange.reply('AUTH', '535 5.7.3 Authentication unsuccessful', { times: Infinity });
  const outcomes = await Promise.allSettled(many(5_000).map(() => b.mailer.send(b.mail())));
  expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
  expect(b.sandbox.sessions).toHaveLength(2);
});

test('close settles a message that waits to be tried again, and does not wait for one given up meanwhile', async () => {
  await using b = await bench({ retryDelay: 60_000 });
  b.sandbox.exchange.reply('MAIL', '451 4.7.0 later', { times: Infinity });
  const abort = new AbortController();
  const sends = Promise.allSettled([b.mailer.send(b.mail()), b.mailer.send(b.mail(), { signal: abort.signal })]);
  const deferred = () =>
    b.sandbox.sessions.flatMap(({ entries }) => entries.filter(({ text }) => text.includes('451')));
  await expect.poll(() => deferred().length, { interval: 5, timeout: 5_000 }).toBe(2);
  abort.abort();
  await b.mailer.close({ deadline: 20 });
  expect(await sends).toMatchObject([
    { reason: { code: 'ERR_MAILER_CLOSED' } },
    { reason: { code: 'ERR_SMTP_ABORTED' } },
  ]);
});

test('close without an end waits for what was accepted', async () => {
  await using b = await bench();
  const sent = b.mailer.send(b.mail());
  await b.mailer.close({ deadline: Infinity });
  expect((await sent).accepted).toHaveLength(1);
});

test('verify keeps to the number of connections, and close ends it', async () => {
  await using b = await bench({ limits: { connections: 1 } });
  await b.mailer.send(b.mail());
  await Promise.all(many(3).map(() => b.mailer.verify()));
  expect(b.sandbox.sessions.filter(({ open }) => open)).toHaveLength(1);

  await using hanging = await bench();
  hanging.sandbox.exchange.next('EHLO', { hang: true });
  const verified = hanging.mailer.verify().catch((error: unknown) => error);
  await hanging.mailer.close({ deadline: 10 });
  expect(await verified).toMatchObject({ code: 'ERR_MAILER_CLOSED' });
});

/** A server whose first connection takes its time to say goodbye, and how many were open at each greeting. */
async function slowGoodbye() {
  const server = await startServer('none');
  const open: number[] = [];
  let goodbye!: () => void;
  const said = new Promise<void>((resolve) => (goodbye = resolve));
  let ask!: () => void;
  const asked = new Promise<void>((resolve) => (ask = resolve));
  server.script((connection) => ({
    greeting: async (peer) => {
      open.push(server.peers.filter(({ gone }) => !gone).length);
      await peer.say('220 ready');
    },
    quit: async (peer) => {
      ask();
      if (connection === 0) await said;
      await peer.say('221 bye');
      peer.end();
    },
  }));
  return { server, open, asked, goodbye };
}

test('verify waits for the connection it lets go, however many ask, and the deadline covers that', async () => {
  const { server, open, asked, goodbye } = await slowGoodbye();
  await using _ = server;
  const mailer = mailerTo(server);
  await mailer.send(MAIL);
  const late = mailer.verify({ deadline: 20 }).catch((error: unknown) => error);
  const verified = [mailer.verify(), mailer.verify()];
  await asked;
  expect(await late).toMatchObject({ code: 'ERR_SMTP_DEADLINE' });
  goodbye();
  await Promise.all(verified);
  expect(open).toEqual([1, 1]);
  await mailer.close();
});

test('close waits for the connection that says goodbye, and nothing is opened for whoever verifies meanwhile', async () => {
  const { server, asked, goodbye } = await slowGoodbye();
  await using _ = server;
  const mailer = mailerTo(server);
  await mailer.send(MAIL);
  const verified = mailer.verify().catch((error: unknown) => error);
  await asked;
  let closed = false;
  const closing = mailer.close().then(() => (closed = true));
  await sleep(20); // the point: it is not closed in this time
  expect(closed).toBe(false);
  goodbye();
  await closing;
  expect(await verified).toMatchObject({ code: 'ERR_MAILER_CLOSED' });
  expect(server.peers).toHaveLength(1);
});

test('a login does not lift the suspension of a mailbox that is blocked', async () => {
  await using b = await bench();
  b.sandbox.exchange.reply('MESSAGE', '550 5.1.8 Access denied, bad outbound sender');
  await expect(b.mailer.send(b.mail())).rejects.toMatchObject({ reply: { status: '5.1.8' } });
  await b.mailer.verify();
  await expect(b.mailer.send(b.mail())).rejects.toMatchObject({ code: 'ERR_MAILER_SUSPENDED' });
});

test('of those that wait none follows a message whose refusal concerns them all', async () => {
  await using b = await bench({ wire: 'data', limits: { connections: 1 } });
  b.sandbox.exchange.reply('MESSAGE', '550 5.1.8 Access denied, bad outbound sender', { times: Infinity });
  const outcomes = await Promise.allSettled(many(10).map(() => b.mailer.send(b.mail())));
  expect(outcomes).toMatchObject(many(10).map(() => ({ status: 'rejected', reason: { reply: { status: '5.1.8' } } })));
  const refused = b.sandbox.sessions.flatMap(({ entries }) => entries.filter(({ text }) => text.includes('5.1.8')));
  expect(refused).toHaveLength(1);
});

test('a message that was put off hears it when the mailbox is blocked meanwhile, and does not wait for an hour', async () => {
  await using b = await bench({ retryDelay: 300 });
  b.sandbox.exchange.reply('MESSAGE', '451 4.7.0 Temporary server error');
  b.sandbox.exchange.reply('MESSAGE', '550 5.1.8 Access denied, bad outbound sender');
  const putOff = b.mailer.send(b.mail(), { deadline: 10_000 }).catch((error: unknown) => error);
  const said = () => b.sandbox.sessions.flatMap(({ entries }) => entries.filter(({ text }) => text.includes('4.7.0')));
  await expect.poll(() => said().length, { interval: 5 }).toBe(1);
  await expect(b.mailer.send(b.mail())).rejects.toMatchObject({ reply: { status: '5.1.8' } });
  expect(await putOff).toMatchObject({ code: 'ERR_MAILER_SUSPENDED' });
});

test('where messages are not to wait for a rest, the one that met it does not either', async () => {
  await using b = await bench({ queue: { whenHeld: 'refuse' } });
  b.sandbox.exchange.reply('MESSAGE', '432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded');
  await expect(b.mailer.send(b.mail(), { deadline: 5_000 })).rejects.toMatchObject({ reply: { code: 432 } });
});

test('a mailbox where SMTP AUTH is switched off does not cost the others their token', async () => {
  await using b = await bench();
  const off = '535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox.';
  b.sandbox.exchange.reply('AUTH', off, { times: Infinity });
  await expect(b.mailer.send(b.mail())).rejects.toMatchObject({ code: 'ERR_SMTP_AUTH_REFUSED' });
  expect(b.sandbox.tokenRequests).toHaveLength(1);
  expect(b.sandbox.sessions).toHaveLength(1);
});

test('a login that was put off is not tried again before its time, however many sends come', async () => {
  await using b = await bench({ retryDelay: 60_000 });
  b.sandbox.exchange.reply('AUTH', '454 4.7.0 Temporary authentication failure', { times: Infinity });
  const sends = many(3).map(() => b.mailer.send(b.mail(), { deadline: 300 }).catch((error: unknown) => error));
  await expect.poll(() => b.sandbox.sessions.length, { interval: 5, timeout: 5_000 }).toBe(1);
  await sleep(20); // the point: nothing happens in this time
  sends.push(b.mailer.send(b.mail(), { deadline: 50 }).catch((error: unknown) => error));
  expect(await Promise.all(sends)).toMatchObject(many(4).map(() => ({ code: 'ERR_SMTP_DEADLINE' })));
  expect(b.sandbox.sessions).toHaveLength(1);
});

test('thousands in one flight each do not nest, and all are told apart', async () => {
  await using b = await bench({
    wire: 'one-flight',
    limits: { connections: 1, messagesPerMinute: undefined, recipientsPerDay: undefined },
  });
  const receipts = await Promise.all(many(3_000).map(() => b.mailer.send(b.mail())));
  expect(new Set(receipts.map(({ queueId }) => queueId)).size).toBe(3_000);
  expect(b.sandbox.inbox.messages).toHaveLength(3_000);
});

test('a deadline ends the wait for the answer to a lone dot', async () => {
  await using b = await bench(
    { retries: 2 },
    { smtp: { refuse: [{ match: 'x@example.com', reply: '450 4.2.1 later' }] } },
  );
  b.sandbox.exchange.reply('DATA', '354 go ahead all the same');
  b.sandbox.exchange.next('MESSAGE', { hang: true, times: Infinity });
  await expect(b.mailer.send(b.mail(['x@example.com']), { deadline: 100 })).rejects.toMatchObject({
    code: expect.stringMatching(/ERR_SMTP_DEADLINE|ERR_SMTP_RECIPIENTS_REFUSED/),
    mayHaveBeenSent: false,
  });
});

test('a signal that is none is refused at the door', async () => {
  await using b = await bench();
  const signal = {} as AbortSignal;
  await expect(b.mailer.send(b.mail(), { signal, deadline: 5 })).rejects.toMatchObject({ code: 'ERR_INPUT_OPTION' });
});

test.each([
  ['535 5.7.3 Authentication unsuccessful', 2],
  ['432 4.3.2 Concurrent connections limit exceeded', 1],
])('asking again and again whether it is well does not become a storm of logins: %s', async (reply, logins) => {
  await using b = await bench();
  b.sandbox.exchange.reply('AUTH', reply, { times: Infinity });
  const outcomes = [];
  for (let i = 0; i < 5; i++) outcomes.push(await b.mailer.verify().catch((error: unknown) => error));
  expect(outcomes[0]).toMatchObject({ code: 'ERR_SMTP_AUTH_REFUSED' });
  expect(outcomes[4]).toBe(outcomes[0]);
  expect(b.sandbox.sessions).toHaveLength(logins);
});

test('where the service takes no further connection, verify logs in again in place of one', async () => {
  await using b = await bench();
  await b.mailer.send(b.mail());
  b.sandbox.exchange.reply('AUTH', '432 4.3.2 Concurrent connections limit exceeded');
  await expect(b.mailer.verify()).rejects.toMatchObject({ code: 'ERR_SMTP_AUTH_REFUSED' });
  await b.mailer.verify();
  expect(b.sandbox.sessions.map(({ open }) => open)).toEqual([false, false, true]);
});

test('a server that takes so many messages a session gets no more in one', async () => {
  const extensions = (offered: readonly string[]): string[] => [...offered, 'LIMITS MAILMAX=2'];
  await using b = await bench({ limits: { connections: 1 } }, { smtp: { extensions } });
  await Promise.all(many(5).map(() => b.mailer.send(b.mail())));
  expect(b.sandbox.inbox.messages).toHaveLength(5);
  expect(b.sandbox.sessions).toHaveLength(3);
});

test.each([
  ['RCPTMAX=2', ['a@x.example b@y.example', 'c@X.example d@y.example', 'e@z.example']],
  ['RCPTDOMAINMAX=1', ['a@x.example c@X.example', 'b@y.example d@y.example', 'e@z.example']],
  ['RCPTMAX=3 RCPTDOMAINMAX=2', ['a@x.example c@X.example b@y.example', 'd@y.example e@z.example']],
  ['RCPTMAX=9 RCPTDOMAINMAX=3', ['a@x.example c@X.example b@y.example d@y.example e@z.example']],
])('a server with LIMITS %s gets no more in one message', async (limits, groups) => {
  const extensions = (offered: readonly string[]): string[] => [...offered, `LIMITS ${limits}`];
  await using b = await bench({}, { smtp: { extensions } });
  const to = ['a@x.example', 'b@y.example', 'c@X.example', 'd@y.example', 'e@z.example'];
  const { accepted } = await b.mailer.send(b.mail(to));
  expect(b.sandbox.inbox.messages.map(({ envelope }) => envelope.to.join(' '))).toEqual(groups);
  expect(accepted.map(({ address }) => address)).toEqual(groups.flatMap((group) => group.split(' ')));
});

test('a message larger than the service takes is refused before anything is opened', async () => {
  await using b = await bench({ limits: { messageSize: 10 } });
  await expect(b.mailer.send(b.mail())).rejects.toMatchObject({ code: 'ERR_SMTP_SIZE_EXCEEDED' });
  expect(b.sandbox.sessions).toHaveLength(0);
});
