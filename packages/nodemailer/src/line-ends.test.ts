import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineEnds } from './line-ends.ts';

const repaired = (...pieces: string[]): string => {
  const lineEnds = new LineEnds();
  return Buffer.concat(pieces.map((piece) => lineEnds.repair(Buffer.from(piece)))).toString();
};

test.each([
  ['a\r\nb\r\n', 'a\r\nb\r\n'],
  ['a\nb\n', 'a\r\nb\r\n'],
  ['a\rb\r\n', 'a\r\nb\r\n'],
  ['\n\n\r\r\n', '\r\n\r\n\r\n\r\n'],
  ['', ''],
])('%j becomes %j', (from, to) => {
  expect(repaired(from)).toBe(to);
});

test('a piece that needs nothing is handed back without a copy', () => {
  const piece = Buffer.from('one\r\ntwo\r\n');
  expect(new LineEnds().repair(piece)).toBe(piece);
});

test('every line ends with CRLF wherever the message is cut, and nothing else changes', () => {
  const text = fc.array(fc.constantFrom('\r', '\n', 'a', '.'), { maxLength: 40 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.array(text, { maxLength: 8 }), (pieces) => {
      // the end of the message is the composer's: it never is a lone CR
      const whole = `${pieces.join('')}\n`;
      expect(repaired(...pieces, '\n')).toBe(whole.replaceAll(/\r\n?|\n/g, '\r\n'));
    }),
  );
});
