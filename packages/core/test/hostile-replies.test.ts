// Every step of a session against every way of answering it wrong. docs/threats.md lists the cases.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEFAULT_TIMEOUTS, type ErrorCode, type ProtocolError, type Stage } from '../src/index.ts';
import { attempt, codeOf, expectFailure, startServer, tokenIn, turnClockByHand } from './hostile.ts';
import type { Conversation, Part, ScriptedServer } from './scripted-server.ts';

let secured: ScriptedServer;
/** For steps after the login: a transaction is the same with and without TLS, and handshakes are most of the time. */
let inClear: ScriptedServer;
beforeAll(async () => {
  turnClockByHand();
  [secured, inClear] = await Promise.all([startServer(), startServer('none')]);
});
afterAll(async () => {
  await Promise.all([secured[Symbol.asyncDispose](), inClear[Symbol.asyncDispose]()]);
});

interface Step {
  readonly part: keyof Conversation;
  readonly stage: Stage;
  /** Milliseconds until the client gives up. */
  readonly timeout: number;
  /** The code of the error that a 5yz reply becomes. */
  readonly refused: ErrorCode;
}

const { greeting, command, data, message } = DEFAULT_TIMEOUTS;
const refused = 'ERR_SMTP_SERVICE_REFUSED';
const STEPS: readonly Step[] = [
  { part: 'greeting', stage: 'greeting', timeout: greeting, refused },
  { part: 'ehlo', stage: 'EHLO', timeout: command, refused },
  { part: 'starttls', stage: 'STARTTLS', timeout: command, refused },
  { part: 'secureEhlo', stage: 'EHLO', timeout: command, refused },
  { part: 'auth', stage: 'AUTH', timeout: command, refused: 'ERR_SMTP_AUTH_REFUSED' },
  { part: 'mail', stage: 'MAIL', timeout: command, refused: 'ERR_SMTP_SENDER_REFUSED' },
  { part: 'rcpt', stage: 'RCPT', timeout: command, refused: 'ERR_SMTP_RECIPIENTS_REFUSED' },
  { part: 'data', stage: 'DATA', timeout: data, refused: 'ERR_SMTP_MESSAGE_REFUSED' },
  { part: 'message', stage: 'message', timeout: message, refused: 'ERR_SMTP_MESSAGE_REFUSED' },
];
const TRANSACTION: ReadonlySet<string> = new Set(['mail', 'rcpt', 'data', 'message']);

type Case = readonly [name: string, part: Part];

/** Every step with every one of these. */
const each = (cases: readonly Case[]): { at: string; step: Step; what: string; part: Part }[] =>
  STEPS.flatMap((step) => cases.map(([what, part]) => ({ at: step.part, step, what, part })));

const raw =
  (bytes: string | Uint8Array): Part =>
  (peer) =>
    peer.write(bytes);

async function run(step: Step, part: Part) {
  const server = TRANSACTION.has(step.part) ? inClear : secured;
  const outcome = await attempt(server, { parts: { [step.part]: part } });
  const { messages } = server;
  if (step.part !== 'auth' && !TRANSACTION.has(step.part)) {
    const received = server.peers.map((peer) => peer.received.toString('latin1')).join();
    expect(tokenIn(received), 'the token was not due yet').toBeUndefined();
  }
  return { ...outcome, messages };
}

const SILENCES: readonly Case[] = [
  ['says nothing', (peer) => peer.stall()],
  [
    'says half a line',
    async (peer) => {
      await peer.write('25');
      await peer.stall();
    },
  ],
  [
    'never says the last line of its reply',
    async (peer) => {
      await peer.say('250-more to come');
      await peer.stall();
    },
  ],
  ['drips its reply a byte at a time, for ever', (peer) => peer.stallDripping('250-')],
  [
    'drips short lines of a reply, for ever',
    async (peer) => {
      void peer.stall();
      await peer.drip('250-x\r\n'.repeat(8_000));
    },
  ],
];

test.each(each(SILENCES))('$at: a server that $what is given up when its time is over', async ({ step, part }) => {
  expectFailure(await run(step, part), {
    code: 'ERR_SMTP_TIMEOUT',
    stage: step.stage,
    mayHaveBeenSent: step.part === 'message',
    after: step.timeout,
  });
});

const endless =
  (text: string): Part =>
  async (peer) => {
    while (!peer.gone) {
      await peer.write(text);
      await nextTurn(); // or nobody else would get a word in before every buffer is full
    }
  };

const NONSENSE: readonly Case[] = [
  ['a reply of endless lines', endless('250-and another line of this reply\r\n'.repeat(100))],
  ['a line without an end', endless('250 '.repeat(4_000))],
  ['a reply of 65 kB', raw(`250-${'x'.repeat(65 * 1024)}\r\n250 end\r\n`)],
  ['words', raw('hello there\r\n')],
  ['another protocol', raw('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ['an empty line', raw('\r\n')],
  ['NUL bytes', raw(Buffer.from('250\0ok\r\n'))],
  ['bytes that are no text', raw(Buffer.from([0xff, 0xfe, 0x80, 0x00, 0x0d, 0x0a]))],
  ['two digits', raw('25 ok\r\n')],
  ['four digits', raw('2500 ok\r\n')],
  ['digits of another script', raw('٢٥٠ ok\r\n')],
  ['a code below 200', raw('150 wait\r\n')],
  ['a code above 599', raw('650 ok\r\n')],
  ['a code that cannot be', raw('299 ok\r\n')],
  ['a wrong separator', raw('250_ok\r\n')],
  ['a blank first', raw(' 250 ok\r\n')],
  ['two codes in one reply', raw('250-one\r\n251 other\r\n')],
  ['yes and no in one reply', raw('550-no\r\n250 yes\r\n')],
];

test.each(each(NONSENSE))('$at: $what ends the connection as a breach of protocol', async ({ step, part }) => {
  expectFailure(await run(step, part), {
    code: 'ERR_SMTP_PROTOCOL',
    stage: step.stage,
    mayHaveBeenSent: step.part === 'message',
  });
});

const ENDINGS: readonly Case[] = [
  ['closes', (peer) => peer.end()],
  ['resets', (peer) => peer.reset()],
  [
    'closes in mid-reply',
    async (peer) => {
      await peer.write('250-so ');
      peer.end();
    },
  ],
  [
    'closes between the lines of a reply',
    async (peer) => {
      await peer.say('250-so');
      peer.end();
    },
  ],
  [
    'closes before the line end of the last line',
    async (peer) => {
      await peer.write('250 ok');
      peer.end();
    },
  ],
];

test.each(each(ENDINGS))('$at: a server that $what did not say yes', async ({ step, what, part }) => {
  const outcome = await run(step, part);
  const { stage } = step;
  // A reset may arrive before we know that we were connected.
  if (stage === 'greeting' && what === 'resets' && codeOf(outcome) === 'ERR_SMTP_CONNECT') {
    expectFailure(outcome, { code: 'ERR_SMTP_CONNECT', stage: 'connect' });
  } else expectFailure(outcome, { code: 'ERR_SMTP_CLOSED', stage, mayHaveBeenSent: stage === 'message' });
});

const REFUSALS = ['554 5.0.0 no', '454 4.0.0 not now', '421 4.3.2 shutting down', '521 5.3.2 no mail here'];

test.each(each(REFUSALS.map((reply): Case => [reply, reply])))(
  '$at: refused with $what, the error carries the reply and says where',
  async ({ step, what, part }) => {
    const outcome = await run(step, part);
    expectFailure(outcome, { code: step.refused, stage: step.stage });
    expect(outcome.error).toMatchObject({ reply: { code: Number(what.slice(0, 3)) } });
  },
);

const WRONG_CODES = ['220', '221', '235', '250', '251', '334', '354'];
/** What is right at each step; a server may say 251 for a recipient it forwards to (RFC 5321 section 3.4). */
const RIGHT: Partial<Record<keyof Conversation, readonly string[]>> = {
  greeting: ['220'],
  starttls: ['220'],
  auth: ['235', '334'],
  rcpt: ['250', '251'],
  data: ['354'],
};
/** Any 2yz says yes to these, but for those that only ever answer another command. */
const POSITIVE: Partial<Record<keyof Conversation, readonly string[]>> = { mail: ['251'], message: ['251'] };

test.each(
  each(WRONG_CODES.map((code): Case => [code, `${code} 2.0.0 fine`])).filter(
    ({ step, what }) => ![...(RIGHT[step.part] ?? ['250']), ...(POSITIVE[step.part] ?? [])].includes(what),
  ),
)('$at: $what is not an answer to this', async ({ step, part }) => {
  expectFailure(await run(step, part), {
    code: 'ERR_SMTP_PROTOCOL',
    stage: step.stage,
    mayHaveBeenSent: step.part === 'message',
  });
});

/** A good answer to each step. */
const ANSWERS: Readonly<Record<string, string>> = {
  greeting: '220 hi',
  ehlo: '250-peer.example\r\n250-PIPELINING\r\n250 STARTTLS',
  starttls: '220 go',
  secureEhlo: '250-peer.example\r\n250-PIPELINING\r\n250 AUTH XOAUTH2',
  auth: '235 ok',
  mail: '250 ok',
  rcpt: '250 ok',
  data: '354 go',
  message: '250 ok',
};

test.each(STEPS)('$part: answered twice, the second answer is for nobody', async (step) => {
  const answer = ANSWERS[step.part] ?? '';
  const outcome = await run(step, `${answer}\r\n${answer}`);
  // The first answer to the message was given and stands.
  if (step.part === 'message') expect(outcome.receipt?.accepted).toHaveLength(1);
  else expect(outcome.error).toMatchObject({ code: 'ERR_SMTP_PROTOCOL', mayHaveBeenSent: false });
  expect(outcome.messages).toHaveLength(step.part === 'message' ? 1 : 0);
});

test.each(STEPS.slice(1))('$part: a reply that came before its command is no answer', async (step) => {
  const before = STEPS[STEPS.indexOf(step) - 1] ?? step;
  // Both in one segment, then the step's own answer when it is asked.
  const outcome = await run(before, `${ANSWERS[before.part]}\r\n${ANSWERS[step.part]}`);
  expect(outcome.receipt).toBeUndefined();
  expect(outcome.error).toMatchObject({ code: 'ERR_SMTP_PROTOCOL' });
  // Within a flight it cannot be told from an answer until the count is wrong; by then the message may be out.
  const { mayHaveBeenSent } = outcome.error as ProtocolError;
  if (step.part !== 'data') expect(mayHaveBeenSent).toBe(false);
  expect(outcome.messages.length).toBeLessThanOrEqual(mayHaveBeenSent ? 1 : 0);
});

/** What is asked alone: within a flight the question is out before the answer to the one before it. */
const ASKED_ALONE = STEPS.slice(1).filter(({ part }) => part !== 'rcpt' && part !== 'data');

test.each(ASKED_ALONE)(
  '$part: half a reply that came before its command is not made whole by the other half',
  async (step) => {
    const before = STEPS[STEPS.indexOf(step) - 1] ?? step;
    const half = `${ANSWERS[step.part]?.slice(0, 3)}-half of it`;
    const outcome = await run(before, `${ANSWERS[before.part]}\r\n${half}`);
    expect(outcome.error).toMatchObject({ code: 'ERR_SMTP_PROTOCOL', mayHaveBeenSent: false });
    expect(outcome.messages).toHaveLength(0);
  },
);
