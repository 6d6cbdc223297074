// Installs the workspace's dependencies when they changed, and only then: on line or off, there is nothing to do otherwise.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Problem, say } from './problem.mjs';
import { runQuietly } from './programs.mjs';
import { reasonFrom } from './reasons.mjs';

const STAMP = join('node_modules', '.bootstrap-stamp');
const STILL_AT_IT = 20_000; // milliseconds between signs of life

/** @param {string} root */
export function isInstalled(root) {
  const stamp = join(root, STAMP);
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint(root);
}

/**
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @throws {Problem} with all that pnpm printed
 */
export async function install(root, env) {
  const wanted = fingerprint(root); // before: a change during the install must lead to another one
  say('installing the dependencies');
  const start = Date.now();
  const alive = setInterval(
    () => say(`still installing after ${Math.round((Date.now() - start) / 1000)} s`),
    STILL_AT_IT,
  );
  try {
    const args = ['install', '--frozen-lockfile', '--reporter=append-only'];
    const { code, output } = await runQuietly('pnpm', args, { cwd: root, env });
    if (code !== 0) throw new Problem(`the dependencies could not be installed: ${reasonFrom(output)}`, output);
  } finally {
    clearInterval(alive);
  }
  writeFileSync(join(root, STAMP), wanted);
}

/** @param {string} root @returns {string} of everything an install depends on */
function fingerprint(root) {
  const hash = createHash('sha256').update(`${process.platform}-${process.arch}`);
  const files = ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml'];
  for (const folder of ['apps', 'packages', 'tooling']) {
    for (const name of readdirSync(join(root, folder)).sort()) files.push(join(folder, name, 'package.json'));
  }
  for (const file of files) {
    if (existsSync(join(root, file))) hash.update(file).update(readFileSync(join(root, file)));
  }
  return hash.digest('hex');
}
