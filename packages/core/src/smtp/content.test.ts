import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Content, toContent } from './content.ts';

async function read(content: Content): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of content.pieces()) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

test.each([
  ['a string', 'grüße'],
  ['bytes', Buffer.from('grüße')],
  ['bytes of another realm', runInNewContext('new Uint8Array([103, 114, 195, 188, 195, 159, 101])') as Uint8Array],
  ['an array', ['gr', Buffer.from('ü'), 'ße']],
  ['a set', new Set(['gr', 'üße'])],
  ['a Readable', Readable.from(['grü', 'ße'])],
  ['a Readable of bytes', Readable.from([Buffer.from('grü'), Buffer.from('ße')], { objectMode: false })],
])('%s is a message', async (_, message) => {
  const content = toContent(message);
  expect(content.eightBit).toBe(true);
  expect(await read(content)).toBe('grüße');
});

test.each([
  [undefined],
  [null],
  [42],
  [{}],
  [() => 'x'],
  [new EventEmitter()],
  [Promise.resolve('x')],
  [new ArrayBuffer(3)],
])('%o is no message', (message) => {
  expect(() => toContent(message as unknown as string)).toThrow(
    expect.objectContaining({ name: 'TypeError', code: 'ERR_INPUT_MESSAGE' }),
  );
});

test('characters cut in half between pieces are put together again, lone halves become U+FFFD', async () => {
  expect(await read(toContent('🙂x🙂'.split('')))).toBe('🙂x🙂');
  expect(await read(toContent(['\ud83d', Buffer.from('x'), '\ude42']))).toBe('\ufffdx\ufffd');
  expect(await read(toContent(['a\ud83d']))).toBe('a\ufffd');
});

test('text cut anywhere is the same text', async () => {
  const property = fc.asyncProperty(
    fc.string({ unit: fc.constantFrom('a', 'ü', '€', '🙂', '\ud83d', '\ude42', '\r\n'), maxLength: 20 }),
    fc.array(fc.nat(25)),
    async (text, cuts) => {
      const edges = [0, ...cuts.map((cut) => Math.min(cut, text.length)).sort((a, b) => a - b), text.length];
      const pieces = edges.slice(1).map((edge, i) => text.slice(edges[i], edge));
      expect(await read(toContent(pieces))).toBe(Buffer.from(text).toString());
    },
  );
  await fc.assert(property);
});

test('an array can be read again, a stream once', async () => {
  const again = toContent(['x']);
  await read(again);
  expect(again.readable && again.repeatable).toBe(true);
  const once = toContent(Readable.from(['x']));
  expect(once.readable).toBe(true);
  await read(once);
  expect(once.readable || once.repeatable).toBe(false);
});

test('what is let go is destroyed', () => {
  const stream = new Readable({ read() {} });
  toContent(stream).discard();
  expect(stream.destroyed).toBe(true);
});

test('a stream that failed before its turn says so when it is read', async () => {
  const stream = new Readable({ read() {} });
  const content = toContent(stream);
  stream.destroy(new Error('gone'));
  await new Promise((resolve) => setImmediate(resolve)); // its 'error' has been heard by now
  await expect(read(content)).rejects.toThrow('gone');
});

test.each(['1', -1, 1.5, Number.NaN, 2 ** 60])('a declared size of %o is no size', (size) => {
  expect(() => toContent(['x'], size as number)).toThrow(expect.objectContaining({ code: 'ERR_INPUT_MESSAGE' }));
});
