import { inspect } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRedactor, printable } from './redact.ts';
import { Secret } from './secret.ts';

const SECRET = 'Zq8~canary-3fT.x9_KpLw2mVb7rYd0cHs1';
const redact = createRedactor([SECRET]);
const base64 = (text: string) => Buffer.from(text).toString('base64');

test.each([
  ['as it is', SECRET],
  ['a Secret', SECRET],
  ['in upper case', SECRET.toUpperCase()],
  ['in base64', base64(`${SECRET}`)],
  ['in base64url', Buffer.from(SECRET).toString('base64url')],
  ['form-encoded', new URLSearchParams({ a: SECRET }).toString().slice(2)],
  ['percent-encoded throughout', [...Buffer.from(SECRET)].map((byte) => `%${byte.toString(16)}`).join('')],
  ['percent-encoded twice', encodeURIComponent(encodeURIComponent(`${SECRET}`).replaceAll('~', '%7E'))],
  ['with backslashes', SECRET.split('').join('\\')],
])('a secret %s is replaced and the words around it stay', (_, echo) => {
  expect(redact(`the secret ${echo} is wrong`)).toBe('the secret [redacted] is wrong');
});

test.each([0, 1, 2, 3, 4, 5])('a secret within longer base64 is found at offset %i', (offset) => {
  const whole = base64(`${'u'.repeat(offset)}user=a\x01auth=Bearer ${SECRET}\x01\x01`);
  const shown = redact(`334 ${whole}`);
  expect(shown).toContain('[redacted]');
  const left = shown.slice(4).split('[redacted]');
  // No more than the two characters that also depend on the neighbours may remain on either side.
  expect(Buffer.from(left[0] ?? '', 'base64').toString()).toMatch(/Bearer .?$/);
  expect(left[1]?.length).toBeLessThanOrEqual(6);
});

test('twelve characters of a secret are replaced, eleven are chance', () => {
  expect(redact(`code ${SECRET.slice(7, 19)}.`)).toBe('code [redacted].');
  expect(redact(`code ${SECRET.slice(7, 18)}.`)).toBe(`code ${SECRET.slice(7, 18)}.`);
});

test('property: every run of twelve characters or more, at any place, is replaced', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme-composite', minLength: 40, maxLength: 60 }),
      fc.nat(20),
      fc.integer({ min: 14, max: 60 }),
      fc.string(),
      (secret, start, length, around) => {
        const run = secret.slice(start, start + length);
        fc.pre(run.replaceAll(/[\\%]/g, '').length >= 12);
        expect(createRedactor([secret])(`${around}${run}${around}`)).toContain('[redacted]');
      },
    ),
  );
});

test('property: a text without anything of the secret only loses its control characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme-composite' }), (text) => {
      expect(redact(text)).toBe(printable(text));
    }),
  );
});

test('two echoes, and echoes that overlap, are both replaced', () => {
  const both = createRedactor(['first-secret-value', new Secret('value-of-the-second')]);
  expect(both('a first-secret-value b value-of-the-second c')).toBe('a [redacted] b [redacted] c');
  expect(both('first-secret-value-of-the-second')).toBe('[redacted]');
});

test('a short secret is replaced where it appears whole, a very short or empty one is no secret', () => {
  expect(createRedactor(['hunter2'])('password hunter2 refused, not hunter')).toBe(
    'password [redacted] refused, not hunter',
  );
  expect(createRedactor(['hunter2'])(`refused ${base64('hunter2')}`)).not.toContain('aHVudGVy');
  expect(createRedactor(['', 'abc'])('abc')).toBe('abc');
});

test('control characters and those that turn lines around lose their power', () => {
  expect(redact('a\r\nb\x1b[2Jc\x00\x7f\x85')).toBe(String.raw`a\x0d\x0ab\x1b[2Jc\x00\x7f\x85`);
  expect(printable('a\u202eb\u2028c é 漢 😀')).toBe(String.raw`a\u202eb\u2028c é 漢 😀`);
});

test('takes time in proportion to the text, also where text and secret repeat themselves', () => {
  const hostile = createRedactor(['ab'.repeat(4000), 'a'.repeat(8000), '%25'.repeat(3000)]);
  const text = 'ab'.repeat(50_000) + 'a'.repeat(50_000) + '%25'.repeat(20_000);
  const started = performance.now();
  expect(hostile(text).length).toBeLessThan(100);
  expect(performance.now() - started).toBeLessThan(5000);
});

test('a redactor prints nothing of what it looks for', () => {
  expect(inspect(redact, { showHidden: true, depth: 9 })).not.toContain('canary');
});

test('a run that only this text completes is found, though a text like it was looked through before', () => {
  const run = SECRET.slice(5, 17);
  const before = 'queued as '.repeat(5);
  const after = ' on this host'.repeat(5);
  for (let cut = 1; cut < run.length; cut += 1) {
    for (const harmless of [`${run.slice(0, cut)}#`, `#${run.slice(cut)}`, run.slice(0, cut), run.slice(cut)]) {
      const experienced = createRedactor([SECRET]);
      expect(experienced(`${before}${harmless}${after}`)).toContain(harmless);
      expect(experienced(`${before}${run}${after}`)).toBe(`${before}[redacted]${after}`);
    }
  }
});

test('property: what was looked through before changes nothing', () => {
  const part = fc.constantFrom(
    SECRET.slice(0, 11),
    SECRET.slice(11, 30),
    SECRET.slice(3, 16),
    ' ok ',
    '%',
    'x'.repeat(40),
  );
  const text = fc.array(part, { maxLength: 8 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.array(text, { maxLength: 12 }), (texts) => {
      const experienced = createRedactor([SECRET]);
      for (const each of texts) expect(experienced(each)).toBe(createRedactor([SECRET])(each));
    }),
  );
});
