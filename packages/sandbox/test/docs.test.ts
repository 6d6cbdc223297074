// docs/ tells what there is: every fault and every command, in order, with its sentence.
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { createSandbox, FAULTS } from '../src/index.ts';

/** The first table of a page, cell by cell, without its head. */
async function tableOf(page: string): Promise<string[][]> {
  const text = await readFile(new URL(`../docs/${page}`, import.meta.url), 'utf8');
  const rows = text.split('\n').filter((line) => line.startsWith('|'));
  return rows.slice(2).map((row) =>
    row
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
}

test('faults.md lists the faults', async () => {
  const known = FAULTS.map((one) => [`\`${one.name}\``, one.on === 'entra' ? 'token' : one.point, one.says]);
  expect(await tableOf('faults.md')).toEqual(known);
});

test('admin.md lists the commands with their parameters', async () => {
  await using sandbox = await createSandbox();
  const commands = (await (await fetch(new URL('/api/admin', sandbox.url))).json()) as {
    name: string;
    says: string;
    parameters: Record<string, string>;
  }[];
  const known = commands.map(({ name, says, parameters }) => {
    const named = Object.entries(parameters).map(
      ([parameter, kind]) => `\`${parameter}${kind.endsWith('?') ? '?' : ''}\``,
    );
    return [`\`${name}\``, named.join(', '), says];
  });
  expect(await tableOf('admin.md')).toEqual(known);
});
