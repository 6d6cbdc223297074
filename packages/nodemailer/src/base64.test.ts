import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Base64Encoder } from './base64.ts';

function encoded(pieces: readonly Uint8Array[]): string {
  const encoder = new Base64Encoder();
  return (
    Buffer.concat(pieces.map((piece) => Buffer.from(encoder.encode(Buffer.from(piece))))).toString() + encoder.end()
  );
}

const expected = (bytes: Uint8Array): string =>
  (
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,76}/g) ?? []
  ).join('\r\n');

test('lines of 76 characters, the last one without CRLF, wherever the content is cut', () => {
  const piece = fc.uint8Array({ maxLength: 200 });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      expect(encoded(pieces)).toBe(expected(Buffer.concat(pieces)));
    }),
  );
});

test.each([0, 1, 56, 57, 58, 114, 57 * 255, 57 * 256, 57 * 257, 57 * 512 + 1])('%i bytes at once', (length) => {
  const bytes = Uint8Array.from({ length }, (_, i) => i * 7);
  expect(encoded([bytes])).toBe(expected(bytes));
  expect(encoded([bytes, bytes])).toBe(expected(Buffer.concat([bytes, bytes])));
});

test('what it is given may be used again at once', () => {
  const chunk = Buffer.from('first');
  const encoder = new Base64Encoder();
  encoder.encode(chunk);
  chunk.fill(0);
  expect(encoder.end()).toBe(Buffer.from('first').toString('base64'));
});
