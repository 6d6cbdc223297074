import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rcpt } from './command.ts';
import { parseMailbox } from './mailbox.ts';

const ACCEPTED: readonly [string, string?][] = [
  ['a@b.c'],
  ["o'brien+tag@example.com"],
  ["!#$%&'*+/=?^_`{|}~-@example.com"],
  ['a.b.c@example.com'],
  ['noreply@localhost'],
  ['a@my_host.example.com'],
  ['a@123.example'],
  ['a%b@example.com'],
  ['host!user@example.com'],
  ['"a b"@example.com'],
  ['"a@b"@example.com'],
  ['"a, b; c:"@example.com'],
  ['"a\\"b\\\\c"@example.com'],
  ['a@[192.0.2.1]'],
  ['a@[IPv6:2001:db8::1]'],
  ['ä@example.com'],
  ['"ä b"@example.com'],
  ['用户@example.com'],
  ['❤️@example.com'],
  ['a@bücher.example', 'a@xn--bcher-kva.example'],
  ['a@BÜCHER.example', 'a@xn--bcher-kva.example'],
  ['a@faß.example', 'a@xn--fa-hia.example'],
  ['a@日本.example', 'a@xn--wgv71a.example'],
  [`${'x'.repeat(64)}@example.com`],
  [`a@${'x'.repeat(63)}.example`],
];

test.each(ACCEPTED)('%j is one address', (text, address = text) => {
  const mailbox = parseMailbox(text, 'to');
  expect(mailbox.address).toBe(address);
  expect(rcpt(mailbox).line).toBe(`RCPT TO:<${address}>`);
});

test.each([
  ['ä@example.com', true],
  ['a@bücher.example', false],
  ['a@example.com', false],
])('%j needs SMTPUTF8: %s', (text, utf8) => expect(parseMailbox(text, 'to').utf8).toBe(utf8));

const REFUSED: readonly (readonly [string, readonly string[]])[] = [
  ['no address', ['', 'a', '@', 'a@', '@b.example', ' ', 'a@ ', 'a @b.example', 'a@b .example']],
  ['dots out of place', ['.a@b.example', 'a.@b.example', 'a..b@b.example', 'a@.b', 'a@b..c', 'a@b.example.']],
  ['a list', ['a@b.example,c@d.example', 'a@b.example;c@d.example', 'a@b.example c@d.example', 'x:a@b.example;']],
  ['a display name', ['A B <a@b.example>', '<a@b.example>', '"A" <a@b.example>', 'a@b.example (A)', 'a(b)@c.example']],
  [
    'an address within an address',
    [
      '"a@b.example>\\" c"@d.example',
      '"x>"@d.example',
      '"<x"@d.example',
      'a@b.example> RCPT TO:<c@d.example',
      'a>@b.example',
    ],
  ],
  ['parameters', ['a@b.example SIZE=1', 'a@b.example> SIZE=1', 'a@b.example>\tNOTIFY=NEVER', 'a@b.example> AUTH=<>']],
  ['a source route', ['@a.example:b@c.example', '@a.example,@b.example:c@d.example']],
  ['two at signs', ['a@b@c.example', 'a"b@c"@d.example', '"a"b@c.example', 'a"b"@c.example']],
  ['quotes that do not close', ['"a@b.example', 'a"@b.example', '"a\\"@b.example', '""@b.example']],
  [
    'line ends',
    ['a\r@b.example', 'a\n@b.example', 'a@b.example\r\n', 'a@b.example\n', '"a\r\nb"@c.example', '"a\\\nb"@c.example'],
  ],
  [
    'line ends of Unicode',
    ['a\u2028@b.example', 'a\u2029@b.example', 'a\u0085@b.example', '"a\u2028b"@c.example', 'a@b\u2028.example'],
  ],
  [
    'control characters',
    [
      'a\0@b.example',
      'a@b.example\0',
      'a\u001b@b.example',
      'a\u007f@b.example',
      'a\u009b@b.example',
      '"\\\0"@b.example',
    ],
  ],
  [
    'spaces of Unicode',
    ['a\u00a0b@c.example', 'a\u3000b@c.example', 'a\u2003b@c.example', 'a\u1680b@c.example', '"a\u00a0b"@c.example'],
  ],
  [
    'what cannot be seen',
    [
      'a\u200bb@c.example',
      'a\u200db@c.example',
      'a\ufeffb@c.example',
      'a\u00adb@c.example',
      'a\u2060b@c.example',
      'a\u034fb@c.example',
      'a\u3164b@c.example',
      'a\u180eb@c.example',
      'a@b\u200b.example',
      'a@b\u00ad.example',
    ],
  ],
  ['what turns text around', ['a\u202eb@c.example', 'a\u200fb@c.example', 'a\u061cb@c.example', 'a\u2066b@c.example']],
  ['halves of characters', ['\ud800a@b.example', 'a\udc00@b.example', 'a\uffff@b.example']],
  ['look-alikes of @', ['a＠b.example', 'a＠b@c.example', 'a@b＠c.example', 'a﹫b@c.example', '"a＠b"@c.example']],
  [
    'look-alikes of brackets and commas',
    [
      'a＜b@c.example',
      'a＞b@c.example',
      'a，b@c.example',
      'a；b@c.example',
      'a：b@c.example',
      'a＂b@c.example',
      'a﹤b@c.example',
      'a﹐b@c.example',
    ],
  ],
  [
    'domains another spelling becomes',
    ['a@ｅxample.com', 'a@b。example', 'a@b．example', 'a@ⓔxample.com', 'a@½.example', 'a@℀.example', 'a@b／c.example'],
  ],
  ['an IP address without brackets', ['a@192.0.2.1', 'a@１９２.0.2.1', 'a@0x7f.1', 'a@2130706433']],
  [
    'literals that are none',
    [
      'a@[]',
      'a@[x]',
      'a@[192.0.2.1',
      'a@192.0.2.1]',
      'a@[IPv6:zz]',
      'a@[IPv6:::1]>',
      'a@[192.0.2.1] SIZE=1',
      'a@[192.0.2.1\r\n]',
    ],
  ],
  [
    'domains that are none',
    [
      'a@-b.example',
      'a@b/c.example',
      'a@b,c',
      'a@b:25',
      'a@b?c',
      'a@b#c',
      'a@b%00c',
      'a@"b"',
      `a@${'x'.repeat(64)}.example`,
    ],
  ],
  ['too much', [`${'x'.repeat(400)}@b.example`, `${'ä'.repeat(200)}@b.example`, `a@${'x.'.repeat(150)}example`]],
];

test.each(REFUSED)('%s is refused', (_, texts) => {
  for (const text of texts) {
    expect(() => parseMailbox(text, 'envelope.to[0]'), JSON.stringify(text)).toThrow(
      expect.objectContaining({
        name: 'TypeError',
        code: 'ERR_INPUT_ADDRESS',
        message: expect.stringMatching(/^envelope\.to\[0\]: /),
      }),
    );
  }
});

test.each([[undefined], [null], [42], [['a@b.example']], [{ address: 'a@b.example' }]])('%j is no text', (value) => {
  expect(() => parseMailbox(value as unknown as string, 'to')).toThrow(
    expect.objectContaining({ code: 'ERR_INPUT_ADDRESS' }),
  );
});

test('the message shows no control character of what it refuses, and not all of a long text', () => {
  const message = (text: string): string => {
    try {
      return parseMailbox(text, 'to').address;
    } catch (error) {
      return (error as Error).message;
    }
  };
  // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
  expect(message('a\r\n\u001b[31m\u0000@b.example')).not.toMatch(/[\x00-\x1f]/);
  expect(message('x'.repeat(1_000_000)).length).toBeLessThan(300);
});

const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom('a', '@', '.', '"', '\\', '<', '>', ' ', '\r\n', '\0', 'ä', '＠', '[', ']', 'b.example', ':'),
      fc.string({ unit: 'binary', maxLength: 3 }),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));

test('whatever is accepted is one address on the wire', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        hostile,
        hostile.map((text) => `${text}@b.example`),
        hostile.map((text) => `"${text}"@b.example`),
      ),
      (text) => {
        let address: string;
        try {
          ({ address } = parseMailbox(text, 'to'));
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_INPUT_ADDRESS' });
          return;
        }
        // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
        expect(address).not.toMatch(/[\x00-\x1f\x7f<>\u2028\u2029]/);
        const unquoted = address.replace(/"(?:[^"\\]|\\.)*"/g, 'q');
        expect(unquoted).toMatch(/^[^@\s,;:()"\\]+@[^@\s,;()"\\]+$/);
      },
    ),
    { numRuns: 1000 },
  );
});

test('a long text is refused in no time, whatever it is made of', () => {
  const started = performance.now();
  for (const piece of ['a', 'a.', '"', '\\"', '@', 'ä', '(', '<', '"a" ', '[', ',']) {
    expect(() => parseMailbox(piece.repeat(200_000), 'to')).toThrow(TypeError);
    expect(() => parseMailbox(`"${piece.repeat(150)}`.slice(0, 300), 'to')).toThrow(TypeError);
  }
  expect(performance.now() - started).toBeLessThan(500);
});
