// docs/threats.md says which test shows what. It names no test that is not there, and leaves no case without one.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const docs = new URL('../../../../docs/', import.meta.url);
const page = readFileSync(new URL('threats.md', docs), 'utf8');

/** A link to a file of tests, a colon, and the names of the tests, each in backquotes with a comma between them. */
const NAMED = /\]\(([^)]+\.test\.ts)\):((?:,?\s+`[^`]+`)+)/g;
const named = [...page.matchAll(NAMED)].map(([, file = '', list = '']) => ({
  file,
  names: [...list.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name.replace(/\s+/g, ' ')),
}));
const files = [...new Set(named.map(({ file }) => file))];

test.each(files)('%s has the tests the page names', (file) => {
  const url = new URL(file, docs);
  expect(existsSync(fileURLToPath(url))).toBe(true);
  const source = readFileSync(url, 'utf8');
  const names = named.filter((each) => each.file === file).flatMap((each) => each.names);
  const literal = (name: string): string => `'${name.replaceAll("'", "\\'")}'`;
  expect(names.filter((name) => !source.includes(literal(name)))).toEqual([]);
});

test('every case has a test', () => {
  const rows = page.split('\n').filter((line) => /^\| (?!---)/.test(line) && !/\| shown by +\|$/.test(line));
  expect(rows.length).toBeGreaterThan(40);
  expect(rows.filter((row) => row.match(NAMED) === null)).toEqual([]);
});

test('every test file against hostile peers is on the page', () => {
  const expected = [
    'every-byte',
    'hostile-auth',
    'hostile-flights',
    'hostile-replies',
    'hostile-tls',
    'idle',
    'injection',
    'limits',
    'secrets',
    'streams',
  ];
  expect(expected.filter((name) => !files.some((file) => file.endsWith(`/${name}.test.ts`)))).toEqual([]);
});
