import { readdirSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

// The condition that points at src/: tests and dev never need a build.
const conditions = ['@mailgrant/source', 'node', 'import', 'module', 'default'];

const include = ['src/**/*.test.ts', 'test/**/*.test.ts'];
const folder = (path: string) => readdirSync(new URL(path, import.meta.url));

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    projects: [
      ...folder('packages').map((name) => ({ test: { name, root: `packages/${name}`, include } })),
      ...folder('apps').map((name) => ({ test: { name, root: `apps/${name}`, include } })),
      { test: { name: 'checks', root: 'tooling/checks', include: ['*.test.ts'] } },
    ],
    coverage: { provider: 'v8', include: ['packages/*/src/**/*.ts'], reporter: ['text', 'json-summary'] },
  },
});
