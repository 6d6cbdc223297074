// The codes of the plugins are those the README explains.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as errors from '../src/errors.ts';

test('the README has a row for each code, and a code for each row', () => {
  const page = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `(FST_\w+)`/gm)].map(([, code = '']) => code);
  const codes = Object.values(errors).map((PluginError) => new PluginError('').code);
  expect(new Set(rows)).toEqual(new Set(codes));
});
