// The layers of docs/architecture.md: its table is read here and held against the import lines of the sources.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isOwn, readSources, targetOf } from './docs/import-lines.ts';

const PAGE = new URL('../../../docs/architecture.md', import.meta.url);

/** What may be taken from Node.js, and by whom: a file, or all of a folder. Types may be taken by everybody. */
const NODE: Readonly<Record<string, Readonly<Record<string, readonly string[] | 'anything'>>>> = {
  'smtp/socket.ts': { 'node:net': ['default'], 'node:tls': ['*'] },
  'smtp/channel.ts': { 'node:net': ['isIPv4', 'isIPv6'] },
  'smtp/body.ts': { 'node:buffer': ['isAscii'] },
  'smtp/content.ts': { 'node:buffer': ['isAscii'], 'node:util/types': ['isUint8Array'] },
  'smtp/mailbox.ts': { 'node:url': ['domainToASCII'] },
  'smtp/transcript.ts': { 'node:diagnostics_channel': ['channel'] },
  'tracing.ts': { 'node:diagnostics_channel': ['channel', 'tracingChannel'] },
  'opentelemetry/': { 'node:async_hooks': ['AsyncLocalStorage'] },
  'oauth/': { 'node:crypto': 'anything', 'node:util': ['promisify'] },
  'oauth/sealed-file.ts': { 'node:fs/promises': 'anything', 'node:path': 'anything' },
  'oauth/file-lock.ts': {
    'node:fs/promises': 'anything',
    'node:os': ['hostname'],
    'node:path': 'anything',
    'node:process': ['kill', 'pid'],
    'node:timers/promises': ['setTimeout'],
  },
};

const SOCKETS = /^node:(?:net|tls|http|https|http2|dgram)$/;
/** What these modules have besides sockets. */
const NO_SOCKET = ['isIPv4', 'isIPv6'];

/** Up to this layer files are pure, but for those of IMPURE. */
const PURE = 3;
const IMPURE = ['oauth/', 'opentelemetry/'];
const CLOCKS = /\b(?:Date\.now|performance\.now|Math\.random|setTimeout|setInterval|setImmediate|queueMicrotask)\(/;

const sources = readSources();

interface Entry {
  readonly layer: number;
  /** A file, or a folder with a slash at its end. */
  readonly path: string;
}

const rows = [...readFileSync(PAGE, 'utf8').matchAll(/^\| (\d+) +\| ([^|]+) \|/gm)];
const entries = rows.flatMap(([, layer = '', files = '']) =>
  [...files.matchAll(/`([^`]+)`/g)].map(([, path = '']): Entry => ({ layer: Number(layer), path })),
);

const belongs = (path: string, owner: string): boolean =>
  owner.endsWith('/') ? path.startsWith(owner) : path === owner;
const entriesOf = (path: string): Entry[] => entries.filter((entry) => belongs(path, entry.path));
const layerOf = (path: string): number => entriesOf(path)[0]?.layer ?? NaN;
const inOneFolder = (a: string, b: string): boolean =>
  entries.some(({ path }) => path.endsWith('/') && belongs(a, path) && belongs(b, path));

/** `path (layer) takes … from path (layer)` for each import of our own files that `allowed` does not allow. */
function forbidden(kind: 'values' | 'types', allowed: (from: string, to: string) => boolean): string[] {
  return sources.flatMap((source) =>
    source.imports
      .filter((each) => isOwn(each) && each.values.length > 0 === (kind === 'values'))
      .map((each) => targetOf(source, each))
      .filter((target) => !allowed(source.path, target))
      .map((target) => `${source.path} (${layerOf(source.path)}) takes ${kind} from ${target} (${layerOf(target)})`),
  );
}

describe('the table in docs/architecture.md', () => {
  test('has every file of the core once', () => {
    const places = (path: string): number => entriesOf(path).length;
    expect(sources.map(({ path }) => path).filter((path) => places(path) === 0)).toEqual([]);
    expect(sources.map(({ path }) => path).filter((path) => places(path) > 1)).toEqual([]);
  });

  test('names nothing that is not there', () => {
    const gone = entries.filter((entry) => !sources.some(({ path }) => belongs(path, entry.path)));
    expect(gone.map(({ path }) => path)).toEqual([]);
  });
});

describe('the core', () => {
  test('imports values from smaller layers only, or within one folder', () => {
    expect(forbidden('values', (from, to) => layerOf(to) < layerOf(from) || inOneFolder(from, to))).toEqual([]);
  });

  test('imports types from its own layer or smaller ones', () => {
    expect(forbidden('types', (from, to) => layerOf(to) <= layerOf(from))).toEqual([]);
  });

  test('has no cycles', () => {
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (path: string, way: readonly string[]): void => {
      if (way.includes(path)) cycles.push([...way.slice(way.indexOf(path)), path].join(' → '));
      const source = sources.find((each) => each.path === path);
      if (source === undefined || done.has(path)) return;
      done.add(path);
      for (const each of source.imports) {
        if (isOwn(each) && each.values.length > 0) visit(targetOf(source, each), [...way, path]);
      }
    };
    for (const { path } of sources) visit(path, []);
    expect(cycles).toEqual([]);
  });

  test('takes from Node.js what it may, and nothing from anywhere else', () => {
    const wrong = sources.flatMap(({ path, imports }) =>
      imports
        .filter((each) => !isOwn(each))
        .flatMap(({ specifier, values }) => {
          if (!specifier.startsWith('node:')) return [`${path} imports ${specifier}`];
          const owners = Object.keys(NODE).filter((owner) => belongs(path, owner));
          const allowed = owners.map((owner) => NODE[owner]?.[specifier] ?? []);
          if (allowed.includes('anything')) return [];
          return values
            .filter((name) => !allowed.flat().includes(name))
            .map((name) => `${path}: ${name}, ${specifier}`);
        }),
    );
    expect(wrong).toEqual([]);
  });

  test('opens sockets in one file only', () => {
    const opens = sources.filter(({ imports }) =>
      imports.some(
        ({ specifier, values }) => SOCKETS.test(specifier) && values.some((each) => !NO_SOCKET.includes(each)),
      ),
    );
    expect(opens.map(({ path }) => path)).toEqual(['smtp/socket.ts']);
  });

  test('asks for tokens over the network in one file only', () => {
    const fetches = sources.filter(({ text }) => /(?<![\w#.])fetch\(|\bglobalThis\.fetch\(/.test(text));
    expect(fetches.map(({ path }) => path)).toEqual(['oauth/token-endpoint.ts']);
  });

  test('keeps clocks, timers and randomness out of what is pure', () => {
    const wrong = sources
      .filter(({ path }) => layerOf(path) <= PURE && !IMPURE.some((folder) => belongs(path, folder)))
      .flatMap(({ path, text }) => [...(CLOCKS.exec(text) ?? [])].map((call) => `${path}: ${call}`));
    expect(wrong).toEqual([]);
  });

  test('does nothing when it is imported', () => {
    // A call at the start of a line stands outside every function.
    const calls = sources.flatMap(({ path, text }) =>
      [...text.matchAll(/^(?:await |void )?[\w.]+\(.*$/gm)].map(([line]) => `${path}: ${line}`),
    );
    expect(calls).toEqual([]);
  });
});
