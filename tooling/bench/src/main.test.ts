import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { Findings } from './report.ts';

const execute = promisify(execFile);
const main = fileURLToPath(new URL('main.ts', import.meta.url));
const bench = (...args: string[]) => execute(process.execPath, ['--conditions=@mailgrant/source', main, ...args]);

test('a quick run counts round trips, says which goals were met, and writes what it found', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mailgrant-bench-test-'));
  try {
    const file = join(folder, 'found.json');
    const { stdout } = await bench('round-trips', '--quick', '--json', file);
    expect(stdout).toMatch(/round trips of 10 queued messages +≤ 11 +11 +met/);
    const { scenarios } = JSON.parse(await readFile(file, 'utf8')) as { scenarios: Record<string, Findings> };
    expect(scenarios['round-trips']?.tables[0]?.rows).toMatchObject([
      { client: 'mailgrant', first: 9, warm: 2, queued: 11 },
      { client: 'mailgrant one-flight', warm: 1 },
      { client: 'nodemailer', first: 9, warm: 2, queued: 20 },
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a scenario nobody knows is refused, with the list of those there are', async () => {
  await expect(bench('nonsense')).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('round-trips') });
});
