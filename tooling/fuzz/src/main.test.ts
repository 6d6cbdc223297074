import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { printed } from './report.ts';

const execute = promisify(execFile);
const main = fileURLToPath(new URL('main.ts', import.meta.url));
const fuzz = (...args: string[]) => execute(process.execPath, ['--conditions=@mailgrant/source', main, ...args]);

test('a property is tried for as long as it is told, from a seed that is printed', async () => {
  const { stdout } = await fuzz('--only', 'queue-id-known', '--minutes', '0.001', '--seed=-7');
  expect(stdout).toMatch(/^seed -7, 1 property\n/);
  expect(stdout).toMatch(/queue-id-known +[\d,]+ +0\.\d s +–/);
});

test('a property nobody knows is refused, with the list of those there are', async () => {
  const refusal = { code: 2, stderr: expect.stringMatching(/^there is no property nonsense\n[^]*queue-id-known/) };
  await expect(fuzz('--only', 'nonsense')).rejects.toMatchObject(refusal);
});

test('a failure is shown with the command that makes it again', () => {
  const failure = { seed: -3, path: '1:2', message: 'expected this', report: 'Counterexample: [1]' };
  const finding = { name: 'a-property', runs: 1_234, time: 2_500, failures: [failure] };
  expect(printed([finding, { name: 'b', runs: 1, time: 0, failures: [] }]))
    .toBe(`  property      runs    time   failures
  a-property   1,234   2.5 s          1
  b                1   0.0 s          –

a-property failed; again: npm run fuzz -- --only a-property --seed=-3 --path 1:2
  expected this
  Counterexample: [1]`);
});
