// What users get: the tarballs, loaded as ES modules and by require(), in each Node that is at hand, and compiled against.
import { execFile } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, posix } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compile, linkFolder, linkInstalled } from './consumer.ts';
import { FASTIFY_APPLICATION_PRINTS, FASTIFYS, writeFastifyApplication, writeFastifyTypes } from './fastify.ts';
import { NEST_APPLICATION_PRINTS, writeNestApplication } from './nest.ts';
import { entryPoints, type Member, PACKAGES, ROOT } from './workspace.ts';

/** The export that tells that a package is there, and how large its tarball may get (kilobytes). */
const EXPECTED: Record<string, { main: string; kilobytes: number }> = {
  core: { main: 'createMailer', kilobytes: 450 },
  entra: { main: 'entraApp', kilobytes: 120 },
  fastify: { main: 'mail', kilobytes: 70 },
  mail: { main: 'createMailClient', kilobytes: 140 },
  nestjs: { main: 'getMailerToken', kilobytes: 60 },
  nodemailer: { main: 'mailgrantTransport', kilobytes: 70 },
  sandbox: { main: 'createSandbox', kilobytes: 400 },
  worker: { main: 'createMailWorker', kilobytes: 360 },
};

const run = promisify(execFile);
const dir = mkdtempSync(join(tmpdir(), 'mailgrant-packed-'));
const tarballs = new Map<string, { files: string[]; bytes: number }>();
const hostNode = process.env['MAILGRANT_HOST_NODE'] ?? process.execPath;

beforeAll(async () => {
  await run(process.execPath, [join(ROOT, 'tooling/tasks/build.mjs'), './packages/*']);
  await Promise.all(PACKAGES.map(pack));
  writeFileSync(join(dir, 'package.json'), '{ "private": true }');
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function pack(member: Member): Promise<void> {
  const { manifest, path, folder } = member;
  const { stdout } = await run('pnpm', ['pack', '--json', '--pack-destination', dir], { cwd: join(ROOT, path) });
  const { filename, files } = JSON.parse(stdout.slice(stdout.indexOf('{'))) as {
    filename: string;
    files: { path: string }[];
  };
  tarballs.set(folder, { files: files.map((file) => file.path), bytes: statSync(filename).size });
  const target = join(dir, 'node_modules', manifest.name);
  mkdirSync(target, { recursive: true });
  await run('tar', ['xzf', basename(filename), '-C', target, '--strip-components=1'], { cwd: dir });
  const needed = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
  linkInstalled(member, needed, join(target, 'node_modules'));
}

/** What the entry points of a bundled package load, then or later, as the files say it themselves; without `.js`. */
function loadedBy({ name, exports = {} }: Member['manifest']): string[] {
  const files = new Set<string>();
  const load = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    const text = readFileSync(join(dir, 'node_modules', name, 'dist', file), 'utf8');
    const imported = text.matchAll(/(?:^import .*?from |^export .*?from |\bimport\()"(\.[^"]+)"/gm);
    for (const [, path = ''] of imported) load(posix.join(posix.dirname(file), path));
  };
  for (const target of Object.values(exports)) {
    if (typeof target === 'object' && target !== null && 'default' in target) {
      load(posix.relative('dist', String(target.default)));
    }
  }
  return [...files].map((file) => file.slice(0, -'.js'.length));
}

describe.each(PACKAGES)('$manifest.name', ({ folder, manifest, path }) => {
  test('holds built code and its source, nothing stale and nothing else', () => {
    const { files, bytes } = tarballs.get(folder) ?? { files: [], bytes: 0 };
    const sources = readdirSync(join(ROOT, path, 'src'), { recursive: true, encoding: 'utf8' })
      .map((file) => file.replaceAll('\\', '/'))
      .filter((file) => /\.\w+$/.test(file) && !/\.(test|test-d|bench)\.ts$/.test(file));
    const modules = sources.filter((file) => file.endsWith('.ts')).map((file) => file.slice(0, -3));
    const scripts = manifest.scripts?.['build']?.includes('bundle.mjs') ? loadedBy(manifest) : modules;
    expect(modules).toEqual(expect.arrayContaining(scripts));
    const built = [
      ...modules.flatMap((name) => [`${name}.d.ts`, `${name}.d.ts.map`]),
      ...scripts.flatMap((name) => [`${name}.js`, `${name}.js.map`]),
    ];
    expect(files.toSorted()).toEqual(
      [
        ...sources.map((file) => `src/${file}`),
        ...built.map((file) => `dist/${file}`),
        ...files.filter((file) => file === 'CHANGELOG.md'),
        'LICENSE',
        'README.md',
        'package.json',
      ].toSorted(),
    );

    const kilobytes = Math.ceil(bytes / 1000);
    process.stdout.write(`${manifest.name}: ${kilobytes} kB packed, ${files.length} files\n`);
    expect(kilobytes).toBeLessThanOrEqual(EXPECTED[folder]?.kilobytes ?? 0);
  });

  test('says in its manifest nothing that only the workspace understands', () => {
    const packed = readFileSync(join(dir, 'node_modules', manifest.name, 'package.json'), 'utf8');
    expect(packed).not.toMatch(/workspace:|catalog:|@mailgrant\/source/);
  });

  test('its commands are scripts for Node', () => {
    for (const file of Object.values(manifest.bin ?? {})) {
      const start = readFileSync(join(dir, 'node_modules', manifest.name, file), 'utf8').slice(0, 20);
      expect(start, `${path}: ${file}`).toBe('#!/usr/bin/env node\n');
    }
  });
});

describe.each([...new Set([process.execPath, hostNode])])('%s loads every entry point', (node) => {
  const load = async (file: string, expression: (entryPoint: string) => string) => {
    const { stdout: version } = await run(node, ['-p', 'process.versions.node']);
    const packages = PACKAGES.filter(({ manifest }) => runsOn(version, manifest.engines?.node));
    const names = packages.flatMap(entryPoints);
    const loaded = names.map((name) => `${JSON.stringify(name)}: ${expression(name)}`);
    const mains = Object.entries(mainExports()).filter(([name]) => names.includes(name));
    const probe = `
    for (const [name, main] of ${JSON.stringify(mains)}) {
      if (typeof loaded[name][main] !== 'function') throw new Error(name + ' has no function ' + main);
    }`;
    writeFileSync(join(dir, file), `const loaded = { ${loaded.join(', ')} };${probe}`);
    return run(node, ['--throw-deprecation', join(dir, file)]);
  };

  test('by import, without a warning', async () => {
    expect(await load('use.mjs', (name) => `await import('${name}')`)).toEqual({ stdout: '', stderr: '' });
  });

  test('by require(), without a warning', async () => {
    expect(await load('use.cjs', (name) => `require('${name}')`)).toEqual({ stdout: '', stderr: '' });
  });

  test('the core without sockets, TLS and cryptography: they come with the first connection', async () => {
    const heavy = 'process.moduleLoadList.filter((name) => /^NativeModule (?:net|tls|crypto)$/.test(name)).join()';
    // Read before anything is written, for which Node may load sockets itself.
    const program = `import '@mailgrant/core'; const heavy = ${heavy}; process.stdout.write(heavy);`;
    writeFileSync(join(dir, 'light.mjs'), program);
    expect(await run(node, [join(dir, 'light.mjs')])).toEqual({ stdout: '', stderr: '' });
  });
});

describe.each([11, 12] as const)('an application with Nest %i', (major) => {
  const folder = join(dir, `nest-${major}`);
  beforeAll(() => {
    const nestjs = PACKAGES.find((each) => each.folder === 'nestjs');
    if (nestjs === undefined) throw new Error('there is no packages/nestjs');
    writeNestApplication(folder, major, join(dir, 'node_modules/@mailgrant'), nestjs);
  });

  test.each(
    [...new Set([process.execPath, hostNode])].flatMap((node) => ['mjs', 'cjs'].map((format) => [node, format])),
  )('%s app.%s: sends a mail, closes and ends by itself', async (node = '', format) => {
    const ended = await run(node, ['--throw-deprecation', join(folder, `app.${format}`)], { timeout: 60_000 });
    expect(ended).toEqual({ stdout: NEST_APPLICATION_PRINTS, stderr: '' });
  });
});

describe.each(FASTIFYS)('an application with %s', (version) => {
  const folder = join(dir, version);
  beforeAll(() => writeFastifyApplication(folder, version, join(dir, 'node_modules/@mailgrant')));

  test.each(
    [...new Set([process.execPath, hostNode])].flatMap((node) => ['mjs', 'cjs'].map((format) => [node, format])),
  )('%s app.%s: sends a mail, closes and ends by itself', async (node = '', format) => {
    const ended = await run(node, ['--throw-deprecation', join(folder, `app.${format}`)], { timeout: 60_000 });
    expect(ended).toEqual({ stdout: FASTIFY_APPLICATION_PRINTS, stderr: '' });
  });

  test.each(['typescript', 'typescript-6.0', 'typescript-5.9'] as const)(
    '%s: options, names and errors of types, by import and by require()',
    async (compiler) => {
      const files = writeFastifyTypes(folder);
      const compilerOptions = {
        module: 'nodenext',
        target: 'es2022',
        strict: true,
        skipLibCheck: true,
        types: ['node'],
      };
      expect(await compile(folder, { compilerOptions, files }, compiler)).toEqual([]);
    },
    60_000,
  );
});

/** Whether a Node is new enough for a package that names one oldest version; the others run on every Node at hand. */
function runsOn(version: string, engines = ''): boolean {
  const [, major, minor] = /^>=(\d+)\.(\d+)\.0$/.exec(engines) ?? [];
  if (major === undefined) return true;
  const [own = 0, ownMinor = 0] = version.split('.').map(Number);
  return own > Number(major) || (own === Number(major) && ownMinor >= Number(minor));
}

const NODENEXT = { settings: { module: 'nodenext' }, files: ['use.mts', 'use.cts'] };
const BUNDLER = { settings: { module: 'esnext', moduleResolution: 'bundler' }, files: ['use.ts'] };

describe.concurrent.each([
  ['typescript', 'Node', NODENEXT],
  ['typescript', 'a bundler', BUNDLER],
  ['typescript-6.0', 'Node', NODENEXT],
  ['typescript-6.0', 'a bundler', BUNDLER],
  ['typescript-5.9', 'Node', NODENEXT],
  ['typescript-5.9', 'a bundler', BUNDLER],
] as const)(
  '%s, set up for %s',
  (compiler, name, { settings, files }) => {
    test('compiles against the types', async () => {
      // An export of type `any` would let everything through.
      const uses = Object.entries(mainExports()).flatMap(([entryPoint, main], index) => [
        `import * as p${index} from '${entryPoint}';`,
        `export const any${index}: 0 extends 1 & typeof p${index}.${main} ? true : false = false;`,
        `export const function${index}: (...args: never) => unknown = p${index}.${main};`,
      ]);
      const imports = PACKAGES.flatMap(entryPoints).map((entryPoint) => `import type {} from '${entryPoint}';`);
      const folder = join(dir, `${compiler} ${name}`);
      mkdirSync(folder);
      for (const file of files) writeFileSync(join(folder, file), [...imports, ...uses].join('\n'));
      linkFolder(join(ROOT, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'));
      const checked = { strict: true, skipLibCheck: false, skipDefaultLibCheck: true };
      const compilerOptions = { ...settings, ...checked, target: 'es2022', types: ['node'] };
      expect(await compile(folder, { compilerOptions, files }, compiler)).toEqual([]);
    });
  },
  60_000,
);

/** What `@nestjs-modules/mailer` 2.3.7 adds to an application with Nest 12, installed by pnpm 12 on 2026-11-20. */
const NEST_MODULES_MAILER = { packages: 349, megabytes: 103 };

test('@mailgrant/nestjs adds a twentieth of what @nestjs-modules/mailer adds, at most', () => {
  const added = new Map<string, number>();
  const add = (name: string, from: string): void => {
    const folder = realpathSync(join(from, 'node_modules', name));
    if (added.has(name)) return;
    added.set(name, bytesIn(folder));
    const { dependencies = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Member['manifest'];
    for (const each of Object.keys(dependencies)) add(each, each.startsWith('@mailgrant/') ? dir : folder);
  };
  add('@mailgrant/nestjs', dir);
  add('nodemailer', join(dir, 'node_modules/@mailgrant/nestjs')); // a peer; the others an application has, or does without
  const megabytes = [...added.values()].reduce((sum, bytes) => sum + bytes, 0) / 1e6;
  const { packages: others, megabytes: theirs } = NEST_MODULES_MAILER;
  process.stdout.write(
    `@mailgrant/nestjs adds ${added.size} packages, ${megabytes.toFixed(1)} MB; @nestjs-modules/mailer ${others}, ${theirs} MB\n`,
  );
  expect(added.size).toBeLessThanOrEqual(others / 20);
  expect(megabytes).toBeLessThanOrEqual(theirs / 20);
});

/** Bytes of a package's files, without what is installed inside it. */
function bytesIn(folder: string): number {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => name !== 'node_modules')
    .map((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? bytesIn(path) : statSync(path).size;
    })
    .reduce((sum, bytes) => sum + bytes, 0);
}

function mainExports(): Record<string, string> {
  return Object.fromEntries(
    PACKAGES.map(({ folder, manifest }) => {
      const main = EXPECTED[folder]?.main;
      if (main === undefined) throw new Error(`name the main export of ${folder} in this test`);
      return [manifest.name, main];
    }),
  );
}
