import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const folder = import.meta.dirname;

test('MSAL is named in src/msal and behind a dynamic import only: its types do not leave the package', () => {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /(?<!\.test)\.ts$/.test(file),
  );
  const naming = files.filter((file) => /from '@azure\//.test(readFileSync(join(folder, file), 'utf8')));
  expect(naming.map((file) => file.replaceAll('\\', '/'))).toEqual(['msal/client.ts']);
  const exported = readFileSync(join(folder, 'index.ts'), 'utf8');
  expect(exported).not.toMatch(/msal\//);
});
