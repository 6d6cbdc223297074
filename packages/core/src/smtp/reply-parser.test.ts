import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_REPLY_BYTES, ReplyParser } from './reply-parser.ts';
import type { Reply } from './reply.ts';

function parse(...chunks: string[]): { replies: Reply[]; failure: string | undefined; pending: boolean } {
  const parser = new ReplyParser();
  const replies = chunks.flatMap((chunk) => parser.push(Buffer.from(chunk)));
  return { replies, failure: parser.failure?.message, pending: parser.pending };
}

describe('a reply', () => {
  test('of one line carries code, enhanced status and text', () => {
    expect(parse('550 5.1.1 No such user\r\n').replies).toEqual([
      { code: 550, status: '5.1.1', lines: ['5.1.1 No such user'] },
    ]);
  });
  test('of several lines is one reply', () => {
    expect(parse('250-a\r\n250-b\r\n250 c\r\n').replies).toEqual([
      { code: 250, status: undefined, lines: ['a', 'b', 'c'] },
    ]);
  });
  test('may have no text at all', () => {
    expect(parse('250\r\n354 \r\n').replies.map((reply) => reply.lines)).toEqual([[''], ['']]);
  });
  test('whose status contradicts its code has no status', () => {
    expect(parse('250 5.7.3 odd\r\n').replies[0]?.status).toBeUndefined();
  });
  test('shows control characters instead of passing them on', () => {
    expect(parse('550 \x1b[2Jgone\x00\u2028\r\n').replies[0]?.lines).toEqual(['\\x1b[2Jgone\\x00\\x2028']);
  });
  test('without its last line end is pending', () => {
    expect(parse('250-a\r\n250 b')).toEqual({ replies: [], failure: undefined, pending: true });
  });
});

describe('a short reply that comes again', () => {
  const read = (parser: ReplyParser, text: string): Reply[] => parser.push(Buffer.from(text));

  test('is not worked out again, and nobody can change it for the others', () => {
    const parser = new ReplyParser();
    const [first, again] = read(parser, '250 2.1.0 Sender OK\r\n250 2.1.0 Sender OK\r\n');
    expect(again).toBe(first);
    expect(Object.isFrozen(first) && Object.isFrozen(first?.lines)).toBe(true);
  });
  test('is read as a line where it stands within another reply', () => {
    const [, long] = read(new ReplyParser(), '250 a\r\n250-b\r\n250 a\r\n');
    expect(long?.lines).toEqual(['b', 'a']);
  });
  test('counts for itself towards the limit of a reply', () => {
    const { replies, failure } = parse('250 ok\r\n'.repeat(MAX_REPLY_BYTES / 4));
    expect(replies).toHaveLength(MAX_REPLY_BYTES / 4);
    expect(failure).toBeUndefined();
  });
  test('is kept only where few and short ones came before', () => {
    const parser = new ReplyParser();
    const twice = (text: string): readonly (Reply | undefined)[] => [read(parser, text)[0], read(parser, text)[0]];
    const [long, longAgain] = twice(`250 ${'x'.repeat(100)}\r\n`);
    expect(longAgain).not.toBe(long);
    for (let i = 0; i < 100; i += 1) read(parser, `250 ${i}\r\n`);
    const [late, lateAgain] = twice('250 late\r\n');
    expect(lateAgain).toEqual(late);
    expect(lateAgain).not.toBe(late);
  });
});

describe('what is no reply ends the stream', () => {
  test.each([
    ['a word instead of a code', 'hello\r\n'],
    ['two digits', '25 ok\r\n'],
    ['four digits', '2500 ok\r\n'],
    ['a code out of range', '199 ok\r\n'],
    ['a code that starts with six', '650 ok\r\n'],
    ['a middle digit above five', '260 ok\r\n'],
    ['another separator', '250_ok\r\n'],
    ['an empty line', '\r\n'],
    ['a second code in one reply', '250-a\r\n550 b\r\n'],
  ])('%s', (_name, bytes) => expect(parse(bytes).failure).toBeTypeOf('string'));

  test('but the replies completed before it count', () => {
    const { replies, failure } = parse('250 ok\r\nnonsense\r\n250 never read\r\n');
    expect(replies).toHaveLength(1);
    expect(failure).toContain('nonsense');
  });
  test('a reply without end stops at the limit, in one piece or in many', () => {
    expect(parse('250-x\r\n'.repeat(MAX_REPLY_BYTES)).failure).toContain('longer');
    expect(parse('2'.repeat(MAX_REPLY_BYTES + 1)).failure).toContain('longer');
  });
});

const line = fc.tuple(fc.constantFrom('220', '250', '354', '535', 'x50'), fc.constantFrom(' ', '-', ''), fc.string());

test('the result does not depend on how the bytes arrive', () => {
  fc.assert(
    fc.property(
      fc.array(
        line.map((parts) => parts.join('')),
        { maxLength: 8 },
      ),
      fc.integer({ min: 1, max: 7 }),
      (lines, size) => {
        const bytes = Buffer.from(lines.map((each) => `${each}\r\n`).join(''));
        const whole = new ReplyParser();
        const cut = new ReplyParser();
        const expected = whole.push(bytes);
        const got: Reply[] = [];
        for (let at = 0; at < bytes.length; at += size) got.push(...cut.push(bytes.subarray(at, at + size)));
        expect(got).toEqual(expected);
        expect(cut.failure?.message).toBe(whole.failure?.message);
        expect(cut.pending).toBe(whole.pending);
      },
    ),
  );
});
