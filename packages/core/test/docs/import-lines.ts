// The sources of the core and what each imports, read from their import lines.
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';

const SOURCES = new URL('../../src/', import.meta.url);

export interface Import {
  /** As written: `node:net`, `../errors.ts`. */
  readonly specifier: string;
  /** Values taken; `*` for a namespace, `default` for a default import. Empty where only types are. */
  readonly values: readonly string[];
}

export interface Source {
  /** From src/: `smtp/reply.ts`. */
  readonly path: string;
  /** Without comments. */
  readonly text: string;
  readonly imports: readonly Import[];
}

/** Every source of the core but its tests. */
export function readSources(): Source[] {
  return readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts') && !/\.test(-d)?\.ts$/.test(path))
    .sort()
    .map((path) => {
      const text = readFileSync(new URL(path, SOURCES), 'utf8');
      return { path, text: withoutComments(text), imports: importsOf(text) };
    });
}

export const isOwn = ({ specifier }: Import): boolean => specifier.startsWith('.');

/** The path of what is imported, from src/. */
export const targetOf = ({ path }: Source, { specifier }: Import): string => posix.join(posix.dirname(path), specifier);

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '');
}

function importsOf(text: string): Import[] {
  const imports: Import[] = [];
  const lines = /^(?:import|export)\s+(type\s)?([\w*{][^;'"]*?)\s*from\s+'([^']+)'/gm;
  for (const [, types, names = '', specifier = ''] of text.matchAll(lines)) {
    imports.push({ specifier, values: types === undefined ? valuesOf(names) : [] });
  }
  for (const [, specifier = ''] of text.matchAll(/(?:^import\s+|\bimport\(\s*)'([^']+)'/gm)) {
    imports.push({ specifier, values: ['*'] });
  }
  return imports;
}

/** `net, { type A, b as c }` → `default`, `b`. */
function valuesOf(names: string): string[] {
  const [, list = ''] = /\{([^}]*)\}/.exec(names) ?? [];
  const named = list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && !name.startsWith('type '))
    .map((name) => name.replace(/\s+as\s+.*/s, ''));
  const first = names
    .replace(/\{[^}]*\}/, '')
    .replaceAll(',', '')
    .trim();
  if (first === '') return named;
  return [first.startsWith('*') ? '*' : 'default', ...named];
}
