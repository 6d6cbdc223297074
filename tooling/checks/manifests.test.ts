import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const names = readdirSync(new URL('packages', root));

interface Manifest {
  readonly name: string;
  readonly type?: string;
  readonly engines?: Record<string, string>;
  readonly repository?: { directory?: string };
  readonly dependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
}

const manifest = (name: string) => JSON.parse(read(`packages/${name}/package.json`)) as Manifest;

describe.each(names)('%s', (name) => {
  const m = manifest(name);

  test('is an ES module for the supported versions of Node', () => {
    expect(m).toMatchObject({
      name: `@mailgrant/${name}`,
      type: 'module',
      engines: { node: '^20.19.0 || ^22.12.0 || >=24.0.0' },
      repository: { directory: `packages/${name}` },
    });
  });

  test('depends on nothing of the workspace but the core', () => {
    const own = Object.entries({ ...m.dependencies, ...m.peerDependencies }).filter(([key]) =>
      key.startsWith('@mailgrant/'),
    );
    expect(own).toEqual(name === 'core' ? [] : [['@mailgrant/core', 'workspace:^']]);
  });
});

test('the core has no dependencies at all', () => {
  const { dependencies, optionalDependencies, peerDependencies } = manifest('core');
  expect({ dependencies, optionalDependencies, peerDependencies }).toEqual({});
});

test('the lockfile names no host', () => {
  expect(read('pnpm-lock.yaml')).not.toMatch(/https?:|registry\.|\btarball:/);
});

test('the bootstrap fetches the pnpm that package.json names', () => {
  const { packageManager } = JSON.parse(read('package.json')) as { packageManager: string };
  const pins = JSON.parse(read('tooling/bootstrap/toolchain.json')) as { pnpm: { version: string } };
  expect(packageManager).toBe(`pnpm@${pins.pnpm.version}`);
});
