// The reply parser: any bytes, cut anywhere, held against a reader of whole texts.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { MAX_REPLY_BYTES, ReplyParser } from '../../src/smtp/reply-parser.ts';
import type { Reply } from '../../src/smtp/reply.ts';
import { CONTROLS, cuts, pieces } from './arbitraries.ts';
import { type Property, property } from './property.ts';

const lineEnd = fc.constantFrom('\r\n', '\n', '\r', '\r\r\n', '');
const separator = fc.constantFrom(' ', '-', '', '\t', ' -');
const head = fc.oneof(
  fc.constantFrom('250', '354', '421', '550', '199', '260', '600', '25', '2500', '٢٥٠', ' 250', '-250', 'HTTP/1.1 200'),
  fc.integer({ min: 0, max: 999 }).map(String),
);
const text = fc.oneof(
  fc.constantFrom('', '2.0.0 OK', '5.7.3 no', '4.7.0', '9.9.9 x', '\u2028', '\x1b[31m', '\0', 'ä', '\xff'),
  fc.string({ unit: 'binary', maxLength: 20, size: 'max' }),
  // As long as it takes to come near the limit.
  fc.integer({ min: 1, max: MAX_REPLY_BYTES + 10 }).map((length) => 'x'.repeat(length)),
);
const line = fc.tuple(head, separator, text, lineEnd).map((parts) => parts.join(''));
const good = fc
  .tuple(fc.constantFrom(220, 250, 451, 554), fc.array(fc.string({ maxLength: 10 }), { minLength: 1, maxLength: 4 }))
  .map(([code, lines]) =>
    lines.map((each, i) => `${code}${i < lines.length - 1 ? '-' : ' '}${each.replace(/[\r\n]/g, '')}\r\n`).join(''),
  );
const stream: fc.Arbitrary<Buffer> = fc.oneof(
  fc.array(good, { maxLength: 5 }).map((parts) => Buffer.from(parts.join(''))),
  fc
    .array(fc.oneof({ weight: 3, arbitrary: good }, line), { maxLength: 6 })
    .map((parts) => Buffer.from(parts.join(''))),
  fc.uint8Array({ maxLength: 60, size: 'max' }).map((bytes) => Buffer.from(bytes)),
);

interface Heard {
  readonly replies: readonly Reply[];
  readonly failure: string | undefined;
  readonly pending: boolean;
}

function heard(chunks: readonly Buffer[]): Heard {
  const parser = new ReplyParser();
  const replies = chunks.flatMap((chunk) => parser.push(chunk));
  return { replies, failure: parser.failure?.message, pending: parser.failure === undefined && parser.pending };
}

/** RFC 5321 section 4.2, from the whole stream: code and number of lines of each reply, and whether it broke. */
function read(bytes: Buffer): { readonly replies: readonly (readonly [number, number])[]; readonly broken: boolean } {
  const replies: [number, number][] = [];
  let open: string | undefined;
  let count = 0;
  let size = 0;
  const lines = bytes.toString('latin1').split('\n');
  for (const [i, raw] of lines.entries()) {
    const ended = i < lines.length - 1;
    size += raw.length + (ended ? 1 : 0);
    if (size > MAX_REPLY_BYTES) return { replies, broken: true };
    if (!ended) break;
    const match = /^([2-5][0-5][0-9])(?:$|([ -]))/s.exec(raw.replace(/\r$/, ''));
    if (match === null || (open !== undefined && open !== match[1])) return { replies, broken: true };
    open = match[1];
    count += 1;
    if (match[2] === '-') continue;
    replies.push([Number(open), count]);
    open = undefined;
    count = 0;
    size = 0;
  }
  return { replies, broken: false };
}

export const REPLIES: readonly Property[] = [
  property(
    'replies-chunks',
    'replies do not depend on where their bytes are cut',
    30,
    fc.property(stream, cuts, fc.boolean(), (bytes, at, single) => {
      const chunks = single ? Array.from(bytes, (byte) => Buffer.from([byte])) : pieces(bytes, at);
      assert.deepEqual(heard(chunks), heard([bytes]));
    }),
  ),
  property(
    'replies-oracle',
    'the parser finds the replies that RFC 5321 section 4.2 describes, and breaks where it is broken',
    150,
    fc.property(stream, (bytes) => {
      const found = heard([bytes]);
      const expected = read(bytes);
      assert.deepEqual(
        found.replies.map(({ code, lines }) => [code, lines.length]),
        expected.replies,
      );
      assert.equal(found.failure !== undefined, expected.broken);
    }),
  ),
  property(
    'replies-text',
    'what a server says holds no control character, and its status agrees with its code',
    150,
    fc.property(stream, (bytes) => {
      for (const { code, status, lines } of heard([bytes]).replies) {
        assert.ok(code >= 200 && code < 560);
        assert.ok(status === undefined || status.startsWith(`${Math.trunc(code / 100)}.`), status);
        for (const each of lines) assert.doesNotMatch(each, CONTROLS);
      }
    }),
  ),
  property(
    'replies-bounded',
    'a reply without an end breaks at the limit, and nothing is heard after that',
    5,
    fc.property(
      fc.constantFrom('x', '250-x\r\n', '250-', '2', '\r', '250-\u2028\r\n'),
      fc.integer({ min: 1, max: 70_000 }),
      good,
      (part, size, after) => {
        const endless = Buffer.from(part.repeat(Math.ceil((2 * MAX_REPLY_BYTES) / part.length)));
        const parser = new ReplyParser();
        for (let at = 0; at < endless.length; at += size) {
          assert.deepEqual(parser.push(endless.subarray(at, at + size)), []);
          if (at + size > MAX_REPLY_BYTES + 1) assert.ok(parser.failure !== undefined, `still open at ${at + size}`);
        }
        assert.deepEqual(parser.push(Buffer.from(after)), []);
      },
    ),
  ),
];
