import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AuthenticationError, ConnectionError, ERROR_CODES, ReplyError, TokenError } from '../errors.ts';
import { classPolicy } from './class-policy.ts';
import { explain } from './explain.ts';
import { formatExplanation } from './format.ts';

const codes = fc.integer({ min: 200, max: 599 });
const texts = fc.string({ unit: 'binary', maxLength: 200 });
const statuses = fc.constantFrom(undefined, '4.3.2', '5.7.1', '5.7.139', '5.2.252', '4.2.0');
const replies = fc.record({ code: codes, status: statuses, lines: fc.array(texts, { maxLength: 4 }) });
const CONTROL = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u;

function everyText(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(everyText) : [];
}

test('property: explain() never throws, whatever it is given', () => {
  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withSet: true,
  });
  fc.assert(
    fc.property(anything, anything, fc.constantFrom(...ERROR_CODES), (thing, cause, code) => {
      for (const each of [
        thing,
        Object.assign(new Error('x', { cause }), { code, reply: thing, description: cause, response: thing }),
      ]) {
        const explanation = explain(each);
        expect(classPolicy(explanation.class)).toBeDefined();
        expect(formatExplanation(explanation)).not.toMatch(/undefined|\[object/);
      }
    }),
  );
});

test('explain() never throws at objects that do', () => {
  const hostile = new Proxy(
    {},
    {
      get: () => {
        throw new Error('no');
      },
    },
  );
  const getter = {
    get code(): string {
      throw new Error('no');
    },
  };
  for (const thing of [
    hostile,
    getter,
    new Error('x', { cause: hostile }),
    { reply: hostile },
    { code: 550, lines: hostile },
  ]) {
    expect(explain(thing).id).toBe('unknown');
  }
});

test('property: nothing a server says brings a control character into the explanation', () => {
  const answers = fc.record({ status: fc.nat(599), error: texts, suberror: texts, description: texts });
  fc.assert(
    fc.property(replies, texts, answers, (reply, challenge, answer) => {
      for (const explanation of [
        explain(reply),
        explain(
          new AuthenticationError('XOAUTH2', reply, {
            challenge: JSON.stringify({ scope: challenge, status: challenge }),
          }),
        ),
        explain({ ...answer, description: `AADSTS7000222: ${answer.description}` }),
        explain(new TokenError('ERR_OAUTH_REFUSED', 'x', answer)),
      ]) {
        for (const text of everyText(explanation)) expect(text).not.toMatch(CONTROL);
        for (const line of formatExplanation(explanation).split('\n')) expect(line).not.toMatch(CONTROL);
      }
    }),
  );
});

const CANARY = 'Zq8~canary-3fT.x9_KpLw2mVb7rYd0cHs1';

test('property: a secret in anything but a reply does not come back', () => {
  const places = ['message', 'name', 'error', 'suberror', 'description', 'challenge', 'extra'] as const;
  fc.assert(
    fc.property(fc.constantFrom(...ERROR_CODES), fc.subarray([...places]), replies, (code, planted, reply) => {
      const at = (place: (typeof places)[number]) => (planted.includes(place) ? CANARY : 'nothing');
      const cause = Object.assign(new Error(CANARY), { code: CANARY, path: CANARY });
      const error = new TokenError('ERR_OAUTH_REFUSED', `x ${at('message')}`, {
        error: at('error'),
        suberror: at('suberror'),
        description: `AADSTS50126: ${at('description')}`,
        cause,
      });
      const challenge = JSON.stringify({ scope: at('challenge') });
      const things = [
        error,
        new AuthenticationError('XOAUTH2', reply, { challenge, cause }),
        Object.assign(new ReplyError('ERR_SMTP_SENDER_REFUSED', at('message'), reply), { extra: at('extra') }),
        Object.assign(new ConnectionError('ERR_SMTP_CONNECT', at('message'), { cause: error }), { code }),
        Object.assign(new Error(at('message')), { name: at('name'), errorMessage: at('description'), status: 500 }),
        { error: at('error'), error_description: at('description'), client_secret: CANARY },
        `x ${at('message')}`,
      ];
      for (const thing of things) {
        const explanation = explain(thing, { values: { token: CANARY } });
        expect(JSON.stringify(explanation)).not.toContain('canary');
        expect(formatExplanation(explanation)).not.toContain('canary');
      }
    }),
  );
});

test('property: a reply that says "later" is never final by its words', () => {
  const words = fc.constantFrom(
    'SendAsDenied',
    'Sender throttled',
    'basic authentication is disabled',
    'Error: 550 5.7.705 x',
  );
  fc.assert(
    fc.property(fc.integer({ min: 400, max: 499 }), fc.array(words), (code, text) => {
      expect(['transient', 'slow-down', 'propagation']).toContain(
        explain({ code, status: undefined, lines: [text.join(' ')] }).class,
      );
    }),
  );
});

test.each([
  ['brackets', '['.repeat(60_000)],
  ['half trailers', '[a.b'.repeat(15_000)],
  ['long host', `[${'a.'.repeat(30_000)}`],
  ['diagnostics', `[BeginDiagnosticData]${'5.1:00000000AAAA'.repeat(4_000)}`],
  ['one long hex', `[BeginDiagnosticData]5.1:${'A'.repeat(60_000)}`],
  ['nested', 'Error: 535 5.7.57 '.repeat(3_500)],
  ['addresses', ' not allowed to send as '.repeat(2_500)],
  ['spaces', ' '.repeat(60_000)],
  ['numbers', '535 5.7.'.repeat(7_500)],
  ['AADSTS', 'AADSTS50126'.repeat(5_500)],
  ['ids', 'Trace ID: '.repeat(6_000)],
  ['digits', '5'.repeat(60_000)],
])('takes time in proportion to hostile text: %s', (_, text) => {
  const started = performance.now();
  for (const thing of [
    { code: 550, status: '5.7.1', lines: [text] },
    { code: 550, status: undefined, lines: Array.from({ length: 200 }, () => text.slice(0, 300)) },
    { status: 400, error: 'invalid_grant', description: text },
    text,
  ]) {
    formatExplanation(explain(thing));
  }
  // A few milliseconds each; the limit is for a machine that does something else at the moment.
  expect(performance.now() - started).toBeLessThan(1_500);
});
