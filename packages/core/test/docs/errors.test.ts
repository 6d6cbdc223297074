// docs/errors.md and the code agree: every code, under the class that carries it, and nothing else.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as core from '../../src/index.ts';

const SOURCES = new URL('../../src/', import.meta.url);
const PAGE = readFileSync(new URL('../../../../docs/errors.md', import.meta.url), 'utf8');

/** What users see of a class: InputError is thrown as what it is, a TypeError. */
const nameOf = (className: string): string => (className === 'InputError' ? 'TypeError' : className);

/** Class → codes in its table, from the page. */
function documented(): Map<string, string[]> {
  const classes = new Map<string, string[]>();
  for (const section of PAGE.split(/^## /m).slice(1)) {
    const className = /^`(\w+)`: /.exec(section)?.[1];
    expect(className, `a heading without a class: ## ${section.split('\n')[0]}`).toBeDefined();
    classes.set(
      className ?? '',
      [...section.matchAll(/^\| `(ERR_\w+)`/gm)].map(([, code = '']) => code),
    );
  }
  return classes;
}

/** Class → codes, from the comments that divide ERROR_CODES. */
function declared(): Map<string, string[]> {
  const [, list = ''] = /ERROR_CODES = \[\n([^\]]*)\]/.exec(readFileSync(new URL('errors.ts', SOURCES), 'utf8')) ?? [];
  const classes = new Map<string, string[]>();
  let className = '';
  for (const line of list.split('\n')) {
    const comment = /^ *\/\/ (?:(\w+Error): |.*\b(TypeError)\b)/.exec(line);
    if (comment) className = comment[1] ?? comment[2] ?? '';
    const code = /'(ERR_\w+)'/.exec(line)?.[1];
    if (code !== undefined) classes.set(className, [...(classes.get(className) ?? []), code]);
  }
  return classes;
}

/** `new SomeError('ERR_…'` wherever it stands in the sources. */
function thrown(): { readonly className: string; readonly code: string; readonly file: string }[] {
  return readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .flatMap((file) => {
      const text = readFileSync(new URL(file.replaceAll('\\', '/'), SOURCES), 'utf8');
      return [...text.matchAll(/new (\w+Error)\(\s*'(ERR_\w+)'/g)].map(([, className = '', code = '']) => ({
        className,
        code,
        file,
      }));
    });
}

test('every code has one row, and every row a code', () => {
  expect([...documented().values()].flat().sort()).toEqual([...core.ERROR_CODES].sort());
});

test('every code stands under the class that carries it', () => {
  const sorted = (classes: Map<string, string[]>) => [...classes].map(([name, codes]) => [name, codes.toSorted()]);
  expect(sorted(documented())).toEqual(sorted(declared()));
});

test('what the sources throw is of the class the page names', () => {
  const classes = documented();
  const found = thrown();
  expect(found.length).toBeGreaterThan(20);
  for (const { className, code, file } of found) {
    const known = [...classes].find(([, codes]) => codes.includes(code))?.[0] ?? 'no class';
    // TokenEndpointError is a TokenError that knows more.
    const same = nameOf(className) === known || (known === 'TokenError' && className === 'TokenEndpointError');
    expect(same, `${file} throws ${code} as ${className}, the page has it under ${known}`).toBe(true);
  }
});

test('the classes are those the package exports', () => {
  const exported = Object.entries(core)
    .filter(([name, value]) => name.endsWith('Error') && typeof value === 'function' && name !== 'MailError')
    .map(([name]) => nameOf(name));
  expect([...documented().keys()].sort()).toEqual(exported.filter((name) => name !== 'TokenEndpointError').sort());
});

test('paragraphs about a code are about codes that exist', () => {
  const codes = [...PAGE.matchAll(/^### (\S+)/gm)].map(([, code]) => code);
  expect(core.ERROR_CODES).toEqual(expect.arrayContaining(codes));
});

test('every stage an error can name is explained', () => {
  const [, union = ''] = /type Stage =\n([^;]*);/.exec(readFileSync(new URL('errors.ts', SOURCES), 'utf8')) ?? [];
  const stages = [...union.matchAll(/'(\w+)'/g)].map(([, stage = '']) => stage);
  expect(stages.length).toBeGreaterThan(10);
  const [row = ''] = /^\| `stage`.*$/m.exec(PAGE) ?? [];
  for (const stage of stages) expect(row, stage).toContain(`\`${stage}\``);
});
