// One transaction against servers of every kind: what the sender is told agrees with what the server was given and said.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MailError, ProtocolError, ReplyError } from '../../src/errors.ts';
import { toContent } from '../../src/smtp/content.ts';
import { checkEnvelope, envelopeCommands } from '../../src/smtp/envelope.ts';
import type { Reply } from '../../src/smtp/reply.ts';
import { type Transaction, type TransactionResult, sendMessage } from '../../src/smtp/transaction.ts';
import { WIRE_LEVELS, type WireLevel } from '../../src/smtp/wire-ladder.ts';
import { answer, code } from './arbitraries.ts';
import { type Property, property } from './property.ts';

const message = toContent('Subject: property\r\n\r\nhello\r\n');

/** What a server answers to each step; the last of a list stands for all that follow. */
interface Plan {
  readonly rset: number;
  readonly mail: number;
  readonly rcpts: readonly number[];
  readonly data: number;
  /** To a message; with BDAT to each of its chunks. */
  readonly message: readonly number[];
}

interface Setting {
  readonly wire: WireLevel;
  readonly recipients: number;
  readonly reset: boolean;
  readonly all: boolean;
}

const setting: fc.Arbitrary<Setting> = fc
  .record({
    wire: fc.constantFrom(...WIRE_LEVELS),
    recipients: fc.integer({ min: 1, max: 4 }),
    reset: fc.boolean(),
    all: fc.boolean(),
  })
  // "All or nobody" has to be known before the message is begun: connections choose no other levels for it.
  .filter(({ wire, all }) => !all || wire === 'lock-step' || wire === 'envelope' || wire === 'chunked');

const bdat = (wire: WireLevel): boolean => wire === 'chunked' || wire === 'one-flight';

function transaction({ wire, recipients, reset, all }: Setting): Transaction {
  const to = Array.from({ length: recipients }, (_, i) => `r${i}@example.com`);
  const envelope = checkEnvelope({ from: 'a@example.com', to });
  return {
    to: envelope.to,
    envelope: envelopeCommands({ envelope, content: message, binary: false }, new Map()),
    body: { content: message, framing: bdat(wire) ? 'bdat' : 'data', sevenBit: false },
    wire,
    reset,
    all,
  };
}

interface Played {
  readonly result: TransactionResult | undefined;
  readonly error: unknown;
  /** The server's answer to the end of the real message; `undefined` where it never got that far. */
  readonly messageReply: number | undefined;
  /** A message came where the server had not asked for one with 354. */
  readonly unasked: boolean;
  /** The empty message that ends what was refused came where somebody might have got it. */
  readonly misdelivered: boolean;
  readonly steps: number;
}

/** Plays a transaction to its end. `reply` is asked for each command, and for the message with `undefined`. */
function played(given: Transaction, reply: (line: string | undefined, empty: boolean) => readonly Reply[]): Played {
  const dialogue = sendMessage(given);
  let messageReply: number | undefined;
  let unasked = false;
  let misdelivered = false;
  let recipients = 0;
  let steps = 0;
  let lastReplies: readonly Reply[] = [];
  try {
    let next = dialogue.next([]);
    while (next.done !== true) {
      steps += 1;
      assert.ok(steps < 30, 'the dialogue does not end');
      const step = next.value;
      assert.ok(step.kind === 'exchange', step.kind);
      const replies = step.commands.flatMap(({ line }) => {
        const answers = reply(line, false);
        if (line.startsWith('RCPT') && (answers[0]?.code ?? 0) < 300) recipients += 1;
        return answers;
      });
      if (step.body !== undefined) {
        const empty = step.body.content.size === 0;
        if (empty && recipients > 0) misdelivered = true;
        if (step.body.framing === 'data' && lastReplies.at(-1)?.code !== 354) unasked = true;
        const answers = reply(undefined, empty);
        if (!empty) messageReply = answers.at(-1)?.code;
        replies.push(...answers);
      }
      lastReplies = replies;
      next = dialogue.next(replies);
    }
    return { result: next.value, error: undefined, messageReply, unasked, misdelivered, steps };
  } catch (error) {
    return { result: undefined, error, messageReply, unasked, misdelivered, steps };
  }
}

const plan = (codes: fc.Arbitrary<number>): fc.Arbitrary<Plan> =>
  fc.record({
    rset: codes,
    mail: codes,
    rcpts: fc.array(codes, { minLength: 1, maxLength: 4 }),
    data: codes,
    message: fc.array(codes, { minLength: 1, maxLength: 3 }),
  });

/** Says what the plan says, whatever was said before. */
function stubborn({ rset, mail, rcpts, data, message: ends }: Plan, chunks: boolean) {
  let rcpt = 0;
  return (line: string | undefined): readonly Reply[] => {
    if (line === undefined) return (chunks ? ends : ends.slice(0, 1)).map((each) => answer(each));
    if (line === 'RSET') return [answer(rset)];
    if (line === 'DATA') return [answer(data)];
    if (line.startsWith('MAIL')) return [answer(mail)];
    return [answer(rcpts[Math.min(rcpt++, rcpts.length - 1)] ?? 250)];
  };
}

/** Answers as the plan says where the order of commands allows it, and 503 where it does not (RFC 5321 section 4.1.4). */
function orderly({ mail, rcpts, data, message: ends }: Plan, laxData: boolean) {
  let opened = false;
  let taken = 0;
  let rcpt = 0;
  return (line: string | undefined, empty: boolean): readonly Reply[] => {
    if (line === 'RSET') return [answer(250)];
    if (line?.startsWith('MAIL') === true) {
      opened = mail === 250;
      return [answer(mail)];
    }
    if (line?.startsWith('RCPT') === true) {
      const said = opened ? (rcpts[Math.min(rcpt++, rcpts.length - 1)] ?? 250) : 503;
      if (said < 300) taken += 1;
      return [answer(said)];
    }
    // RFC 2920 section 3.1: a server may say 354 although nobody is to get the message, and then refuse the empty one.
    if (line === 'DATA') return [answer(taken > 0 ? data : laxData ? 354 : 503)];
    if (taken === 0) return [answer(empty ? 554 : 503)];
    return [answer(ends.at(-1) ?? 250)];
  };
}

const polite: fc.Arbitrary<Plan> = fc.record({
  rset: fc.constant(250),
  mail: fc.constantFrom(250, 250, 250, 451, 550),
  rcpts: fc.array(fc.constantFrom(250, 250, 251, 450, 550), { minLength: 1, maxLength: 4 }),
  data: fc.constantFrom(354, 354, 354, 451, 554),
  message: fc.constantFrom([250], [250], [451], [554]),
});

/** What came of it, in words that do not depend on the wire level. */
function outcome({ result, error }: Played): unknown {
  const codes = (all: TransactionResult['accepted']): unknown => all.map(({ address, reply }) => [address, reply.code]);
  if (result !== undefined) {
    return {
      sent: result.reply.code,
      accepted: codes(result.accepted),
      deferred: codes(result.deferred),
      refused: codes(result.refused),
    };
  }
  if (!(error instanceof ReplyError)) throw error;
  return { code: error.code, reply: error.reply.code, stage: error.stage, maybe: error.mayHaveBeenSent };
}

export const TRANSACTIONS: readonly Property[] = [
  property(
    'transaction-any-server',
    'whatever a server answers, a transaction ends, and "sent" is said only after 250 to the whole message',
    400,
    fc.property(setting, plan(code), (given, answers) => {
      const found = played(transaction(given), stubborn(answers, bdat(given.wire)));
      const { result, error, messageReply } = found;
      assert.ok(!found.unasked, 'a message without 354');
      assert.ok(!found.misdelivered, 'an empty message to somebody');
      if (result === undefined) {
        assert.ok(error instanceof ReplyError || error instanceof ProtocolError, String(error));
        assert.ok(error.stage !== undefined);
        return;
      }
      assert.equal(messageReply, 250);
      assert.equal(result.reply.code, 250);
      assert.equal(answers.mail, 250);
      const { accepted, deferred, refused } = result;
      assert.ok(accepted.length > 0 && accepted.length + deferred.length + refused.length === given.recipients);
      assert.ok(!given.all || accepted.length === given.recipients);
      assert.ok(accepted.every(({ reply }) => [250, 251, 252].includes(reply.code)));
      assert.ok(deferred.every(({ reply }) => reply.code >= 400 && reply.code < 500));
      assert.ok(refused.every(({ reply }) => reply.code >= 500));
    }),
  ),
  property(
    'transaction-not-sent',
    'where a server took the message, the error says at least that it may have been sent',
    400,
    fc.property(setting, plan(code), (given, answers) => {
      const { error, messageReply } = played(transaction(given), stubborn(answers, bdat(given.wire)));
      if (!(error instanceof MailError)) return;
      const taken = messageReply !== undefined && messageReply < 300;
      if (taken) assert.ok(error.mayHaveBeenSent, `${messageReply} to the message, then: ${error.message}`);
      // And nobody is told "maybe" of a message that was not begun.
      if (messageReply === undefined) assert.ok(!error.mayHaveBeenSent, error.message);
    }),
  ),
  property(
    'transaction-levels',
    'at every wire level an orderly server leads to the same result as in lock-step',
    200,
    fc.property(setting, polite, fc.boolean(), (given, answers, laxData) => {
      // Without DATA there is nothing to refuse it.
      const same = bdat(given.wire) ? { ...answers, data: 354 } : answers;
      const slow: Setting = { ...given, wire: 'lock-step' };
      const expected = played(transaction(slow), orderly(same, laxData));
      const found = played(transaction(given), orderly(same, laxData));
      assert.deepEqual(outcome(found), outcome(expected));
      // A refusal may take one more flight, to end what was begun.
      if (found.result !== undefined) assert.ok(found.steps <= expected.steps, `${found.steps} flights`);
    }),
  ),
];
