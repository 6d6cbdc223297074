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

/** A turn of so many connections. */
function turnOf(connections: number): Turn {
  const turn = new Turn();
  for (let i = 0; i < connections; i += 1) turn.join();
  return turn;
}

test('the only connection waits for nobody', () => {
  const { log, part } = recorder();
  const turn = turnOf(2);
  turn.leave();
  turn.atEnd(part('a'));
  expect(log).toEqual(['a writes', 'a tells']);
});

test('of several all write before anyone is told, each once', async () => {
  const { log, part } = recorder();
  const turn = turnOf(2);
  const [a, b] = [part('a'), part('b')];
  for (const each of [a, b, a]) turn.atEnd(each);
  expect(log).toEqual([]);
  await endOfTurn();
  expect(log).toEqual(['a writes', 'b writes', 'a tells', 'b tells']);
});

test('what comes while the turn ends waits for the end of the next', async () => {
  const { log, part } = recorder();
  const turn = turnOf(2);
  turn.atEnd({ write: () => turn.atEnd(part('b')), tell: () => log.push('a tells') });
  await endOfTurn();
  expect(log).toEqual(['a tells']);
  await endOfTurn();
  expect(log).toEqual(['a tells', 'b writes', 'b tells']);
});
