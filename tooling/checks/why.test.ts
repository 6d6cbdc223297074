// docs/why.md says which test shows what. It says nothing that is not there.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { read, ROOT } from './workspace.ts';

const PAGE = read('docs/why.md');

/** A link to a file of tests, a colon, and the names of the tests, each in backquotes with a comma between them. */
const NAMED = /\]\(\.\.\/([^)]+\.test\.ts)\):((?:,?\s+`[^`]+`)+)/g;

const named = [...PAGE.matchAll(NAMED)].flatMap(([, file = '', list = '']) =>
  [...list.matchAll(/`([^`]+)`/g)].map(([, name = '']) => ({ file, name: name.replace(/\s+/g, ' ') })),
);

/** The names of tests in a source text, with placeholders as they are written there. Skipped tests show nothing. */
function testsIn(source: string): string[] {
  // A name stands first in the brackets of test(…), of describe(…), or of the second call of test.each(…)(…).
  const literal = /(?:\b(?:test|describe)(?:\.concurrent)?|\))\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*,/g;
  return [...source.matchAll(literal)].map(([, single, double]) => (single ?? double ?? '').replace(/\\(.)/g, '$1'));
}

test('the page has each of the 20 pains once, in order, and a test for each', () => {
  const pains = [...PAGE.matchAll(/^### (\d+)\. .*\n((?:(?!^##).*\n)*)/gm)];
  expect(pains.map(([, number]) => Number(number))).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  for (const [, number, text = ''] of pains) expect(text.match(NAMED), `pain ${number}`).not.toBeNull();
});

test('every rule and every line of the comparison has a test', () => {
  const [, sections = ''] = PAGE.split(/^## Rules$/m);
  const lines = sections.split('\n').filter((line) => /^\| (?!-|what )|^- /.test(line));
  expect(lines.length).toBeGreaterThan(10);
  for (const line of lines) expect(line.match(NAMED), line.slice(0, 80)).not.toBeNull();
});

test('every link to a test file says which tests of it are meant', () => {
  expect([...PAGE.matchAll(/\.test\.ts\)/g)]).toHaveLength([...PAGE.matchAll(NAMED)].length);
});

describe.each([...new Set(named.map(({ file }) => file))])('%s', (file) => {
  test('has the tests the page names', () => {
    expect(existsSync(join(ROOT, file)), file).toBe(true);
    const there = testsIn(read(file));
    expect(named.filter((each) => each.file === file && !there.includes(each.name)).map(({ name }) => name)).toEqual(
      [],
    );
  });
});
