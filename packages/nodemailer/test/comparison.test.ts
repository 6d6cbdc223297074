// The same work done by nodemailer alone and by Mailgrant, against the same server: what docs/why.md claims, counted.
// The figures are those of the nodemailer release pinned here. When an upgrade changes one, correct the page with the test.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createMailer, type Mailer, type MailerOptions, type OutgoingMail, refreshToken } from '@mailgrant/core';
import '@mailgrant/core/diagnosis'; // loaded at the first error otherwise, while the next message goes
import { createSandbox, type Sandbox, type SandboxOptions } from '@mailgrant/sandbox';
import { createTransport } from 'nodemailer';
import { expect, test, vi } from 'vitest';
import { accountOf } from './account.ts';

/** One client with a sandbox of its own. */
interface Side extends AsyncDisposable {
  readonly sandbox: Sandbox;
  send(subject?: string): Promise<unknown>;
}

interface PoolOptions {
  readonly pool?: boolean;
  readonly maxConnections?: number;
  readonly maxMessages?: number;
  readonly rateLimit?: number;
  readonly rateDelta?: number;
}

const text = (subject: string): string => `Subject: ${subject}\r\n\r\nhello\r\n`;

async function ours(options: Partial<MailerOptions> = {}, sandboxOptions?: SandboxOptions) {
  const sandbox = await createSandbox({ smtp: { limits: { connections: Infinity } }, ...sandboxOptions });
  const mailer: Mailer = createMailer({ ...accountOf(sandbox), retryDelay: 5, ...options });
  const mail = (subject: string): OutgoingMail => ({
    envelope: { from: sandbox.mailbox, to: ['grace@example.org'] },
    message: text(subject),
  });
  return {
    sandbox,
    mailer,
    send: (subject = 'hi', deadline?: number) => mailer.send(mail(subject), { ...(deadline && { deadline }) }),
    async [Symbol.asyncDispose]() {
      await mailer.close({ deadline: 50 });
      await sandbox.close();
    },
  } satisfies Side & { readonly mailer: Mailer };
}

/** nodemailer with the hook it has for tokens that come from elsewhere. */
async function theirs(pool: PoolOptions = {}, sandboxOptions?: SandboxOptions): Promise<Side> {
  const sandbox = await createSandbox({ smtp: { limits: { connections: Infinity } }, ...sandboxOptions });
  const { tokenEndpoint, clientId, clientSecret, scope, mailbox, ca } = sandbox;
  const auth = { type: 'OAuth2', user: mailbox } as const;
  const transport = createTransport({ ...sandbox.smtp, requireTLS: true, tls: { ca }, auth, ...pool } as object);
  const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret, scope };
  const provide = async () => {
    const answer = await fetch(tokenEndpoint, { method: 'POST', body: new URLSearchParams(form) });
    const { access_token: value, expires_in: seconds } = (await answer.json()) as Record<string, unknown>;
    return { value: String(value), expiresAt: Date.now() + Number(seconds) * 1000 };
  };
  transport.set('oauth2_provision_cb', (_user, _renew, done) => {
    provide().then(
      ({ value, expiresAt }) => done(null, value, expiresAt),
      (error: Error) => done(error),
    );
  });
  return {
    sandbox,
    send: (subject = 'hi') =>
      transport.sendMail({ envelope: { from: mailbox, to: ['grace@example.org'] }, raw: text(subject) }),
    async [Symbol.asyncDispose]() {
      transport.close();
      await sandbox.close();
    },
  };
}

/** A token endpoint that answers with what `respond` makes of a form. */
async function createEndpoint(respond: (form: URLSearchParams) => Promise<object>) {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const form = new URLSearchParams(Buffer.concat(await request.toArray()).toString());
    response.setHeader('content-type', 'application/json').end(JSON.stringify(await respond(form)));
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `m${i}`);

/** What became of the messages of a side, one after the other. */
async function outcomes(sends: Iterable<() => Promise<unknown>>): Promise<('sent' | Error)[]> {
  const ends: ('sent' | Error)[] = [];
  for (const send of sends) {
    ends.push(
      await send().then(
        () => 'sent',
        (error: Error) => error,
      ),
    );
  }
  return ends;
}

/** How often the server was told something, or told something itself. */
const count = ({ sandbox }: Side, from: 'client' | 'server', start: string): number =>
  sandbox.sessions.flatMap(({ entries }) => entries.filter((e) => e.from === from && e.text.startsWith(start))).length;

test('a token refused before its time is presented once and renewed; nodemailer presents it until it ends', async () => {
  const clock = { ahead: 0 };
  const sandboxOptions = { now: () => Date.now() + clock.ahead };
  await using we = await ours({}, sandboxOptions);
  await using they = await theirs({}, sandboxOptions);
  for (const side of [we, they]) {
    clock.ahead = 0;
    await side.send();
    side.sandbox.exchange.disconnectAll('end');
    clock.ahead = 2 * 3_600_000; // the server's clock only: our side believes the token is good for another hour
    const three = await outcomes(many(3).map((subject) => () => side.send(subject)));
    const refused = count(side, 'server', '535');
    const sent = three.filter((outcome) => outcome === 'sent').length;
    const expected = side === we ? { tokens: 2, refused: 1, sent: 3 } : { tokens: 1, refused: 3, sent: 0 };
    expect({ tokens: side.sandbox.tokenRequests.length, refused, sent }).toEqual(expected);
  }
});

test('an error challenge is survived by both; what it said is in our error only', async () => {
  const said = '{"status":"401","schemes":"Bearer"}';
  const challenge = `334 ${Buffer.from(said).toString('base64')}`;
  await using we = await ours();
  await using they = await theirs();
  const errors: Error[] = [];
  for (const side of [we, they]) {
    side.sandbox.exchange.reply('AUTH', challenge);
    await side.send();
    expect(side.sandbox.tokenRequests).toHaveLength(2);
    side.sandbox.exchange.disconnectAll('end');
    for (let login = 0; login < 2; login += 1) {
      side.sandbox.exchange.reply('AUTH', challenge);
      side.sandbox.exchange.reply('AUTH', '535 5.7.3 Authentication unsuccessful');
    }
    errors.push(...(await outcomes([() => side.send()])).filter((outcome) => outcome instanceof Error));
  }
  const [mine, other] = errors;
  expect(mine).toMatchObject({ code: 'ERR_SMTP_AUTH_REFUSED', challenge: said });
  expect(JSON.stringify(Object.entries(other ?? {}))).not.toContain('schemes');
});

test('20 messages over many connections ask for one token; nodemailer asks once for each connection', async () => {
  await using we = await ours({ maxAge: 1 }); // a connection serves a message or a few
  await using they = await theirs({ pool: true, maxConnections: 5, maxMessages: 2 });
  for (const side of [we, they]) await Promise.all(many(20).map((subject) => side.send(subject)));
  expect(we.sandbox.inbox.messages).toHaveLength(20);
  expect(we.sandbox.sessions.length).toBeGreaterThan(3);
  expect(we.sandbox.tokenRequests).toHaveLength(1);
  expect(they.sandbox.inbox.messages).toHaveLength(20);
  expect(they.sandbox.tokenRequests.length).toBe(they.sandbox.sessions.length);
  expect(they.sandbox.sessions.length).toBeGreaterThanOrEqual(10);
});

test('50 queued messages and a credential that is refused: 2 logins are tried; nodemailer tries 50', async () => {
  await using we = await ours();
  await using they = await theirs({ pool: true });
  for (const side of [we, they]) {
    side.sandbox.exchange.reply('AUTH', '535 5.7.3 Authentication unsuccessful', { times: Infinity });
    const ends = await Promise.allSettled(many(50).map((subject) => side.send(subject)));
    expect(ends.every(({ status }) => status === 'rejected')).toBe(true);
    expect(count(side, 'client', 'AUTH XOAUTH2')).toBe(side === we ? 2 : 50);
  }
});

test('3 messages a minute are 3, over several connections; nodemailer lets one go for each connection', async () => {
  await using we = await ours({ limits: { messagesPerMinute: 3 } });
  await using they = await theirs({ pool: true, maxConnections: 5, rateLimit: 3, rateDelta: 60_000 });
  const mine = many(10).map((subject) => we.send(subject));
  const waiting = Promise.allSettled(mine.slice(3));
  await Promise.all(mine.slice(0, 3));
  await we.mailer.close({ deadline: 50 });
  const left = { code: 'ERR_MAILER_CLOSED', mayHaveBeenSent: false };
  expect(await waiting).toMatchObject(many(7).map(() => ({ status: 'rejected', reason: left })));
  expect(we.sandbox.inbox.messages).toHaveLength(3);

  const other = Promise.allSettled(many(10).map((subject) => they.send(subject)));
  await they.sandbox.inbox.waitFor(5);
  await they[Symbol.asyncDispose]();
  await other;
});

test.each([
  ['busy', '451 4.7.500 Server busy. Please try again later'],
  ['about to restart', '421 4.3.2 Service not active'],
])('a server that is %s for a moment gets the message a moment later; nodemailer gives up', async (_state, said) => {
  await using we = await ours();
  await using they = await theirs();
  for (const side of [we, they]) {
    side.sandbox.exchange.reply('MAIL', said);
    const [outcome] = await outcomes([() => side.send()]);
    expect(side.sandbox.inbox.messages).toHaveLength(side === we ? 1 : 0);
    if (side === we) expect(outcome).toBe('sent');
    else expect(outcome).toMatchObject({ responseCode: Number(said.slice(0, 3)) });
  }
});

test('with a connection too many the messages go over the others; nodemailer gives some of them up', async () => {
  const sandboxOptions = { smtp: { limits: { connections: 1 } } };
  await using we = await ours({ limits: { connections: 2 } }, sandboxOptions);
  await using they = await theirs({ pool: true, maxConnections: 2 }, sandboxOptions);
  for (const side of [we, they]) {
    await side.send();
    const ends = await Promise.allSettled(many(10).map((subject) => side.send(subject)));
    const refused = ends.filter(({ status }) => status === 'rejected');
    expect(side.sandbox.inbox.messages).toHaveLength(11 - refused.length);
    if (side === we) expect(refused).toEqual([]);
    else
      expect(refused).toContainEqual(
        expect.objectContaining({ reason: expect.objectContaining({ responseCode: 432 }) }),
      );
  }
});

test('a daily limit that is reached holds the mailbox; nodemailer asks with each message', async () => {
  await using we = await ours({ limits: { connections: 1 } });
  await using they = await theirs();
  const quota = '554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process message';
  for (const { sandbox } of [we, they]) sandbox.exchange.reply('MESSAGE', quota, { times: Infinity });
  const mine = Promise.allSettled(many(10).map((subject) => we.send(subject)));
  await vi.waitUntil(() => we.mailer.health().status === 'down', { timeout: 20_000 });
  expect(we.mailer.health().reasons).toEqual([expect.stringContaining('SubmissionQuotaExceeded')]);
  await we.mailer.close({ deadline: 50 });
  const waited = { code: 'ERR_MAILER_CLOSED', mayHaveBeenSent: false };
  expect(await mine).toMatchObject(many(10).map(() => ({ status: 'rejected', reason: waited })));
  expect(count(we, 'server', '554 5.2.0')).toBe(1);

  const refused = await outcomes(many(10).map((subject) => () => they.send(subject)));
  expect(count(they, 'server', '554 5.2.0')).toBe(10);
  they.sandbox.exchange.clear();
  they.sandbox.exchange.reply('MESSAGE', '552 5.3.4 Message size exceeds fixed maximum message size');
  const [tooBig] = await outcomes([() => they.send()]);
  // Its code is that of a message that is bad.
  const { code } = tooBig as Error & { readonly code: string };
  expect(refused).toMatchObject(many(10).map(() => ({ code, responseCode: 554 })));
});

test('a refresh token that rotates is followed; nodemailer goes on with the first', async () => {
  await using sandbox = await createSandbox();
  const { mailbox, ca, smtp } = sandbox;
  const asked: string[] = [];
  await using endpoint = await createEndpoint(async (form) => {
    asked.push(form.get('refresh_token') ?? '');
    const access_token = await sandbox.entra.issue();
    return { token_type: 'Bearer', expires_in: 3600, access_token, refresh_token: `refresh-${asked.length + 1}` };
  });
  const options = { clientId: 'app', clientSecret: 'secret', refreshToken: 'refresh-1' };
  const source = refreshToken({ ...options, tokenEndpoint: endpoint.url, onRotate: () => undefined });
  const envelope = { from: mailbox, to: ['grace@example.org'] };

  await using mailer = createMailer({ provider: 'microsoft365', ...smtp, ca, user: mailbox, token: source });
  const auth = { type: 'OAuth2', user: mailbox, accessUrl: endpoint.url, ...options } as const;
  const transport = createTransport({ ...smtp, requireTLS: true, tls: { ca }, auth } as object);
  const sides = [
    [() => mailer.send({ envelope, message: text('ours') }), ['refresh-1', 'refresh-2', 'refresh-3']],
    [() => transport.sendMail({ envelope, raw: text('theirs') }), ['refresh-1', 'refresh-1', 'refresh-1']],
  ] as const;
  for (const [send, expected] of sides) {
    asked.length = 0;
    await send();
    for (let renewal = 0; renewal < 2; renewal += 1) {
      sandbox.exchange.disconnectAll('end');
      // Both renew when a token is refused with a challenge.
      sandbox.exchange.reply('AUTH', `334 ${Buffer.from('{"status":"401"}').toString('base64')}`);
      await send();
    }
    expect(asked).toEqual(expected);
  }
  transport.close();
});

test('ten queued messages on a warm connection cost 11 round trips, one of 100 recipients costs 2', async () => {
  await using we = await ours({ limits: { connections: 1 } });
  await using they = await theirs({ pool: true, maxConnections: 1 });
  for (const side of [we, they]) {
    await side.send();
    const flights = (): number => side.sandbox.sessions.reduce((sum, { roundTrips }) => sum + roundTrips, 0);
    const before = flights();
    await Promise.all(many(10).map((subject) => side.send(subject)));
    expect(flights() - before).toBe(side === we ? 11 : 20);
  }
  const to = many(100).map((name) => `${name}@example.org`);
  const receipt = await we.mailer.send({ envelope: { from: we.sandbox.mailbox, to }, message: text('all') });
  expect(receipt).toMatchObject({ roundTrips: 2, refused: [], deferred: [] });
  expect(receipt.accepted).toHaveLength(100);
});
