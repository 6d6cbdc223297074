import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const execute = promisify(execFile);
const main = fileURLToPath(new URL('main.ts', import.meta.url));
const interop = (...args: string[]) => execute(process.execPath, ['--conditions=@mailgrant/source', main, ...args]);

test('mail sent through a server is compared with what arrived, and what was found is printed and written', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mailgrant-interop-test-'));
  try {
    const file = join(folder, 'found.json');
    const wanted = ['dots', 'wrong token', 'chunked'].flatMap((text) => ['--case', text]);
    const { stdout } = await interop('smtp-server', ...wanted, '--json', file);
    expect(stdout).toMatch(/lines that begin with dots +ok, 10 round trips/);
    const { servers } = JSON.parse(await readFile(file, 'utf8')) as { servers: unknown };
    expect(servers).toMatchObject([
      {
        name: 'smtp-server',
        findings: [{ verdict: 'passed' }, { verdict: 'passed', remark: 'challenge, 535' }, { verdict: 'not offered' }],
      },
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.each([
  ['a server', ['nonsense'], 'there is no server nonsense'],
  ['a case', ['--case', 'nonsense'], 'no case has nonsense in its name'],
])('%s nobody knows is refused, with how to use it', async (_, args, why) => {
  await expect(interop(...args)).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining(why) });
});
