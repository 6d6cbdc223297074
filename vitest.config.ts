import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// The condition that points at src/: tests never need a build. Without `import`, for it would hold in require() too.
const conditions = ['@mailgrant/source', 'node', 'module', 'default'];

const include = ['src/**/*.test.ts', 'test/**/*.test.ts'];
const folder = (path: string) => readdirSync(new URL(path, import.meta.url));

const setupFiles = [fileURLToPath(new URL('packages/core/test/fixed-seed.ts', import.meta.url))];
// What is waited for comes; how soon is the machine's business.
const patience = { poll: { timeout: 15_000 } };
const project = (name: string, root: string) => ({
  test: { name, root, include, setupFiles, expect: patience, ...globalSetup(root) },
});

/** What all test files of a package share, where it has something like that. */
const globalSetup = (root: string) => {
  const file = fileURLToPath(new URL(`${root}/test/support/global-setup.ts`, import.meta.url));
  return existsSync(file) ? { globalSetup: [file] } : {};
};

/** The same tests with the older Nest, whose packages `tooling/nest-11` has installed. */
const nest11 = fileURLToPath(new URL('tooling/nest-11/node_modules/', import.meta.url));
const onNest11 = { find: /^(?=@nestjs\/)/, replacement: nest11 };

/** These start compilers and package managers: after the others, so as not to slow down what measures time. */
const slowProject = (name: string, root: string) => ({
  test: { name, root, include: ['*.test.ts'], sequence: { groupOrder: 1 }, testTimeout: 120_000, hookTimeout: 120_000 },
});

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    projects: [
      ...folder('packages').map((name) => project(name, `packages/${name}`)),
      ...folder('apps').map((name) => project(name, `apps/${name}`)),
      ...folder('tooling')
        .filter((name) => existsSync(new URL(`tooling/${name}/src`, import.meta.url)))
        .map((name) => project(name, `tooling/${name}`)),
      { ...project('nestjs-11', 'packages/nestjs'), resolve: { conditions, alias: [onNest11] } },
      slowProject('bootstrap', 'tooling/bootstrap'),
      slowProject('checks', 'tooling/checks'),
    ],
    isolate: true, // files share no state; said aloud, vitest no longer suggests otherwise after each run
    restoreMocks: true,
    testTimeout: 20_000, // milliseconds; two busy cores must not turn a test red
    hookTimeout: 30_000,
    maxConcurrency: 2,
    slowTestThreshold: 2000, // milliseconds; what takes longer is listed
    silent: 'passed-only', // what passed has nothing to say
    coverage: { provider: 'v8', include: ['packages/*/src/**/*.ts'], reporter: ['text', 'json-summary'] },
  },
});
