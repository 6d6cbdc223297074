import { readdirSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

// The condition that points at src/: tests never need a build.
const conditions = ['@mailgrant/source', 'node', 'import', 'module', 'default'];

const include = ['src/**/*.test.ts', 'test/**/*.test.ts'];
const folder = (path: string) => readdirSync(new URL(path, import.meta.url));

/** Groups run one after the other: what starts compilers and package managers does not slow down what measures time. */
const project = (name: string, root: string, files: string[], groupOrder = 0) => ({
  test: { name, root, include: files, sequence: { groupOrder } },
});

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    projects: [
      ...folder('packages').map((name) => project(name, `packages/${name}`, include)),
      ...folder('apps').map((name) => project(name, `apps/${name}`, include)),
      project('bench', 'tooling/bench', include),
      project('bootstrap', 'tooling/bootstrap', ['*.test.ts'], 1),
      project('checks', 'tooling/checks', ['*.test.ts'], 1),
    ],
    isolate: true, // files share no state; said aloud, vitest no longer suggests otherwise after each run
    restoreMocks: true,
    slowTestThreshold: 2000, // milliseconds; what takes longer is listed
    silent: 'passed-only', // what passed has nothing to say
    coverage: { provider: 'v8', include: ['packages/*/src/**/*.ts'], reporter: ['text', 'json-summary'] },
  },
});
