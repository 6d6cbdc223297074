import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Disconnected, Input } from './input.ts';

const input = (...pieces: readonly (string | Uint8Array)[]) => {
  const made = new Input(() => {});
  for (const piece of pieces) made.push(Buffer.from(piece));
  made.end();
  return made;
};

test('lines end with CRLF and with nothing less', async () => {
  const source = input('a\nb\rc\r\r\n\r\nend\r', '\n');
  expect(String(await source.line(100))).toBe('a\nb\rc\r');
  expect(String(await source.line(100))).toBe('');
  expect(String(await source.line(100))).toBe('end');
  await expect(source.line(100)).rejects.toThrow(Disconnected);
});

test('a line that is too long is read to its end and not kept', async () => {
  const source = input(`${'x'.repeat(11)}\r\n${'y'.repeat(10)}\r\n`);
  expect(await source.line(10)).toBeUndefined();
  expect(String(await source.line(10))).toBe('y'.repeat(10));
});

test('an unfinished line at the end is no line', async () => {
  await expect(input('QUIT').line(10)).rejects.toThrow(Disconnected);
});

test('lines and counted bytes are the same for every cut', async () => {
  const script = Buffer.from('EHLO a\r\nBDAT 6\r\n\r\nab\r\n\r\nRSET\r\nBDAT 0\r\nQUIT\r\n');
  const read = async (source: Input) => {
    const taken: string[] = [];
    const line = async () => taken.push(String(await source.line(100)));
    const bytes = (count: number) => source.exactly(count, (piece) => taken.push(String(piece)));
    await line();
    await line();
    const before = taken.length;
    await bytes(6);
    taken.splice(before, taken.length, taken.slice(before).join(''));
    await line();
    await line();
    await line();
    await bytes(0);
    await line();
    return taken;
  };
  const expected = ['EHLO a', 'BDAT 6', '\r\nab\r\n', '', 'RSET', 'BDAT 0', 'QUIT'];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(script.length)), async (cuts) => {
      const at = [0, ...cuts.toSorted((a, b) => a - b), script.length];
      const pieces = at.slice(1).map((end, index) => script.subarray(at[index], end));
      expect(await read(input(...pieces))).toEqual(expected);
    }),
  );
  expect(await read(input(...[...script].map((byte) => Uint8Array.of(byte))))).toEqual(expected);
});

test('a reader that has to wait says so, and goes on when bytes come', async () => {
  let waits = 0;
  const source = new Input(() => {
    waits += 1;
  });
  const line = source.line(10);
  expect(waits).toBe(1);
  source.push(Buffer.from('NO'));
  source.push(Buffer.from('OP\r\n'));
  expect(String(await line)).toBe('NOOP');
});
