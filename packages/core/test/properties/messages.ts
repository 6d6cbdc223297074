// From message to wire and back: the encoder against a decoder that shares nothing with it.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { toContent } from '../../src/smtp/content.ts';
import { MessageEncoder } from '../../src/smtp/transparency.ts';
import { cuts, edges, pieces } from './arbitraries.ts';
import { type Property, property } from './property.ts';

const word = fc.constantFrom(
  '\r',
  '\n',
  '.',
  '\r\n',
  '\r\n.',
  '\n.\n',
  '\r.\r',
  '\r\n.\r\n',
  '..',
  'a',
  '\xe4',
  '\0',
  ' ',
);
const message: fc.Arbitrary<Buffer> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.array(word, { maxLength: 40, size: 'max' }).map((parts) => Buffer.from(parts.join(''), 'latin1')),
  },
  { weight: 4, arbitrary: fc.uint8Array({ maxLength: 200, size: 'max' }).map((bytes) => Buffer.from(bytes)) },
  // Longer than what is worked on at a time.
  fc
    .tuple(fc.array(word, { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 20_000 }))
    .map(([parts, times]) => Buffer.from(parts.join('').repeat(times).slice(0, 100_000), 'latin1')),
);

function encoded(framing: 'data' | 'bdat' | 'binary', chunks: readonly Buffer[]): Buffer {
  const encoder = new MessageEncoder(framing);
  // A copy of each: what was handed out may not change because of what comes after.
  return Buffer.concat([...chunks.map((chunk) => Buffer.from(encoder.encode(chunk))), encoder.end()]);
}

/** Every line end a CRLF (RFC 5321 section 2.3.8), byte by byte. */
function repaired(bytes: Buffer): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i] ?? 0;
    if (byte === 0x0d && bytes[i + 1] === 0x0a) i += 1;
    text += byte === 0x0d || byte === 0x0a ? '\r\n' : String.fromCharCode(byte);
  }
  return text;
}

/** What a server that follows RFC 5321 section 4.5.2 to the letter takes off the wire, and what it takes for the next command. */
function received(wire: Buffer): { readonly message: string; readonly rest: string } {
  const text = wire.toString('latin1');
  let message = '';
  let at = 0;
  for (;;) {
    const end = text.indexOf('\r\n', at);
    assert.notEqual(end, -1, 'the message has no end');
    const line = text.slice(at, end);
    at = end + 2;
    if (line === '.') return { message, rest: text.slice(at) };
    message += `${line.startsWith('.') ? line.slice(1) : line}\r\n`;
  }
}

const LONE = /\r(?!\n)|(?<!\r)\n/;

export const MESSAGES: readonly Property[] = [
  property(
    'message-data',
    'what goes behind DATA is read back as the message with its line ends repaired, and nothing is left over',
    30,
    fc.property(message, cuts, (bytes, at) => {
      const wire = encoded('data', pieces(bytes, at));
      assert.doesNotMatch(wire.toString('latin1'), LONE);
      const expected = repaired(bytes);
      const { message: found, rest } = received(wire);
      assert.equal(rest, '');
      assert.equal(found, expected === '' || expected.endsWith('\r\n') ? expected : `${expected}\r\n`);
    }),
  ),
  property(
    'message-bdat',
    'what goes behind BDAT is the message with its line ends repaired, or untouched where it is binary',
    20,
    fc.property(message, cuts, (bytes, at) => {
      assert.equal(encoded('bdat', pieces(bytes, at)).toString('latin1'), repaired(bytes));
      assert.ok(encoded('binary', pieces(bytes, at)).equals(bytes));
    }),
  ),
  property(
    'message-smuggling',
    'no way of ending a message that some server knows is found inside one',
    40,
    fc.property(message, cuts, (bytes, at) => {
      const wire = encoded('data', pieces(bytes, at)).toString('latin1');
      const inside = wire.slice(0, -3);
      for (const end of [/\n\.\r?\n/, /\r\.\r\n?/, /^\.\r?\n/, /\n\.\0?\r\n/]) assert.doesNotMatch(inside, end);
    }),
  ),
  property(
    'message-pieces',
    'text handed over in pieces, cut even inside a character, is the same as the whole',
    60,
    fc.asyncProperty(
      fc.string({ unit: 'binary', maxLength: 60, size: 'max' }),
      cuts,
      fc.boolean(),
      async (text, at, asBytes) => {
        const ends = edges(text.length, at);
        const parts = ends.slice(1).map((end, i) => text.slice(ends[i], end));
        const content = toContent(asBytes ? parts.map((part) => new TextEncoder().encode(part)) : parts);
        const found: Uint8Array[] = [];
        for await (const piece of content.pieces()) found.push(piece);
        const expected = asBytes ? Buffer.concat(parts.map((part) => Buffer.from(part))) : Buffer.from(text);
        assert.deepEqual(Buffer.concat(found), expected);
      },
    ),
  ),
];
