// Opening a session and logging in, against servers of every kind: where the token may go, and where it may not.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MailError } from '../../src/errors.ts';
import { oauthbearer } from '../../src/sasl/oauthbearer.ts';
import { xoauth2 } from '../../src/sasl/xoauth2.ts';
import { Secret } from '../../src/secret.ts';
import { authenticate } from '../../src/smtp/authentication.ts';
import { parseCapabilities } from '../../src/smtp/capabilities.ts';
import type { Dialogue, Step } from '../../src/smtp/dialogue.ts';
import type { Reply } from '../../src/smtp/reply.ts';
import { openSession } from '../../src/smtp/session.ts';
import { answer, code, replyLine, textOf } from './arbitraries.ts';
import { type Property, property } from './property.ts';

const EHLO_LINES = ['STARTTLS', 'AUTH XOAUTH2', 'AUTH=XOAUTH2 OAUTHBEARER', 'PIPELINING', 'X-STARTTLS', 'STARTTLS NOW'];
const hello = fc
  .tuple(code, fc.subarray(EHLO_LINES))
  .map(([number, lines]): Reply => answer(number, 'mail.example', ...lines));
/** More likely what it takes to come further. */
const likely = (number: number): fc.Arbitrary<Reply> =>
  fc
    .oneof(
      { weight: 3, arbitrary: fc.tuple(fc.constant(number), fc.array(replyLine, { minLength: 1, maxLength: 2 })) },
      fc.tuple(code, fc.array(replyLine, { minLength: 1, maxLength: 2 })),
    )
    .map(([each, lines]) => answer(each, ...lines));
const helloOk = fc.oneof({ weight: 3, arbitrary: hello.map((each): Reply => ({ ...each, code: 250 })) }, hello);

interface Played<T> {
  readonly result: T | undefined;
  readonly error: unknown;
  readonly steps: readonly Step[];
  readonly heard: readonly Reply[];
}

/** One reply a step, from `replies` in their order. */
function played<T>(dialogue: Dialogue<T>, replies: readonly Reply[]): Played<T> {
  const steps: Step[] = [];
  const heard: Reply[] = [];
  try {
    let next = dialogue.next([]);
    while (next.done !== true) {
      steps.push(next.value);
      assert.ok(steps.length < 20, 'the dialogue does not end');
      if (next.value.kind === 'secure') next = dialogue.next([]);
      else {
        const reply = replies[heard.length] ?? answer(250);
        heard.push(reply);
        next = dialogue.next([reply]);
      }
    }
    return { result: next.value, error: undefined, steps, heard };
  } catch (error) {
    assert.ok(error instanceof MailError, String(error));
    assert.ok(error.stage !== undefined && !error.mayHaveBeenSent);
    return { result: undefined, error, steps, heard };
  }
}

const linesOf = (steps: readonly Step[]): string[] =>
  steps.map((step) => (step.kind === 'exchange' ? (step.commands[0]?.line ?? '') : step.kind));

const token = textOf('abcXYZ019-._', { minLength: 20, maxLength: 700 });
const challenge = fc.oneof(
  fc.constantFrom('', ' ', 'eyJzdGF0dXMiOiI0MDAifQ==', 'VXNlcm5hbWU6', '%%%'),
  fc.base64String({ maxLength: 40 }),
);
const authReply = fc.oneof(
  fc
    .tuple(fc.constantFrom(334, 334, 334, 235, 535, 500, 501, 555, 454, 421), challenge)
    .map(([n, text]) => answer(n, text)),
  likely(235),
);

export const SESSIONS: readonly Property[] = [
  property(
    'session-any-server',
    'a session is open only after 220, 250, and where TLS is asked for STARTTLS, 220, TLS and 250 again',
    300,
    fc.property(
      fc.constantFrom('starttls', 'implicit', 'none'),
      fc.tuple(likely(220), helloOk, likely(220), helloOk),
      (tls, replies) => {
        const { result, steps, heard } = played(openSession('client.example', tls), replies);
        const lines = linesOf(steps);
        const full = ['greeting', 'EHLO client.example', 'STARTTLS', 'secure', 'EHLO client.example'];
        const expected = tls === 'starttls' ? full : full.slice(0, 2);
        assert.deepEqual(lines, expected.slice(0, lines.length));
        const [greeted, first, ready, second] = heard.map((each) => each.code);
        if (lines.includes('secure')) {
          assert.equal(ready, 220);
          assert.ok(heard[1]?.lines.slice(1).some((line) => /^STARTTLS\b/.test(line)));
        }
        if (result === undefined) return;
        assert.deepEqual(lines, expected);
        assert.deepEqual([greeted, first, second ?? 250], [220, 250, 250]);
        // What was offered in clear counts for nothing (RFC 3207 section 4.2).
        const last = heard.at(-1);
        assert.ok(last !== undefined);
        assert.deepEqual([...result.capabilities], [...parseCapabilities(last)]);
      },
    ),
  ),
  property(
    'login-any-server',
    'the token goes to a server that offers the mechanism, in a line it may have or after an empty challenge, and "in" is 235',
    200,
    fc.property(
      token,
      fc.constantFrom('XOAUTH2', 'OAUTHBEARER'),
      fc.subarray(EHLO_LINES),
      fc.boolean(),
      fc.array(authReply, { minLength: 1, maxLength: 5 }),
      (value, name, offered, longLines, replies) => {
        const secret = new Secret(value);
        const mechanism =
          name === 'XOAUTH2' ? xoauth2('me@a.example', secret) : oauthbearer('me@a.example', secret, 'h', 587);
        const response = mechanism.initialResponse.reveal();
        const capabilities = parseCapabilities(answer(250, 'mail.example', ...offered));
        const { result, error, steps, heard } = played(authenticate(mechanism, capabilities, longLines), replies);
        const lines = linesOf(steps);
        const isOffered = offered.some((line) => line.startsWith('AUTH') && line.includes(name));
        if (!isOffered) assert.deepEqual(lines, []);
        for (const [i, line] of lines.entries()) {
          if (!line.includes(response)) continue;
          const inline = line === `AUTH ${name} ${response}`;
          assert.ok(inline || line === response);
          if (inline) assert.ok(i === 0 && (longLines || line.length + 2 <= 512), `${line.length} characters`);
          else {
            assert.equal(lines[i - 1], `AUTH ${name}`);
            assert.equal(heard[i - 1]?.code, 334);
            assert.equal(heard[i - 1]?.lines.join('').trim(), '');
          }
        }
        // Once, and once more where the first was refused for the length of its line.
        const times = lines.filter((line) => line.includes(response)).length;
        const lineRefused = lines[0]?.includes(response) === true && [500, 501, 555].includes(heard[0]?.code ?? 0);
        assert.ok(times <= (lineRefused ? 2 : 1), `${times} times`);
        assert.ok(lines.length <= 4, lines.map((line) => line.slice(0, 20)).join(', '));
        if (result !== undefined) {
          assert.equal(heard.at(-1)?.code, 235);
          assert.ok(lines.at(-1)?.includes(response));
        }
        for (const step of steps) {
          const log = step.kind === 'exchange' ? (step.commands[0]?.log ?? step.commands[0]?.line ?? '') : '';
          assert.ok(!log.includes(value) && !log.includes(response), 'the log shows the token');
        }
        const shown = `${String(error)} ${JSON.stringify(error)}`;
        assert.ok(!shown.includes(value) && !shown.includes(response), 'the error shows the token');
      },
    ),
  ),
];
