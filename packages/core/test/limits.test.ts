// Every way in which time or the caller ends a send: it ends within its limit, says where it stood and what became of the message.
import { getEventListeners } from 'node:events';
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { DEFAULT_TIMEOUTS, type Receipt, type Stage, cached } from '../src/index.ts';
import { openBlackHole } from './black-hole.ts';
import {
  type Attempt,
  DEADLINE,
  MAIL,
  TOKEN,
  aborted,
  attempt,
  expectFailure,
  mailerTo,
  reason,
  startServer,
  turnClockByHand,
} from './hostile.ts';
import type { Conversation, Part, ScriptedServer } from './scripted-server.ts';

let server: ScriptedServer;
beforeAll(async () => {
  turnClockByHand();
  server = await startServer();
});
afterAll(async () => server[Symbol.asyncDispose]());

const stall: Part = (peer) => peer.stall();
const OPENING: readonly [keyof Conversation, Stage][] = [
  ['greeting', 'greeting'],
  ['ehlo', 'EHLO'],
  ['starttls', 'STARTTLS'],
  ['handshake', 'tls'],
  ['secureEhlo', 'EHLO'],
  ['auth', 'AUTH'],
];
const TRANSACTION: readonly [keyof Conversation, Stage][] = [
  ['mail', 'MAIL'],
  ['rcpt', 'RCPT'],
  ['data', 'DATA'],
  ['message', 'message'],
];
test.each([...OPENING, ...TRANSACTION])('%s: the deadline ends a send where it stands', async (part, stage) => {
  const outcome = await attempt(server, { parts: { [part]: stall }, send: { deadline: DEADLINE } });
  const mayHaveBeenSent = stage === 'message';
  expectFailure(outcome, { code: 'ERR_SMTP_DEADLINE', stage, mayHaveBeenSent, after: DEADLINE });
});

test.each([...OPENING, ...TRANSACTION])('%s: an abort ends a send where it stands', async (part, stage) => {
  const outcome = await aborted(server, { parts: { [part]: stall } });
  expectFailure(outcome, { code: 'ERR_SMTP_ABORTED', stage, mayHaveBeenSent: stage === 'message' });
  expect((outcome.error as Error).cause).toBe(reason);
});

test.each(OPENING)('%s: deadline and abort end verify() where it stands', async (part, stage) => {
  const parts = { [part]: stall };
  const late = await attempt(server, { parts, verify: true, send: { deadline: DEADLINE } });
  expectFailure(late, { code: 'ERR_SMTP_DEADLINE', stage, after: DEADLINE });
  expectFailure(await aborted(server, { parts, verify: true }), { code: 'ERR_SMTP_ABORTED', stage });
});

test('verify() ends in time though it has to make room and the server says nothing to QUIT', async () => {
  const controller = new AbortController();
  for (const options of [{ deadline: 500 }, { signal: controller.signal }]) {
    server.script((connection) => (connection === 0 ? { quit: stall } : { greeting: stall }));
    const mailer = mailerTo(server);
    await mailer.send(MAIL);
    let error: unknown;
    mailer.verify(options).catch((reason: unknown) => (error = reason));
    while (server.peers[0]?.stalled !== true) await nextTurn();
    if (options.signal === undefined) await vi.advanceTimersByTimeAsync(500);
    else controller.abort(reason);
    await nextTurn();
    const code = options.signal === undefined ? 'ERR_SMTP_DEADLINE' : 'ERR_SMTP_ABORTED';
    expect(error).toMatchObject({ code, stage: 'QUIT' });
    await vi.advanceTimersByTimeAsync(2_000); // the server's time for its goodbye
    expect(server.peers).toHaveLength(1);
    await mailer.close();
    await server.released();
  }
});

test('a network that swallows the SYN is given up at the limit, the deadline, the abort', async () => {
  await using hole = await openBlackHole();
  const options: Attempt = { mailer: { port: hole.port }, idle: () => true };
  const silent = await attempt(server, options);
  expectFailure(silent, { code: 'ERR_SMTP_TIMEOUT', stage: 'connect', after: DEFAULT_TIMEOUTS.connect });
  const late = await attempt(server, { ...options, send: { deadline: DEADLINE } });
  expectFailure(late, { code: 'ERR_SMTP_DEADLINE', stage: 'connect', after: DEADLINE });
  expectFailure(await aborted(server, options), { code: 'ERR_SMTP_ABORTED', stage: 'connect' });
});

test('a port where nobody listens is said at once', async () => {
  const closed = await startServer();
  const { port } = closed;
  await closed[Symbol.asyncDispose]();
  expectFailure(await attempt(server, { mailer: { port } }), { code: 'ERR_SMTP_CONNECT', stage: 'connect' });
});

test('a name that does not resolve is said at once', async () => {
  const outcome = await attempt(server, { mailer: { host: 'no-such-host.invalid' } });
  expectFailure(outcome, { code: 'ERR_SMTP_CONNECT', stage: 'connect' });
});

test('a token source that never answers ends at its limit, the deadline, the abort', async () => {
  const mailer = { token: () => new Promise<never>(() => {}) };
  const ready = (): boolean => server.peers[0]?.secured === true && server.peers[0].lastCode === '250';
  const hung = await attempt(server, { mailer, idle: ready });
  expectFailure(hung, { code: 'ERR_OAUTH_TIMEOUT', stage: 'token', after: 20_000 });
  const late = await attempt(server, { mailer, idle: ready, send: { deadline: DEADLINE } });
  expectFailure(late, { code: 'ERR_SMTP_DEADLINE', stage: 'token', after: DEADLINE });
  expectFailure(await aborted(server, { mailer, idle: ready }), { code: 'ERR_SMTP_ABORTED', stage: 'token' });
  const verify = { mailer, idle: ready, verify: true };
  expectFailure(await aborted(server, verify), { code: 'ERR_SMTP_ABORTED', stage: 'token' });
  const lateVerify = await attempt(server, { ...verify, send: { deadline: DEADLINE } });
  expectFailure(lateVerify, { code: 'ERR_SMTP_DEADLINE', stage: 'token', after: DEADLINE });
});

test('verify() that waits for a second token, the first having ended meanwhile, ends as at any other stage', async () => {
  const HOUR = 3_600_000;
  let asked = 0;
  let now = Date.now();
  const parts: Partial<Conversation> = {
    auth: (peer) => {
      now += HOUR; // the server took its time
      return peer.say('235 welcome');
    },
  };
  const options = (): Attempt => {
    asked = 0;
    const first = { value: TOKEN, expiresAt: now + HOUR };
    const source = () => ((asked += 1) === 1 ? Promise.resolve(first) : new Promise<never>(() => {}));
    return { parts, mailer: { token: cached(source, { now: () => now }) }, verify: true, idle: () => asked === 2 };
  };
  const abort = await aborted(server, options());
  expectFailure(abort, { code: 'ERR_SMTP_ABORTED', stage: 'token' });
  expect((abort.error as Error).cause).toBe(reason);
  const late = await attempt(server, { ...options(), send: { deadline: DEADLINE } });
  expectFailure(late, { code: 'ERR_SMTP_DEADLINE', stage: 'token', after: DEADLINE });
});

test('a server that hangs up while the token is awaited', async () => {
  const parts: Partial<Conversation> = {
    secureEhlo: async (peer) => {
      await peer.say('250-peer.example', '250 AUTH XOAUTH2');
      peer.end();
    },
  };
  let give: (() => void) | undefined;
  const token = () =>
    new Promise<{ value: string; expiresAt: number }>((resolve) => {
      give = () => resolve({ value: 'x'.repeat(100), expiresAt: Date.now() + 3_600_000 });
    });
  void Promise.resolve().then(async () => {
    while (server.peers[0]?.gone !== true) await nextTurn();
    for (let i = 0; i < 20; i += 1) await nextTurn();
    give?.();
  });
  const outcome = await attempt(server, { parts, mailer: { token } });
  expectFailure(outcome, { code: 'ERR_SMTP_CLOSED', stage: 'AUTH' });
});

// ---- the queue, and neighbours ----

test('deadline and abort end a wait in the queue and touch nobody else', async () => {
  let answer: (() => Promise<void>) | undefined;
  server.script({
    auth: (peer) => {
      answer = () => peer.say('235 welcome');
    },
  });
  const mailer = mailerTo(server);
  const first = mailer.send(MAIL);
  const controller = new AbortController();
  const gone = mailer.send(MAIL, { signal: controller.signal }).catch((error: unknown) => error);
  const late = mailer.send(MAIL, { deadline: DEADLINE }).catch((error: unknown) => error);
  while (answer === undefined) await nextTurn();
  controller.abort(reason);
  await vi.advanceTimersByTimeAsync(DEADLINE);
  expect(await gone).toMatchObject({ code: 'ERR_SMTP_ABORTED', mayHaveBeenSent: false, cause: reason });
  expect(await late).toMatchObject({ code: 'ERR_SMTP_DEADLINE', mayHaveBeenSent: false });
  await answer();
  expect((await first).accepted).toHaveLength(1);
  expect(server.messages).toHaveLength(1);
  await mailer.close();
});

test('a signal that was aborted before sends nothing and asks for no token', async () => {
  server.script({});
  const token = vi.fn<() => Promise<never>>();
  const mailer = mailerTo(server, { token });
  const message = Readable.from(['x']);
  await expect(mailer.send({ ...MAIL, message }, { signal: AbortSignal.abort(reason) })).rejects.toMatchObject({
    code: 'ERR_SMTP_ABORTED',
    cause: reason,
  });
  await expect(mailer.verify({ signal: AbortSignal.abort(reason) })).rejects.toMatchObject({
    code: 'ERR_SMTP_ABORTED',
  });
  expect(token).not.toHaveBeenCalled();
  expect(server.peers).toHaveLength(0);
  expect(message.destroyed).toBe(true);
  await mailer.close();
});

test('sends and logins leave nothing behind on a signal they share', async () => {
  server.script({ message: (peer) => peer.say(server.messages.length > 1 ? '550 5.7.1 no' : '250 2.0.0 queued') });
  const mailer = mailerTo(server);
  const { signal } = new AbortController();
  await mailer.verify({ signal });
  const outcomes = await Promise.allSettled([1, 2, 3].map(() => mailer.send(MAIL, { signal, deadline: DEADLINE })));
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  await mailer.close();
});

/** Two messages on one connection, the envelope of the second behind the first, whose answer is held back. */
async function grouped(run: (answer: () => void, first: AbortController, second: AbortController) => void) {
  let answer: (() => void) | undefined;
  server.script({
    message: async (peer) => {
      if (server.messages.length === 2) await new Promise<void>((resolve) => (answer = resolve));
      await peer.say('250 2.0.0 OK queued');
    },
  });
  const mailer = mailerTo(server);
  await mailer.send(MAIL); // grouping begins when a message went well
  const aborts = [new AbortController(), new AbortController()];
  const sends = aborts.map(({ signal }, i) =>
    mailer.send({ ...MAIL, message: `Subject: ${i}\r\n\r\n` }, { signal }).catch((error: unknown) => error),
  );
  while (answer === undefined) await nextTurn();
  for (let i = 0; i < 20; i += 1) await nextTurn();
  run(answer, ...(aborts as [AbortController, AbortController]));
  const results = await Promise.all(sends);
  await mailer.close();
  const delivered = server.messages.map(({ wire }) => /Subject: (\w+)/.exec(wire.toString())?.[1]);
  return { results: results as unknown[], delivered };
}

test('aborting a message grouped behind another leaves the other alone', async () => {
  const { results, delivered } = await grouped((answer, _, second) => {
    second.abort(reason);
    answer();
  });
  expect((results[0] as Receipt).accepted).toHaveLength(1);
  expect(results[1]).toMatchObject({ code: 'ERR_SMTP_ABORTED', mayHaveBeenSent: false });
  expect(delivered).toEqual(['hi', '0']);
});

test('aborting a message that waits for its answer moves the one behind it, which is sent once', async () => {
  const { results, delivered } = await grouped((_, first) => first.abort(reason));
  expect(results[0]).toMatchObject({ code: 'ERR_SMTP_ABORTED', stage: 'message', mayHaveBeenSent: true });
  expect((results[1] as Receipt).accepted).toHaveLength(1);
  expect(delivered).toEqual(['hi', '0', '1']);
});

test('when the message that finds out is given up under way, another finds out in its place', async () => {
  const busy = '432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded';
  let mails = 0;
  server.script({
    mail: (peer) => ((mails += 1) === 2 ? peer.stall() : peer.say('250 2.1.0 ok')),
    message: (peer) => peer.say(server.messages.length === 1 ? busy : '250 2.0.0 OK queued'),
  });
  const mailer = mailerTo(server);
  await expect(mailer.send(MAIL)).rejects.toMatchObject({ reply: { code: 432 } });
  const controller = new AbortController();
  const gone = mailer.send(MAIL, { signal: controller.signal }).catch((error: unknown) => error);
  while (mails < 2) await vi.advanceTimersByTimeAsync(1_000);
  controller.abort(reason);
  expect(await gone).toMatchObject({ code: 'ERR_SMTP_ABORTED', stage: 'RSET' });
  expect(await mailer.send(MAIL, { deadline: 60_000 })).toMatchObject({ accepted: [expect.anything()] });
  await mailer.close();
});

test('when the message that finds out is put off and then given up, another finds out in its place', async () => {
  const busy = '432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded';
  server.script({ message: (peer) => peer.say(server.messages.length <= 2 ? busy : '250 2.0.0 OK queued') });
  const mailer = mailerTo(server, { retries: 2 });
  const until = async (done: () => boolean): Promise<void> => {
    for (let seconds = 0; !done() && seconds < 40; seconds += 1) {
      await vi.advanceTimersByTimeAsync(1_000);
      for (let i = 0; i < 20; i += 1) await nextTurn();
    }
  };
  const putOff = (times: number): boolean =>
    server.messages.length === times && mailer.health().suspendedUntil !== undefined;
  const controller = new AbortController();
  const first = mailer.send(MAIL, { signal: controller.signal }).catch((error: unknown) => error);
  await until(() => putOff(1));
  let second: unknown;
  void mailer.send(MAIL).then((receipt) => (second = receipt));
  await until(() => putOff(2));
  controller.abort(reason);
  expect(await first).toMatchObject({ code: 'ERR_SMTP_ABORTED' });
  await until(() => second !== undefined);
  expect(second).toMatchObject({ accepted: [expect.anything()] });
  expect(mailer.health()).toMatchObject({ status: 'up', pending: 0 });
  await mailer.close();
});

test('close() with a deadline ends what is stuck and says what became of it', async () => {
  server.script({ message: stall });
  const mailer = mailerTo(server);
  const stuck = mailer.send(MAIL).catch((error: unknown) => error);
  while (server.messages.length === 0) await nextTurn();
  const waiting = mailer.send(MAIL).catch((error: unknown) => error);
  const closed = mailer.close({ deadline: DEADLINE });
  await vi.advanceTimersByTimeAsync(DEADLINE);
  expect(await stuck).toMatchObject({ mayHaveBeenSent: true });
  expect(await waiting).toMatchObject({ mayHaveBeenSent: false });
  await closed;
  await server.released();
});

test.each<[string, Part, number]>([
  ['says nothing', stall, 2_000],
  ['drips', (peer) => peer.stallDripping('221-'), 2_000],
  ['hangs up', (peer) => peer.end(), 0],
  ['talks nonsense', 'what?', 0],
])('a server that %s when told QUIT does not hold close() for long', async (_, quit, limit) => {
  server.script({ quit });
  const mailer = mailerTo(server);
  await mailer.send(MAIL);
  const before = performance.now();
  let closed = false;
  void mailer.close().then(() => (closed = true));
  while (!closed) {
    await nextTurn();
    if (server.peers[0]?.stalled === true) await vi.advanceTimersByTimeAsync(100);
  }
  expect(performance.now() - before).toBe(limit);
  await server.released();
});
