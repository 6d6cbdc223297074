// The redactor: secrets in every form a server is likely to give them back in, and texts that hold none.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createRedactor, printable } from '../../src/redact.ts';
import { Secret } from '../../src/secret.ts';
import { textOf } from './arbitraries.ts';
import { type Property, property, timed } from './property.ts';

const secret = fc.oneof(
  textOf('abcXYZ019-._~+/=?>', { minLength: 16, maxLength: 80 }),
  textOf('ab', { minLength: 16, maxLength: 40 }),
  fc
    .string({ unit: 'grapheme', minLength: 16, maxLength: 30, size: 'max' })
    .filter((text) => Buffer.byteLength(text) >= 16),
);
const percent = (text: string, all: boolean): string =>
  [...Buffer.from(text)]
    .map((byte) =>
      all || !/[A-Za-z0-9]/.test(String.fromCharCode(byte))
        ? `%${byte.toString(16).padStart(2, '0')}`
        : String.fromCharCode(byte),
    )
    .join('');

/** A secret as a server may echo it. */
const FORMS: Readonly<Record<string, (value: string, salt: string) => string>> = {
  plain: (value) => value,
  upper: (value) => value.toUpperCase(),
  lower: (value) => value.toLowerCase(),
  percent: (value) => percent(value, true),
  form: (value) => new URLSearchParams({ a: value }).toString().slice(2),
  component: (value) => percent(value, false),
  'percent twice': (value) => percent(percent(value, false), false),
  base64: (value) => Buffer.from(value).toString('base64'),
  base64url: (value) => Buffer.from(value).toString('base64url'),
  response: (value) => Buffer.from(`user=me@a.example\x01auth=Bearer ${value}\x01\x01`).toString('base64'),
  'base64 within': (value, salt) => Buffer.from(`${salt}${value}${salt}`).toString('base64'),
  json: (value) => JSON.stringify(JSON.stringify(value)).slice(1, -1),
};
const form = fc.constantFrom(...Object.keys(FORMS));
const around = fc.constantFrom('', '535 5.7.3 ', ' is wrong', '"', '%', '%2', '\\', '=', '\r\n', 'Bearer ', 'é', '…');

/** No run of twelve characters of `shown` is left, whatever the alphabet it was written in. */
function assertGone(shown: string, value: string, printed: string): void {
  for (const [name, make] of [
    ['plain', FORMS['plain']],
    ['base64', FORMS['base64']],
  ] as const) {
    const whole = make?.(value, '') ?? '';
    for (let at = 0; at + 12 <= whole.length; at += 1) {
      assert.ok(
        !printed.includes(whole.slice(at, at + 12)),
        `${name}, in ${JSON.stringify(shown)}: ${JSON.stringify(printed)}`,
      );
    }
  }
}

export const SECRETS: readonly Property[] = [
  property(
    'redactor-echo',
    'no run of twelve characters of a secret is left of an echo, in whatever form it comes back',
    150,
    fc.property(secret, form, around, around, fc.string({ maxLength: 3 }), (value, how, before, after, salt) => {
      const shown = `${before}${FORMS[how]?.(value, salt) ?? ''}${after}`;
      const printed = createRedactor([value])(shown);
      assertGone(shown, value, printed);
      assert.ok(printed.includes('[redacted]'), `${how}: ${JSON.stringify(shown)} became ${JSON.stringify(printed)}`);
    }),
  ),
  property(
    'redactor-two',
    'two secrets, one inside or beside the other, are both gone',
    60,
    fc.property(secret, secret, around, (first, second, between) => {
      const both = createRedactor([new Secret(first), second]);
      for (const shown of [
        first + between + second,
        second + first,
        `${first.slice(0, 8)}${second}${first.slice(8)}`,
      ]) {
        const printed = both(shown);
        assertGone(shown, second, printed);
        if (shown.includes(first)) assertGone(shown, first, printed);
      }
    }),
  ),
  property(
    'redactor-innocent',
    'a text without the secret stays as it is, but for control characters',
    150,
    fc.property(
      textOf('abcdef012345', { minLength: 16, maxLength: 60 }),
      textOf('ghijkl 6789.\r\n\u202eéß%<>[]@', { maxLength: 80 }),
      (value, text) => assert.equal(createRedactor([value])(text), printable(text)),
    ),
  ),
  property(
    'redactor-time',
    'a long echo takes no longer than its length explains',
    2,
    fc.property(
      secret,
      fc.constantFrom('%', '%25', '%2', '\\', 'a', 'ab', '%61', 'é', '=', '%%%2525', '\0'),
      fc.boolean(),
      (value, pump, own) => {
        const text = (own ? value : pump).repeat(Math.ceil(100_000 / (own ? value.length : pump.length)));
        // A secret of backslashes alone is nobody's.
        const secrets = pump === '\\' ? [value] : [value, pump.repeat(40)];
        const taken = timed(() => createRedactor(secrets)(text));
        assert.ok(taken < 2_000, `${taken.toFixed(0)} ms`);
      },
    ),
  ),
];
