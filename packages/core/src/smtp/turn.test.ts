import { expect, test } from 'vitest';
import { type Part, Turn } from './turn.ts';

const endOfTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

function recorder(): { readonly log: string[]; readonly part: (name: string) => Part } {
  const log: string[] = [];
  const part = (name: string): Part => ({
    write: () => log.push(`${name} writes`),
    tell: () => log.push(`${name} tells`),
  });
  return { log, part };
}

test('all write before anyone is told', async () => {
  const { log, part } = recorder();
  const turn = new Turn();
  turn.atEnd(part('a'));
  turn.atEnd(part('b'));
  expect(log).toEqual([]);
  await endOfTurn();
  expect(log).toEqual(['a writes', 'b writes', 'a tells', 'b tells']);
});

test('what comes while the turn ends waits for the end of the next', async () => {
  const { log, part } = recorder();
  const turn = new Turn();
  turn.atEnd({ write: () => turn.atEnd(part('b')), tell: () => log.push('a tells') });
  await endOfTurn();
  expect(log).toEqual(['a tells']);
  await endOfTurn();
  expect(log).toEqual(['a tells', 'b writes', 'b tells']);
});
