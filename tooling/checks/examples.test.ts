// Every ```ts block of the Markdown files compiles, each as a module of its own, against the sources of the workspace.
// What a block needs and its reader knows goes into a comment right before it: <!-- ts … -->
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { compile, linkFolder, linkInstalled } from './consumer.ts';
import { type Member, membersOf, PACKAGES, read, ROOT } from './workspace.ts';

const dir = mkdtempSync(join(tmpdir(), 'mailgrant-examples-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const pages = [
  'README.md',
  ...PACKAGES.map(({ path }) => `${path}/README.md`),
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => `docs/${path.replaceAll('\\', '/')}`),
];

interface Example {
  readonly page: string;
  /** 1 for the first line of the page. */
  readonly line: number;
  /** With every line where it is on the page, so that the compiler counts as the reader does. */
  readonly code: string;
}

/** A block, with the lines of a comment `<!-- ts … -->` right before it: what the reader need not see again. */
function examplesOf(page: string): Example[] {
  const text = read(page);
  return [...text.matchAll(/^(?:<!-- ts\n((?:.*\n)*?)-->\n+)?```(?:ts|typescript)\n((?:.*\n)*?)```$/gm)].map(
    (match) => {
      const [whole, hidden = '', shown = ''] = match;
      const lineOf = (part: string) => text.slice(0, match.index + whole.indexOf(part)).split('\n').length;
      const line = lineOf(`\n${shown}`) + 1;
      const before = hidden === '' ? '' : '\n'.repeat(lineOf(hidden) - 1) + hidden;
      return { page, line, code: before + '\n'.repeat(line - before.split('\n').length) + shown };
    },
  );
}

test('the examples compile', async () => {
  const nodeModules = join(dir, 'node_modules');
  const installed = new Map<string, Member>();
  for (const member of PACKAGES) linkFolder(join(ROOT, member.path), join(nodeModules, member.manifest.name));
  // The apps have what recipes use.
  for (const member of [...membersOf('apps'), ...PACKAGES]) {
    const { dependencies, devDependencies, peerDependencies } = member.manifest;
    for (const name of Object.keys({ ...dependencies, ...devDependencies, ...peerDependencies })) {
      installed.set(name, member);
    }
  }
  for (const [name, member] of installed) linkInstalled(member, [name], nodeModules);
  linkFolder(join(ROOT, 'node_modules/@types/node'), join(nodeModules, '@types/node'));

  const files = new Map<string, string>();
  for (const { page, line, code } of pages.flatMap(examplesOf)) {
    const file = `${page.replaceAll('/', '__')}.${line}.mts`;
    writeFileSync(join(dir, file), code);
    files.set(file, page);
  }
  expect(files.size, 'pages without a single example').toBeGreaterThan(0);

  const plain = { composite: false, isolatedDeclarations: false, noUnusedLocals: false };
  // As Nest applications are compiled; their constructors take parameter properties.
  const nest = { ...plain, erasableSyntaxOnly: false, experimentalDecorators: true, emitDecoratorMetadata: true };
  const isNest = (file: string) => readFileSync(join(dir, file), 'utf8').includes('nestjs');
  const complaints: string[] = [];
  for (const [compilerOptions, ofThese] of [
    [plain, (file: string) => !isNest(file)],
    [nest, isNest],
  ] as const) {
    const listed = [...files.keys()].filter(ofThese);
    if (listed.length === 0) continue;
    complaints.push(
      ...(await compile(dir, { extends: join(ROOT, 'tsconfig.base.json'), compilerOptions, files: listed })),
    );
  }
  expect(complaints.map((line) => line.replace(/^\S+\.mts/, (file) => files.get(file) ?? file))).toEqual([]);
});
