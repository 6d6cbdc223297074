// What users get: the tarballs, loaded as ES modules and by require(), in each Node that is at hand.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'mailgrant-packed-'));
const names = readdirSync(join(root, 'packages'));
const nodes = [...new Set([process.execPath, process.env['MAILGRANT_HOST_NODE'] ?? process.execPath])];
const contents = new Map<string, string[]>();

beforeAll(() => {
  for (const name of names) {
    const out = execFileSync('pnpm', ['pack', '--json', '--pack-destination', dir], {
      cwd: join(root, 'packages', name),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const { filename, files } = JSON.parse(out.slice(out.indexOf('{'))) as {
      filename: string;
      files: { path: string }[];
    };
    contents.set(
      name,
      files.map((file) => file.path),
    );
    const target = join(dir, 'node_modules', '@mailgrant', name);
    mkdirSync(target, { recursive: true });
    execFileSync('tar', ['xzf', filename, '-C', target, '--strip-components=1']);
  }
  for (const [from, dependency] of [
    ['fastify', 'fastify'],
    ['fastify', 'fastify-plugin'],
    ['nestjs', '@nestjs/common'],
    ['nestjs', '@nestjs/core'],
    ['nestjs', 'reflect-metadata'],
    ['nestjs', 'rxjs'],
  ] as const) {
    const link = join(dir, 'node_modules', dependency);
    mkdirSync(join(link, '..'), { recursive: true });
    symlinkSync(join(root, 'packages', from, 'node_modules', dependency), link);
  }
}, 60_000);

afterAll(() => rmSync(dir, { recursive: true, force: true }));

test.each(names)('%s holds built code and its source, nothing else and nothing stale', (name) => {
  const files = contents.get(name) ?? [];
  const sources = files.filter((path) => path.startsWith('src/')).map((path) => path.slice(4, -3));
  expect(sources).toContain('index');
  for (const path of files.filter((path) => !path.startsWith('src/'))) {
    const built = /^dist\/(.+?)(\.d\.ts|\.js)(\.map)?$/.exec(path)?.[1];
    if (built === undefined) expect(['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md']).toContain(path);
    else expect(sources, `${path} has no source: tsc -b leaves the output of deleted files behind`).toContain(built);
  }
});

const probe = `
const want = { core: 'TokenCache', fastify: 'mailPlugin', nestjs: 'MailModule', worker: 'startWorker' };
for (const [name, key] of Object.entries(want)) if (typeof loaded[name][key] !== 'function') throw new Error(name + ' lacks ' + key);
console.log('ok');
`;

describe.each(nodes)('%s', (node) => {
  const run = (file: string, source: string) => {
    writeFileSync(join(dir, file), source);
    return execFileSync(node, ['--throw-deprecation', join(dir, file)], { encoding: 'utf8' }).trim();
  };

  test('import', () => {
    expect(
      run(
        'use.mjs',
        `const loaded = {${names.map((n) => `${n}: await import('@mailgrant/${n}')`).join(',')}};${probe}`,
      ),
    ).toBe('ok');
  });

  test('require', () => {
    expect(
      run('use.cjs', `const loaded = {${names.map((n) => `${n}: require('@mailgrant/${n}')`).join(',')}};${probe}`),
    ).toBe('ok');
  });
});
