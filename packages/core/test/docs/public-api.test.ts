// Whatever the package exports says what it is, and so does each of its members: in an editor that is all there is to read.
import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, test } from 'vitest';

const SOURCES = new URL('../../src/', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, SOURCES), 'utf8');

/** The files behind `exports` of package.json. */
const ENTRIES = ['index.ts', 'diagnosis/index.ts', 'opentelemetry/index.ts'];

/** What an index re-exports, and from where. */
function exportsOf(entry: string): { readonly name: string; readonly path: string }[] {
  return [...read(entry).matchAll(/^export (?:type )?\{([^}]*)\} from '([^']+)'/gm)].flatMap(
    ([, list = '', from = '']) =>
      list
        .split(',')
        .map((name) => name.trim().replace(/^type /, ''))
        .filter((name) => name !== '')
        .map((name) => ({ name, path: posix.join(posix.dirname(entry), from) })),
  );
}

interface Declaration {
  readonly comment: string | undefined;
  /** Of an interface or class, those without a comment. */
  readonly bare: readonly string[];
}

function declarationOf(name: string, path: string): Declaration | undefined {
  const text = read(path);
  const match = new RegExp(`^export (?:abstract |async )?(interface|type|const|function|class) ${name}\\b`, 'm').exec(
    text,
  );
  if (match === null) return undefined;
  const before = text.slice(0, match.index).trimEnd();
  const comment = before.endsWith('*/') ? before.slice(before.lastIndexOf('/**')) : undefined;
  const body =
    match[1] === 'interface' || match[1] === 'class' ? text.slice(match.index, text.indexOf('\n}', match.index)) : '';
  const lines = body.split('\n');
  const bare = lines.flatMap((line, i) => {
    const member = /^ {2}(?:readonly )?(\w+|\[[\w.]+\])\??[(:]/.exec(line)?.[1];
    const isBare = member !== undefined && member !== 'constructor' && !lines[i - 1]?.trimEnd().endsWith('*/');
    return isBare ? [member] : [];
  });
  return { comment, bare };
}

describe.each(ENTRIES)('%s', (entry) => {
  const exported = exportsOf(entry);

  test('re-exports by name, so that each export is found here', () => {
    const count = read(entry).match(/^export /gm)?.length;
    expect(exported.length).toBeGreaterThanOrEqual(count ?? Infinity);
  });

  test.each(exported.map(({ name, path }) => [name, path] as const))('%s says what it is', (name, path) => {
    const declaration = declarationOf(name, path);
    expect(declaration, `${path} does not declare it`).toBeDefined();
    expect(declaration?.comment?.replace(/^\/\*\*\s*(?:\*\s*)?/, ''), 'no comment').toMatch(/^[A-Z0-9`]/);
    expect(declaration?.bare, 'members without a comment').toEqual([]);
  });
});
