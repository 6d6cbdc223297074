// docs/worker-errors.md and the code agree: every code, under the class that carries it, and nothing else.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { PROCESS_ERROR_CODES } from '../src/process/process-error.ts';
import { STORE_ERROR_CODES } from '../src/store/store-error.ts';

const PAGE = readFileSync(new URL('../../../docs/worker-errors.md', import.meta.url), 'utf8');

test.each([
  ['StoreError', STORE_ERROR_CODES],
  ['ProcessError', PROCESS_ERROR_CODES],
])('%s: every code has one row, and every row a code', (name, codes) => {
  const section = PAGE.split(/^## /m).find((each) => each.startsWith(`\`${name}\`: `)) ?? '';
  const documented = [...section.matchAll(/^\| `(ERR_\w+)`/gm)].map(([, code = '']) => code);
  expect(documented.sort()).toEqual([...codes].sort());
});
