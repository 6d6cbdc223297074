// What the checks know of the workspace: read from the files, so that a new package is checked without being named here.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly exports?: Record<string, unknown>;
  readonly bin?: Record<string, string>;
  readonly engines?: { readonly node: string };
  readonly scripts?: Record<string, string>;
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
  readonly peerDependenciesMeta?: Record<string, { readonly optional?: boolean }>;
  readonly publishConfig?: { readonly exports?: Record<string, unknown> };
}

export interface Member {
  /** From the root: `packages/core`. */
  readonly path: string;
  /** The folder's name: `core`. */
  readonly folder: string;
  readonly manifest: Manifest;
}

export const ROOT: string = fileURLToPath(new URL('../../', import.meta.url));

/** @param path from the root */
export function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

export function readJson<T>(path: string): T {
  return JSON.parse(read(path)) as T;
}

/** The members of the workspace in one of its folders. */
export function membersOf(folder: 'apps' | 'packages' | 'tooling'): Member[] {
  return readdirSync(join(ROOT, folder))
    .filter((name) => existsSync(join(ROOT, folder, name, 'package.json')))
    .map((name) => ({
      path: `${folder}/${name}`,
      folder: name,
      manifest: readJson<Manifest>(`${folder}/${name}/package.json`),
    }));
}

/** The published packages. */
export const PACKAGES: readonly Member[] = membersOf('packages');

/** What a user's `import` may name: `@mailgrant/core`, `@mailgrant/core/diagnosis`. */
export function entryPoints({ manifest }: Member): string[] {
  return Object.keys(manifest.exports ?? {})
    .filter((key) => key !== './package.json')
    .map((key) => join(manifest.name, key).replaceAll('\\', '/'));
}
