import { readFile } from 'node:fs/promises';
import { expect, test, vi } from 'vitest';

test('the example in README.md is this one, and it runs', async () => {
  const read = (path: string) => readFile(new URL(path, import.meta.url), 'utf8');
  const example = (await read('readme-example.ts')).replace('../src/index.ts', '@mailgrant/sandbox');
  expect(await read('../README.md')).toContain(`\`\`\`ts\n${example}\`\`\``);
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  await import('./readme-example.ts');
  expect(log).toHaveBeenCalledExactlyOnceWith(['ada@example.com'], 'It works.\n');
  log.mockRestore();
});
