import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { createTerminal, wrap } from '../src/terminal.ts';

function printed(print: (terminal: ReturnType<typeof createTerminal>) => void, stream: object = {}): Promise<string> {
  const output = Object.assign(new PassThrough(), stream);
  print(createTerminal(output));
  return text(output.end());
}

describe('the terminal', () => {
  test('breaks text at spaces and keeps long words whole', () => {
    expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
    expect(wrap('a incomprehensibilities b', 10)).toEqual(['a', 'incomprehensibilities', 'b']);
  });

  test('continues a value below itself', async () => {
    expect(await printed((terminal) => terminal.field('refused', 'one two three', 'yellow'), { columns: 22 })).toBe(
      '   refused   one two\n             three\n',
    );
  });

  test('gives a word that does not fit a line of its own, as far left as it takes', async () => {
    expect(await printed((terminal) => terminal.field('id', 'x'.repeat(19)), { columns: 20 })).toBe(
      `   id\n ${'x'.repeat(19)}\n`,
    );
  });

  test('colours only for a terminal that has colours', async () => {
    const colored = (stream: object) => printed((terminal) => terminal.line(terminal.style('red', 'x')), stream);
    expect(await colored({ isTTY: true, hasColors: () => true })).toBe('\u001B[31mx\u001B[39m\n');
    expect(await colored({ isTTY: true, hasColors: () => false })).toBe('x\n');
    expect(await colored({})).toBe('x\n');
  });
});
