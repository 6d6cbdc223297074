import { readdirSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

// The condition that points at src/: tests never need a build.
const conditions = ['@mailgrant/source', 'node', 'import', 'module', 'default'];

const include = ['src/**/*.test.ts', 'test/**/*.test.ts'];
const folder = (path: string) => readdirSync(new URL(path, import.meta.url));
const project = (name: string, root: string, files: string[]) => ({ test: { name, root, include: files } });

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    projects: [
      ...folder('packages').map((name) => project(name, `packages/${name}`, include)),
      ...folder('apps').map((name) => project(name, `apps/${name}`, include)),
      project('bootstrap', 'tooling/bootstrap', ['*.test.ts']),
      project('checks', 'tooling/checks', ['*.test.ts']),
    ],
    isolate: true, // files share no state; said aloud, vitest no longer suggests otherwise after each run
    restoreMocks: true,
    slowTestThreshold: 2000, // milliseconds; what takes longer is listed
    silent: 'passed-only', // what passed has nothing to say
    coverage: { provider: 'v8', include: ['packages/*/src/**/*.ts'], reporter: ['text', 'json-summary'] },
  },
});
