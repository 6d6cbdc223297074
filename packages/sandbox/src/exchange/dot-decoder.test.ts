import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bareLineEnd, DotDecoder } from './dot-decoder.ts';

const decode = (pieces: readonly Buffer[]) => {
  const out: Buffer[] = [];
  const decoder = new DotDecoder((piece) => out.push(piece));
  let rest: Buffer | undefined;
  for (const piece of pieces) {
    if (rest === undefined) rest = decoder.push(piece);
    else rest = Buffer.concat([rest, piece]);
  }
  return { text: Buffer.concat(out).toString('latin1'), rest: rest?.toString('latin1') };
};

describe('a message after DATA', () => {
  test.each([
    ['.\r\n', '', ''],
    ['\r\n.\r\n', '\r\n', ''],
    ['a\r\n.\r\nNOOP\r\n', 'a\r\n', 'NOOP\r\n'],
    ['..\r\n.\r\n', '.\r\n', ''],
    ['...\r\n..a\r\n.\r\n', '..\r\n.a\r\n', ''],
    ['.a\r\n.\r\n', 'a\r\n', ''],
    ['a\n.\nb\r\n.\r\n', 'a\n.\nb\r\n', ''],
    ['a\n.\r\nb\r\n.\r\n', 'a\n.\r\nb\r\n', ''],
    ['a\r\n.\nb\r\n.\r\n', 'a\r\n\nb\r\n', ''],
    ['a\r\n.\rb\r\n.\r\n', 'a\r\n\rb\r\n', ''],
    ['a\r.\r\n\r\n.\r\n', 'a\r.\r\n\r\n', ''],
    ['\r\r\n.\r\n', '\r\r\n', ''],
    ['.\r\r\n.\r\n', '\r\r\n', ''],
  ])('%j is %j, and %j comes after it, however it is cut', (wire, text, rest) => {
    const bytes = Buffer.from(wire, 'latin1');
    expect(decode([bytes])).toEqual({ text, rest });
    expect(decode([...bytes].map((byte) => Buffer.of(byte)))).toEqual({ text, rest });
    for (let at = 1; at < bytes.length; at += 1) {
      expect(decode([bytes.subarray(0, at), bytes.subarray(at)])).toEqual({ text, rest });
    }
  });

  test('is what was sent before the dots were doubled, for any text and any cuts', () => {
    const alphabet = fc.constantFrom('\r\n', '.', '\r\n.', '\r\n..', 'a', '\r', '\n', '\xff');
    fc.assert(
      fc.property(fc.array(alphabet), fc.array(fc.nat(60)), (parts, cuts) => {
        const text = `${parts.join('')}\r\n`;
        const wire = Buffer.from(`${text.replaceAll('\r\n.', '\r\n..').replace(/^\./, '..')}.\r\nQUIT\r\n`, 'latin1');
        const at = [0, ...cuts.filter((cut) => cut < wire.length).toSorted((a, b) => a - b), wire.length];
        const pieces = at.slice(1).map((end, index) => wire.subarray(at[index], end));
        expect(decode(pieces)).toEqual({ text, rest: 'QUIT\r\n' });
      }),
    );
  });
});

test.each([
  ['', undefined],
  ['a\r\n\r\nb\r\n', undefined],
  ['a\nb', 'LF'],
  ['\n', 'LF'],
  ['a\rb', 'CR'],
  ['a\r', 'CR'],
  ['\r\r\n', 'CR'],
  ['\r\n\n', 'LF'],
] as const)('the bare line end of %j is %s', (text, expected) => {
  expect(bareLineEnd(Buffer.from(text))).toBe(expected);
});
