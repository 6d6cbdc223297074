// Messages on their way: servers that stop taking them, answer too early or hang up, and streams that hang or fail.
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { DEFAULT_TIMEOUTS, type OutgoingMail } from '../src/index.ts';
import {
  DEADLINE,
  MAIL,
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

/** A message of endless pieces, which counts what was taken of it and knows whether it was let go. */
class Endless {
  taken = 0;
  released = false;
  readonly mail: OutgoingMail = { ...MAIL, message: this.#pieces() };

  async *#pieces(): AsyncGenerator<Uint8Array> {
    try {
      const piece = Buffer.alloc(64 * 1024, `${'x'.repeat(62)}\r\n`);
      for (;;) {
        this.taken += piece.length;
        yield piece;
      }
    } finally {
      this.released = true;
    }
  }
}

/** Messages may be counted instead of ended by a dot. */
const COUNTED = '250-peer.example\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-BINARYMIME\r\n250 AUTH XOAUTH2';

const stopsReading: Partial<Conversation> = {
  data: async (peer) => {
    await peer.say('354 go ahead');
    await peer.stopReading();
  },
};

/** Nothing more is taken from the caller: the window and every buffer are full. */
function blocked(body: { readonly taken: number }): () => boolean {
  let last = -1;
  let since = 0;
  return () => {
    since = body.taken === last ? since + 1 : 0;
    last = body.taken;
    return since > 50 && body.taken > 0;
  };
}

test('a server that stops taking the message is given up when its time is over, with bounded buffers', async () => {
  const body = new Endless();
  const outcome = await attempt(server, { parts: stopsReading, mail: body.mail, idle: blocked(body) });
  expectFailure(outcome, { code: 'ERR_SMTP_TIMEOUT', stage: 'message', after: DEFAULT_TIMEOUTS.block });
  expect(body.taken, 'what the kernel takes, and one piece').toBeLessThan(24 * 1024 * 1024);
  expect(body.released).toBe(true);
  expect(server.messages).toHaveLength(0);
});

test('a server that goes on taking a message is not given up, however large the pieces', async () => {
  const data: Part = async (peer) => {
    await peer.say('354 go ahead');
    for (let times = 0; times < 5; times += 1) {
      await peer.take(1024 * 1024);
      for (let i = 0; i < 20; i += 1) await nextTurn();
      await vi.advanceTimersByTimeAsync(DEFAULT_TIMEOUTS.block / 2);
    }
    peer.reset();
  };
  const message = [Buffer.alloc(48 * 1024 * 1024, `${'x'.repeat(62)}\r\n`)];
  const outcome = await attempt(server, { parts: { data }, mail: { ...MAIL, message }, idle: () => false });
  expectFailure(outcome, { code: 'ERR_SMTP_CLOSED', stage: 'message' });
});

test('a server that answers every chunk before it took it, and takes no more, is given up when its time is over', async () => {
  const body = new Endless();
  const full = blocked(body);
  let answered = false;
  const parts: Partial<Conversation> = {
    secureEhlo: COUNTED,
    rcpt: async (peer) => {
      await peer.say('250 ok');
      await peer.stopReading();
    },
  };
  const idle = (): boolean => {
    if (!full()) return false;
    const chunks = Math.floor(body.taken / (1024 * 1024));
    if (!answered) void server.peers.at(-1)?.say(...Array.from({ length: chunks }, () => '250 chunk ok'));
    answered = true;
    return true;
  };
  const outcome = await attempt(server, { parts, mail: { ...body.mail, binary: true }, idle });
  expectFailure(outcome, { code: 'ERR_SMTP_TIMEOUT', stage: 'message', after: DEFAULT_TIMEOUTS.block });
  expect(body.released).toBe(true);
});

test('deadline and abort end a message that the server stopped taking', async () => {
  const body = new Endless();
  const late = await attempt(server, {
    parts: stopsReading,
    mail: body.mail,
    idle: blocked(body),
    send: { deadline: DEADLINE },
  });
  expectFailure(late, { code: 'ERR_SMTP_DEADLINE', stage: 'message', after: DEADLINE });
  expect(body.released).toBe(true);
  const other = new Endless();
  const outcome = await aborted(server, { parts: stopsReading, mail: other.mail, idle: blocked(other) });
  expectFailure(outcome, { code: 'ERR_SMTP_ABORTED', stage: 'message' });
  expect(other.released).toBe(true);
});

/** A message whose end never comes. */
const hanging = (): OutgoingMail => ({
  ...MAIL,
  message: Readable.from(
    (async function* () {
      yield 'Subject: hi\r\n\r\nhello';
      await new Promise(() => {});
    })(),
  ),
});
const dataAnswered = (): boolean => server.peers.at(-1)?.lastCode === '354';

test('the caller’s own stream may take its time; deadline and abort end it', async () => {
  const patient = hanging();
  let turned = 0;
  const late = await attempt(server, {
    mail: patient,
    send: { deadline: 3_600_000 },
    idle: () => dataAnswered() && (turned += 1) > 0 && vi.advanceTimersByTime(60_000) !== undefined,
  });
  expect(late.error).toMatchObject({ code: 'ERR_SMTP_DEADLINE', stage: 'message', mayHaveBeenSent: false });
  expect((patient.message as Readable).destroyed).toBe(true);
  const mail = hanging();
  const outcome = await aborted(server, { mail, idle: dataAnswered });
  expectFailure(outcome, { code: 'ERR_SMTP_ABORTED', stage: 'message' });
  expect((mail.message as Readable).destroyed).toBe(true);
});

test('a message that is counted and hangs before its first chunk is at its own stage', async () => {
  const parts: Partial<Conversation> = { secureEhlo: COUNTED };
  const idle = (): boolean => server.peers.at(-1)?.lines.at(-1)?.startsWith('RCPT') === true;
  const outcome = await aborted(server, { parts, mail: { ...hanging(), binary: true }, idle });
  expectFailure(outcome, { code: 'ERR_SMTP_ABORTED', stage: 'message' });
});

test.each([false, true])('pieces of nothing, again and again, leave others their turn (binary: %s)', async (binary) => {
  let turn = false;
  const message = (function* () {
    yield 'Subject: hi\r\n\r\n';
    setImmediate(() => (turn = true));
    for (let i = 0; i < 1_000 && !turn; i += 1) yield '';
    if (!turn) throw new Error('nobody else got a word in');
  })();
  const outcome = await attempt(server, { parts: { secureEhlo: COUNTED }, mail: { ...MAIL, message, binary } });
  expect(outcome.error).toBeUndefined();
});

test('a stream that takes its time does not hold up others while another connection may be opened', async () => {
  server.script({});
  const mailer = mailerTo(server, { limits: { connections: 2 } });
  const controller = new AbortController();
  const slow = mailer.send(hanging(), { signal: controller.signal }).catch((error: unknown) => error);
  while (!dataAnswered()) await nextTurn();
  let sent = false;
  void mailer.send(MAIL).then(() => (sent = true));
  for (let i = 0; i < 100; i += 1) await nextTurn();
  expect(server.peers).toHaveLength(1); // a moment's wait is not worth a connection
  await vi.advanceTimersByTimeAsync(2_000);
  for (let turns = 0; !sent && turns < 5_000; turns += 1) await nextTurn();
  expect([sent, server.peers.length]).toEqual([true, 2]);
  controller.abort(reason);
  expect(await slow).toMatchObject({ code: 'ERR_SMTP_ABORTED' });
  await mailer.close();
});

test('a server that hangs up while the caller’s stream takes its time', async () => {
  const parts: Partial<Conversation> = {
    data: async (peer) => {
      await peer.say('354 go ahead');
      peer.end();
    },
  };
  const mail = hanging();
  expectFailure(await attempt(server, { parts, mail }), { code: 'ERR_SMTP_CLOSED', stage: 'message' });
  expect((mail.message as Readable).destroyed).toBe(true);
});

const fails = async function* (): AsyncGenerator<string> {
  yield 'Subject: hi\r\n\r\n';
  throw new Error('disk on fire');
};

test.each<[string, () => OutgoingMail['message'], string]>([
  ['throws', fails, 'disk on fire'],
  ['is destroyed early', () => Readable.from(fails()), 'disk on fire'],
  ['never opened', () => createReadStream('/no/such/file'), 'ENOENT'],
  ['yields something else', () => [42] as unknown as string[], 'every piece is a string'],
  ['yields nothing at all', () => [undefined] as unknown as string[], 'every piece is a string'],
])('a message stream that %s is not sent, and the connection is dropped', async (_, message, why) => {
  const outcome = await attempt(server, { mail: { ...MAIL, message: message() } });
  expectFailure(outcome, { code: 'ERR_SMTP_BODY', stage: 'message' });
  expect(String((outcome.error as Error).cause)).toContain(why);
  expect(server.messages).toHaveLength(0);
});

test('a stream that fails while it waits for its turn fails its own message only', async () => {
  const unhandled = vi.fn<(error: unknown) => void>();
  process.on('uncaughtException', unhandled);
  const body = new Readable({ read() {} });
  const token = async () => {
    body.destroy(new Error('gone'));
    for (let i = 0; i < 5; i += 1) await nextTurn();
    return { value: 'x'.repeat(40), expiresAt: Date.now() + 3_600_000 };
  };
  const outcome = await attempt(server, { mail: { ...MAIL, message: body }, mailer: { token } });
  process.off('uncaughtException', unhandled);
  expect(unhandled).not.toHaveBeenCalled();
  expectFailure(outcome, { code: 'ERR_SMTP_BODY', stage: 'message' });
});

test('8-bit text in a stream for a server without 8BITMIME is found before the end of the message', async () => {
  const secureEhlo = '250-peer.example\r\n250-PIPELINING\r\n250 AUTH XOAUTH2';
  const mail = { ...MAIL, message: Readable.from(['Subject: hi\r\n\r\n', 'grüße\r\n']) };
  const outcome = await attempt(server, { parts: { secureEhlo }, mail });
  expectFailure(outcome, { code: 'ERR_SMTP_8BITMIME_NOT_OFFERED', stage: 'message' });
  expect(server.messages).toHaveLength(0);
});

test.each([
  ['552 5.3.4 too big', 'ERR_SMTP_MESSAGE_REFUSED'],
  ['421 4.3.2 shutting down', 'ERR_SMTP_MESSAGE_REFUSED'],
  ['250 2.0.0 OK queued', 'ERR_SMTP_PROTOCOL'],
] as const)('a server that says %s before the end of the message', async (reply, code) => {
  const body = new Endless();
  const together = await attempt(server, { parts: { data: `354 go ahead\r\n${reply}` }, mail: body.mail });
  // Together with 354 it is nobody's answer; a moment later it is the answer to the message.
  expect(together.error).toMatchObject({ mayHaveBeenSent: false });
  const later = new Endless();
  const data: Part = async (peer) => {
    await peer.say('354 go ahead');
    await peer.chunk();
    await peer.say(reply);
    await peer.stopReading();
  };
  const outcome = await attempt(server, { parts: { data }, mail: later.mail, idle: () => false });
  expectFailure(outcome, { code, stage: 'message' });
  expect(body.released && later.released).toBe(true);
});
