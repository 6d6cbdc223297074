// Whole conversations over real sockets: messages at once through one mailer, grouped on one connection, with every kind of
// refusal, replies in pieces, and the line cut at any byte. Held against what the server has in the end.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MailError } from '../../src/errors.ts';
import { createMailer } from '../../src/mailer.ts';
import { genericProvider } from '../../src/providers.ts';
import type { Receipt } from '../../src/receipt.ts';
import { WIRE_LEVELS, type WireLevel } from '../../src/smtp/wire-ladder.ts';
import {
  type ConversationServer,
  type MessagePlan,
  type ServerPlan,
  startConversationServer,
} from './conversation-server.ts';
import { type Property, property } from './property.ts';

const message: fc.Arbitrary<MessagePlan> = fc.record({
  recipients: fc.array(fc.boolean(), { minLength: 1, maxLength: 3 }),
  taken: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, fc.constant(false)),
});
const server: fc.Arbitrary<ServerPlan> = fc.record({
  messages: fc.array(message, { minLength: 1, maxLength: 6 }),
  extensions: fc.subarray(['PIPELINING', 'CHUNKING', 'SIZE 1000000'], { minLength: 0 }),
  pieces: fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 5 }),
});
const wire = fc.constantFrom(...WIRE_LEVELS);
const PROOF: MessagePlan = { recipients: [true], taken: true };

const content = (i: number): string => `Subject: m${i}\r\n\r\n.hello ${i}\r\n.\r\n${'x'.repeat(i * 50)}\r\n`;
const recipient = (i: number, j: number): string => `r${j}.m${i}@b.example`;

interface Outcome {
  readonly receipt: Receipt | undefined;
  readonly error: unknown;
}

/** Sends a first message alone, so that the mailer knows what the server stands, and then all others at once. */
async function conversation(
  plan: ServerPlan,
  level: WireLevel,
): Promise<{ outcomes: Outcome[]; server: ConversationServer }> {
  const messages = [PROOF, ...plan.messages];
  await using peer = await startConversationServer({ ...plan, messages });
  const mailer = createMailer({
    provider: { ...genericProvider('127.0.0.1', peer.port), tls: 'none', limits: { connections: 1 } },
    user: 'me@a.example',
    token: () => Promise.resolve({ value: 'token', expiresAt: Date.now() + 3_600_000 }),
    retries: 0,
    wire: level,
  });
  const send = (i: number): Promise<Outcome> =>
    mailer
      .send(
        {
          envelope: { from: `m${i}@a.example`, to: (messages[i]?.recipients ?? []).map((_, j) => recipient(i, j)) },
          message: content(i),
        },
        { deadline: 10_000 },
      )
      .then(
        (receipt) => ({ receipt, error: undefined }),
        (error: unknown) => ({ receipt: undefined, error }),
      );
  const first = await send(0);
  const others = await Promise.all(plan.messages.map((_, i) => send(i + 1)));
  await mailer.close({ deadline: 1_000 });
  return { outcomes: [first, ...others], server: peer };
}

const storedOf = ({ stored }: ConversationServer, i: number): ConversationServer['stored'] =>
  stored.filter(({ from }) => from === `m${i}@a.example`);

export const CONVERSATIONS: readonly Property[] = [
  property(
    'conversation',
    'of messages sent at once each has its own result, and the server has what was said to be sent, once and whole',
    12,
    fc.asyncProperty(server, wire, async (plan, level) => {
      const { outcomes, server: peer } = await conversation(plan, level);
      assert.deepEqual(peer.breaches, []);
      for (const [i, { receipt, error }] of outcomes.entries()) {
        const { recipients, taken } = [PROOF, ...plan.messages][i] ?? PROOF;
        const good = recipients.flatMap((each, j) => (each ? [recipient(i, j)] : []));
        const bad = recipients.flatMap((each, j) => (each ? [] : [recipient(i, j)]));
        const stored = storedOf(peer, i);
        if (good.length > 0 && taken) {
          assert.deepEqual(
            receipt?.accepted.map(({ address }) => address),
            good,
            `m${i}: ${String(error)}`,
          );
          assert.deepEqual(
            receipt.refused.map(({ address }) => address),
            bad,
          );
          assert.deepEqual(stored, [{ from: `m${i}@a.example`, to: good, content: content(i) }]);
        } else {
          const code = good.length === 0 ? 'ERR_SMTP_RECIPIENTS_REFUSED' : 'ERR_SMTP_MESSAGE_REFUSED';
          assert.ok(error instanceof MailError && error.code === code, `m${i}: ${String(error)}`);
          assert.ok(!error.mayHaveBeenSent);
          assert.deepEqual(stored, []);
        }
      }
      assert.equal(peer.connections, 1);
    }),
  ),
  property(
    'conversation-cut',
    'wherever the line is cut: "sent" is there once, "not sent" is not there, "maybe" is there at most once',
    12,
    fc.asyncProperty(server, wire, fc.nat(500), fc.constantFrom('end', 'reset'), async (plan, level, after, how) => {
      const { outcomes, server: peer } = await conversation({ ...plan, cut: { after, how } }, level);
      for (const [i, { receipt, error }] of outcomes.entries()) {
        const stored = storedOf(peer, i);
        for (const each of stored) assert.equal(each.content, content(i));
        if (receipt !== undefined) {
          assert.equal(stored.length, 1, `m${i} was said to be sent`);
          assert.deepEqual(
            receipt.accepted.map(({ address }) => address),
            stored[0]?.to,
          );
          continue;
        }
        assert.ok(error instanceof MailError, String(error));
        assert.ok(!['ERR_SMTP_DEADLINE', 'ERR_SMTP_TIMEOUT'].includes(error.code), error.message);
        assert.ok(
          stored.length <= (error.mayHaveBeenSent ? 1 : 0),
          `m${i} is there ${stored.length} times: ${error.message}`,
        );
      }
    }),
  ),
];
