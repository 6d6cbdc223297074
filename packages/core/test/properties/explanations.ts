// Server-chosen text on its way to people: queue ids and explanations.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { classPolicy } from '../../src/diagnosis/class-policy.ts';
import { explain } from '../../src/diagnosis/explain.ts';
import { formatExplanation } from '../../src/diagnosis/format.ts';
import { AuthenticationError, ReplyError, TokenError } from '../../src/errors.ts';
import { queueId } from '../../src/receipt.ts';
import type { Reply } from '../../src/smtp/reply.ts';
import { CONTROLS } from './arbitraries.ts';
import { type Property, property, timed } from './property.ts';

const PHRASES = [
  '5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.',
  '5.7.57 Client not authenticated to send mail. Error: 535 5.7.139 Authentication unsuccessful',
  '5.2.252 SendAsDenied; a@contoso.com not allowed to send as b@contoso.com; STOREDRV.Submission.Exception:',
  '4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded',
  '5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException',
  '[DB9PR01CA0001.eurprd01.prod.outlook.com 2026-11-20T12:00:00.000Z 08DE0000]',
  '[BeginDiagnosticData]5.1:00000000AAAA [EndDiagnosticData]',
  'AADSTS7000222: The provided client secret keys are expired.',
  'Trace ID: 00000000-0000-0000-0000-000000000000',
  '2.0.0 OK <abc@XYZ.eurprd01.prod.outlook.com> [Hostname=XYZ]',
  'OK id=1uABCD-0000-01',
  '2.0.0 Ok: queued as 4F0B1A',
];
const text = fc
  .array(
    fc.oneof(
      fc.constantFrom(...PHRASES),
      fc.string({ unit: 'binary', maxLength: 30, size: 'max' }),
      fc.constantFrom('<', '>', '<a b>', '<>', 'id=', ' '),
    ),
    { maxLength: 4 },
  )
  .map((parts) => parts.join(' '));
const reply: fc.Arbitrary<Reply> = fc.record({
  code: fc.integer({ min: 200, max: 559 }),
  status: fc.constantFrom(undefined, '4.3.2', '5.7.1', '5.7.139', '5.2.252', '2.0.0', '5.7.57'),
  lines: fc.array(text, { maxLength: 4 }),
});
const pumped = fc
  .tuple(
    fc.constantFrom('', '<', '[', 'id=', 'queued as ', 'Error: 535 ', '[BeginDiagnosticData]'),
    fc.constantFrom(
      '<',
      '[a.b',
      'id=',
      ' ',
      'a@',
      '5.7.1 ',
      'AADSTS',
      '535 5.7.',
      '5.1:00',
      'queued as ',
      '[',
      'a.',
      '\0',
    ),
    fc.constantFrom('', '>', ']', '[EndDiagnosticData]'),
  )
  .map(([start, pump, end]) => start + pump.repeat(Math.ceil(60_000 / pump.length)) + end);

/** Every text in it. */
function texts(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(texts) : [];
}

export const EXPLANATIONS: readonly Property[] = [
  property(
    'queue-id',
    'a queue id is a word of the reply, of at most 200 characters, or nothing',
    150,
    fc.property(reply, (given) => {
      const id = queueId(given);
      if (id === undefined) return;
      assert.match(id, /^[^\s<>]{1,200}$/);
      assert.ok(given.lines.join(' ').includes(id));
    }),
  ),
  property(
    'queue-id-known',
    'the queue ids of Exchange, Exim and Postfix are found',
    50,
    fc.property(fc.stringMatching(/^[A-Za-z0-9-]{6,20}$/), fc.constantFrom(0, 1, 2), (id, kind) => {
      const words = [`2.0.0 OK <${id}@h.example> [Hostname=h]`, `OK id=${id}`, `2.0.0 Ok: queued as ${id}`][kind] ?? '';
      assert.equal(queueId({ code: 250, status: '2.0.0', lines: [words] }), kind === 0 ? `${id}@h.example` : id);
    }),
  ),
  property(
    'explanation-any',
    'whatever a server says is explained: no exception, a known class, and no control character',
    15,
    fc.property(reply, text, fc.nat(599), (given, words, status) => {
      const errors = [
        given,
        words,
        new ReplyError('ERR_SMTP_MESSAGE_REFUSED', 'message', given),
        new AuthenticationError('XOAUTH2', given, { challenge: words }),
        new TokenError('ERR_OAUTH_REFUSED', 'token', { status, error: 'invalid_client', description: words }),
      ];
      for (const each of errors) {
        const explanation = explain(each);
        assert.ok(classPolicy(explanation.class) !== undefined, explanation.class);
        for (const shown of texts(explanation)) assert.doesNotMatch(shown, CONTROLS);
        for (const line of formatExplanation(explanation).split('\n')) assert.doesNotMatch(line, CONTROLS);
      }
    }),
  ),
  property(
    'explanation-later',
    'a reply that says "later" is not explained as final',
    100,
    fc.property(fc.integer({ min: 400, max: 459 }), text, (code, words) => {
      const { class: kind } = explain({ code, status: undefined, lines: [words] });
      assert.ok(['transient', 'slow-down', 'propagation'].includes(kind), kind);
    }),
  ),
  property(
    'explanation-time',
    'a long reply takes no longer than its length explains',
    10,
    fc.property(pumped, (words) => {
      const given: Reply = { code: 550, status: '5.7.1', lines: [words] };
      const taken = timed(() => [queueId(given), formatExplanation(explain(given)), explain(words)]);
      assert.ok(taken < 2_000, `${taken.toFixed(0)} ms`);
    }),
  ),
];
