// node ../../tooling/tasks/bundle.mjs, in a package's folder: its JavaScript in one file for each entry point, instead of one
// for each source (docs/decisions/0010-bundled-core.md). tsc writes the declarations beside it.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { rolldown } from 'rolldown';

const root = process.cwd();
const source = join(root, 'src');
const output = join(root, 'dist');

/** Every file built is named after a source: an entry point after itself, a shared one after the first it holds. */
const nameOf = (/** @type {string} */ path) => relative(source, path).replace(/\.ts$/, '').replaceAll('\\', '/');

/** @type {{ exports: Record<string, string | Record<string, string>> }} */
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const entries = Object.values(manifest.exports).flatMap((target) =>
  typeof target === 'object' && target['@mailgrant/source'] !== undefined
    ? [join(root, target['@mailgrant/source'])]
    : [],
);

const bundle = await rolldown({
  cwd: root,
  input: Object.fromEntries(entries.map((path) => [nameOf(path), path])),
  platform: 'node',
  external: /^node:/,
  onLog(_level, log) {
    throw new Error(log.message); // whatever it wonders about is a mistake of ours
  },
});

const { output: written } = await bundle.write({
  dir: output,
  format: 'es',
  entryFileNames: '[name].js',
  chunkFileNames: ({ name, facadeModuleId }) => `${facadeModuleId ? nameOf(facadeModuleId) : name}.js`,
  // What several entry points load at once; what is loaded later stays in files of its own.
  codeSplitting: { groups: [{ name: 'errors', tags: ['$initial'], minShareCount: 2 }] },
  minify: false,
  sourcemap: true,
  sourcemapExcludeSources: true, // src is published beside it
});
await bundle.close();

// What an earlier build left would be packed and published.
const names = new Set(written.map(({ fileName }) => fileName));
for (const path of readdirSync(output, { recursive: true, encoding: 'utf8' })) {
  if (/\.js(\.map)?$/.test(path) && !names.has(path.replaceAll('\\', '/'))) rmSync(join(output, path));
}
