// The package.json files and what belongs beside them.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { membersOf, PACKAGES, read, readJson, ROOT } from './workspace.ts';

/** Packages of ours that a package may need at run time. Everything else of ours is for its tests at most. */
const MAY_NEED: Record<string, readonly string[]> = {
  core: [],
  entra: ['core'],
  fastify: ['core', 'mail', 'worker'],
  mail: ['core', 'entra', 'nodemailer'],
  nestjs: ['core', 'mail', 'worker'],
  nodemailer: ['core'],
  sandbox: [],
  worker: ['core', 'mail', 'nodemailer'],
};

/** What a package says about Node where it cannot keep to what the others say. */
const ENGINES: Record<string, string> = {
  worker: '>=22.12.0', // pg-boss
};

const own = (dependencies: Record<string, string> = {}) =>
  Object.keys(dependencies).filter((name) => name.startsWith('@mailgrant/'));

describe.each(PACKAGES)('$path', ({ path, folder, manifest }) => {
  test('is an ES module for the supported versions of Node', () => {
    expect(manifest).toMatchObject({
      name: `@mailgrant/${folder}`,
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      description: expect.stringMatching(/\S/),
      license: 'MIT',
      type: 'module',
      sideEffects: false,
      engines: { node: ENGINES[folder] ?? '^20.19.0 || ^22.12.0 || >=24.0.0' },
      repository: { type: 'git', url: 'git+https://github.com/mailgrant/mailgrant.git', directory: path },
    });
  });

  test('is published with provenance, for everyone, and without the condition that leads to its source', () => {
    const withoutSource = (exports: Record<string, unknown> = {}) =>
      Object.fromEntries(
        Object.entries(exports).map(([key, target]) => {
          if (typeof target !== 'object') return [key, target];
          const { '@mailgrant/source': _, ...rest } = target as Record<string, unknown>;
          return [key, rest];
        }),
      );
    expect(manifest.publishConfig).toEqual({
      access: 'public',
      provenance: true,
      exports: withoutSource(manifest.exports),
    });
  });

  test('needs only what its layer may need', () => {
    const needed = [manifest.dependencies, manifest.peerDependencies, manifest.optionalDependencies].flatMap(own);
    expect(MAY_NEED, `say in this test what ${folder} may need`).toHaveProperty(folder);
    expect((MAY_NEED[folder] ?? []).map((name) => `@mailgrant/${name}`)).toEqual(expect.arrayContaining(needed));
    for (const name of needed) {
      // What users install only for some of a package's abilities is an optional peer.
      const optional = manifest.peerDependenciesMeta?.[name]?.optional === true;
      expect((optional ? manifest.peerDependencies : manifest.dependencies)?.[name], name).toBe('workspace:^');
    }
  });

  test('takes its versions from the catalogs', () => {
    for (const [name, range] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
      expect(range, name).toMatch(name.startsWith('@mailgrant/') ? /^workspace:/ : /^catalog:/);
    }
  });

  test('has a README, the licence and a place in the layers', () => {
    expect(existsSync(join(ROOT, path, 'README.md'))).toBe(true);
    expect(read(`${path}/LICENSE`)).toBe(read('LICENSE'));
    expect(readJson(`${path}/turbo.json`)).toMatchObject({ extends: ['//'], tags: [expect.any(String)] });
  });
});

test('the core needs nothing to run', () => {
  const args = ['ls', '--prod', '--depth=Infinity', '--filter=@mailgrant/core'];
  expect(execFileSync('pnpm', args, { cwd: ROOT, encoding: 'utf8' }).trim()).toBe('');
  const { dependencies, optionalDependencies, peerDependencies } =
    readJson<Record<string, unknown>>('packages/core/package.json');
  expect([dependencies, optionalDependencies, peerDependencies]).toEqual([undefined, undefined, undefined]);
});

test('every tag has a rule for its dependencies', () => {
  const { boundaries } = readJson<{ boundaries: { tags: Record<string, unknown> } }>('turbo.json');
  for (const { path } of PACKAGES) {
    for (const tag of readJson<{ tags: string[] }>(`${path}/turbo.json`).tags) {
      expect(boundaries.tags, `${path} says "${tag}"`).toHaveProperty(`${tag}.dependencies`);
    }
  }
});

test('`tsc -b` reaches every member of the workspace', () => {
  const { references } = readJson<{ references: { path: string }[] }>('tsconfig.json');
  const reached = references.map(({ path }) => path);
  for (const { path } of PACKAGES)
    expect(reached).toEqual(expect.arrayContaining([path, `${path}/tsconfig.build.json`]));
  for (const { path } of [...membersOf('apps'), ...membersOf('tooling')]) expect(reached).toContain(path);
});

test('the catalogs pin exact versions', () => {
  const [, catalogs = ''] = /^catalogs:\n((?: .*\n)+)/m.exec(read('pnpm-workspace.yaml')) ?? [];
  const versions = [...catalogs.matchAll(/^ {4}'?([^':]+)'?: (.+?)(?: #.*)?$/gm)];
  expect(versions.length).toBeGreaterThan(10);
  for (const [, name, version] of versions) expect(version, name).toMatch(/^(npm:[^ ]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/);
});

test('the lockfile names no host', () => {
  expect(read('pnpm-lock.yaml')).not.toMatch(/https?:|registry\.|\btarball:/);
});

test('the bootstrap fetches the pnpm that package.json and the lockfile name', () => {
  const { pnpm } = readJson<{ pnpm: { version: string; platforms: Record<string, Record<string, string>> } }>(
    'tooling/bootstrap/toolchain.json',
  );
  expect(readJson('package.json')).toMatchObject({ packageManager: `pnpm@${pnpm.version}` });
  for (const { package: name, integrity } of Object.values(pnpm.platforms)) {
    const [, locked] =
      new RegExp(`'${name}@${pnpm.version}':\n.*integrity: ([^}]+)}`).exec(read('pnpm-lock.yaml')) ?? [];
    expect(locked, name).toBe(integrity);
  }
});
