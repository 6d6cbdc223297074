// What must not be in the repository, and what must not be missing.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { read, ROOT } from './workspace.ts';

/** Files under version control, or all that could be where there is no git (a downloaded archive). */
function repositoryFiles(): string[] {
  if (existsSync(join(ROOT, '.git'))) {
    const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
    const listed = execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).split('\0');
    return listed.filter((path) => path !== '' && existsSync(join(ROOT, path)));
  }
  const generated = /(^|[\\/])(node_modules|dist|coverage|\.cache|\.toolchain|\.turbo)([\\/]|$)/;
  return readdirSync(ROOT, { recursive: true, encoding: 'utf8' }).filter(
    (path) => !generated.test(path) && statSync(join(ROOT, path)).isFile(),
  );
}

const isText = (path: string) => !/\.(png|jpe?g|gif|webp|ico|woff2|pfx|gz)$/.test(path);

test('no file names a folder of somebody’s machine or an address that packages are downloaded from', () => {
  const unwanted = [
    /(?<![\w.~-])\/(?:home|Users|root|work)\/[\w.-]+\//, // a path as it is on one machine
    /[A-Z]:\\Users\\/,
    /https?:\/\/registry\./,
    /https?:\/\/[\w.-]+\/\S+\.tgz\b/,
  ];
  const self = 'tooling/checks/repository.test.ts';
  const found = repositoryFiles()
    .filter((path) => isText(path) && path.replaceAll('\\', '/') !== self)
    .flatMap((path) =>
      read(path)
        .split('\n')
        .flatMap((line, index) =>
          unwanted.some((pattern) => pattern.test(line)) ? [`${path}:${index + 1}: ${line.trim().slice(0, 120)}`] : [],
        ),
    );
  expect(found).toEqual([]);
});

test('links inside the documentation lead somewhere', () => {
  const broken = repositoryFiles()
    .filter((path) => path.endsWith('.md'))
    .flatMap((path) =>
      [...read(path).matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)[^)]*\)/g)]
        .filter(([, target = '']) => !existsSync(join(ROOT, dirname(path), target)))
        .map(([, target]) => `${path}: ${target}`),
    );
  expect(broken).toEqual([]);
});

test('docs/decisions explains every dependency', () => {
  const decisions = readdirSync(join(ROOT, 'docs/decisions')).map((name) => read(`docs/decisions/${name}`));
  const explained = decisions.join('\n');
  const [, catalogs = ''] = /^catalogs:\n((?: .*\n)+)/m.exec(read('pnpm-workspace.yaml')) ?? [];
  const names = [...catalogs.matchAll(/^ {4}'?([^':]+)'?: /gm)].map(([, name = '']) => name);
  const unexplained = names.filter((name) => !explained.includes(`\`${name}\``) && !/-\d+(\.\d+)?$/.test(name));
  expect(unexplained).toEqual([]);
});
