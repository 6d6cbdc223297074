import { expect, test } from 'vitest';
import { difference, sample } from './samples.ts';

test('what is expected has its line ends repaired and an end', () => {
  const { expected } = sample('lineEnds', 'x');
  expect(expected.toString()).toMatch(
    /\r\n\r\na lone LF\r\nand a lone CR\r\nand\r\n\.\r\n.*\r\n\.\r\nno end of line\r\n$/,
  );
});

test('what needs no repair is expected as it is', () => {
  for (const name of ['text', 'dots', 'eightBit', 'attachment'] as const) {
    const { bytes, expected } = sample(name, 'x');
    expect(difference(bytes, expected), name).toBeUndefined();
  }
});

test('a difference is shown with what is around it', () => {
  expect(difference(Buffer.from('one two'), Buffer.from('one too'))).toMatch(
    /byte 5 of 7 .*"one two", arrived "one too"/,
  );
  expect(difference(Buffer.from('one'), Buffer.from('one more'))).toMatch(/byte 3 of 3 \(8 arrived\)/);
});
