import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MessageEncoder } from './transparency.ts';

function encode(framing: 'data' | 'bdat', ...chunks: string[]): string {
  const encoder = new MessageEncoder(framing);
  const parts = chunks.map((chunk) => encoder.encode(Buffer.from(chunk, 'latin1')));
  return Buffer.concat([...parts, encoder.end()]).toString('latin1');
}

/** The same rules as a loop over characters, one state at a time. */
function oracle(framing: 'data' | 'bdat', text: string): string {
  const lines = text.replace(/\r\n|\r|\n/g, '\r\n');
  if (framing === 'bdat') return lines;
  const stuffed = lines.replace(/(^|\r\n)\./g, '$1..');
  return stuffed + (stuffed === '' || stuffed.endsWith('\r\n') ? '' : '\r\n') + '.\r\n';
}

describe('a message made ready for DATA', () => {
  test.each([
    ['an empty body is the end of data alone', '', '.\r\n'],
    ['a missing last line end is added', 'a', 'a\r\n.\r\n'],
    ['a line with a single dot is doubled', 'a\r\n.\r\nb\r\n', 'a\r\n..\r\nb\r\n.\r\n'],
    ['a dot at the very start is doubled', '.a\r\n', '..a\r\n.\r\n'],
    ['a lone LF becomes CRLF', 'a\nb\n', 'a\r\nb\r\n.\r\n'],
    ['a lone CR becomes CRLF', 'a\rb\r', 'a\r\nb\r\n.\r\n'],
    ['a dot after a lone LF cannot end the data', 'a\n.\nMAIL FROM:<x@y>\n', 'a\r\n..\r\nMAIL FROM:<x@y>\r\n.\r\n'],
    ['a dot after a lone CR cannot end the data', 'a\r.\r\n', 'a\r\n..\r\n.\r\n'],
    ['8-bit bytes and NUL pass', '\xe4\x00\xff\r\n', '\xe4\x00\xff\r\n.\r\n'],
    ['CR CR LF is a line end and a line end', '\r\r\n', '\r\n\r\n.\r\n'],
  ])('%s', (_name, input, wire) => expect(encode('data', input)).toBe(wire));

  test('what needs no change is not copied', () => {
    const bytes = Buffer.from('From: a\r\n\r\nhello\r\n');
    expect(new MessageEncoder('data').encode(bytes)).toBe(bytes);
  });
});

const text = fc
  .array(fc.constantFrom('\r', '\n', '.', 'a', '\r\n', '\r\n.', '\n.\n', '\xe4', 'line of text'), { maxLength: 30 })
  .map((parts) => parts.join(''));

test.each(['data', 'bdat'] as const)(
  '%s: the result is that of the plain rules, wherever the input is cut',
  (framing) => {
    fc.assert(
      fc.property(text, fc.array(fc.nat(60), { maxLength: 6 }), (input, cuts) => {
        const edges = [0, ...cuts.map((cut) => Math.min(cut, input.length)).sort((a, b) => a - b), input.length];
        const chunks = edges.slice(1).map((edge, i) => input.slice(edges[i], edge));
        expect(encode(framing, ...chunks)).toBe(oracle(framing, input));
      }),
    );
  },
);
