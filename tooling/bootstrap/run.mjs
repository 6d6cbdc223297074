// Runs a command inside the toolchain of this repository:
//   node tooling/bootstrap/run.mjs <command> [arguments…]
//
// A fresh machine needs Node >= 18 with npm, nothing else. pnpm comes from the npm registry, and so
// does Node where the running one is older than the development tools accept. What is fetched is
// pinned, with its sha512, in toolchain.json; no script of a fetched package runs. It is kept in
// .toolchain/. Only built-in modules here, and no syntax newer than Node 18.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');
const windows = process.platform === 'win32';
const pins = JSON.parse(readFileSync(join(here, 'toolchain.json'), 'utf8'));

/** The environment without what an outer `npm run` adds; settings such as npm_config_registry stay. */
const outer = Object.fromEntries(
  Object.entries(process.env).filter(
    ([key]) =>
      !/^(npm_(package|lifecycle|command|execpath|node_execpath|config_(local_prefix|global_prefix|prefix|user_agent|noproxy|node_gyp|init_module|npm_version|global|cache_min))|INIT_CWD$)/i.test(
        key,
      ),
  ),
);

/** Thrown, not exited, so that half-fetched files go. */
function stop(message) {
  throw new Error(message);
}

process.once('uncaughtException', (error) => {
  console.error(`bootstrap: ${error.message}`);
  process.exitCode = 1;
});

/** What vitest 5, changesets 3 and tsdown accept. */
function supported(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return (major === 22 && minor >= 18) || (major === 24 && minor >= 11) || major >= 26;
}

function platform(tool) {
  const name = `${process.platform}-${process.arch}`;
  const musl = process.platform === 'linux' && process.report?.getReport().header.glibcVersionRuntime === undefined;
  return pins[tool].platforms[musl ? `${name}-musl` : name];
}

/** The npm that started us, or else the one on the PATH. */
function npm(args, cwd) {
  const script = process.env['npm_execpath'] ?? '';
  const own = basename(script) === 'npm-cli.js';
  const done = spawnSync(own ? process.execPath : 'npm', own ? [script, ...args] : args, {
    cwd,
    env: outer,
    shell: windows && !own,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return done.status === 0;
}

/** One file out of an npm tarball (ustar, 512-byte blocks; the folder at the top has any name). */
function fromTarball(tarball, wanted) {
  const tar = gunzipSync(tarball);
  for (let at = 0; at + 512 <= tar.length;) {
    const text = (from, length) => tar.toString('utf8', at + from, at + from + length).replace(/\0.*$/s, '');
    const size = Number.parseInt(text(124, 12).trim() || '0', 8);
    const name = text(0, 100);
    if (name.slice(name.indexOf('/') + 1) === wanted) return tar.subarray(at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return undefined;
}

/** The directory with the pinned executable, fetched if need be; undefined where it cannot be had. */
function tool(name) {
  const { version, file } = pins[name];
  const pin = platform(name);
  if (pin === undefined) return undefined;
  const binary = windows ? `${name}.exe` : name;
  const cache = join(root, '.toolchain');
  const target = join(cache, `${name}-${version}-${process.platform}-${process.arch}`);
  if (existsSync(join(target, binary))) return target;

  console.error(`bootstrap: fetching ${name} ${version} (${pin.package}, once)`);
  mkdirSync(cache, { recursive: true });
  const draft = mkdtempSync(join(cache, 'draft-'));
  try {
    if (
      !npm(
        [
          'pack',
          `${pin.package}@${version}`,
          '--silent',
          '--fetch-retries=2',
          '--fetch-retry-mintimeout=500',
          '--fetch-retry-maxtimeout=3000',
        ],
        draft,
      )
    )
      return undefined;
    const archive = join(draft, readdirSync(draft)[0]);
    const tarball = readFileSync(archive);
    const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
    if (integrity !== pin.integrity) stop(`${pin.package}@${version} is not what toolchain.json pins: ${integrity}`);
    const content = fromTarball(tarball, windows ? `${file}.exe` : file);
    if (content === undefined) stop(`${pin.package}@${version} holds no ${file}`);
    rmSync(archive);
    writeFileSync(join(draft, binary), content, { mode: 0o755 });
    try {
      renameSync(draft, target);
    } catch (error) {
      if (!existsSync(join(target, binary))) throw error; // else another run was first
    }
    return target;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

const path = [];
let version = process.versions.node;

if (!supported(process.versions.node) && process.env['MAILGRANT_OWN_NODE'] === undefined) {
  const dir = tool('node');
  if (dir !== undefined) {
    path.push(dir);
    version = pins.node.version;
  } else
    console.error(
      `bootstrap: the tools want Node ^22.18, ^24.11 or >=26 and none could be fetched for ${process.platform}-${process.arch}; going on with ${process.version}`,
    );
}

const pnpm = tool('pnpm');
if (pnpm === undefined)
  stop(
    `pnpm ${pins.pnpm.version} could not be fetched for ${process.platform}-${process.arch}; is the npm registry reachable? (npm ping)`,
  );
path.push(pnpm, join(root, 'node_modules', '.bin'));

const env = {
  ...outer,
  PATH: [...path, process.env['PATH']].join(delimiter),
  TURBO_TELEMETRY_DISABLED: '1',
  TURBO_NO_UPDATE_NOTIFIER: '1',
  MAILGRANT_HOST_NODE: process.execPath,
  MAILGRANT_NODE: version, // part of turbo's keys: what passed on one Node was not run on another
};

function run(command, args, stdio = 'inherit') {
  const done = spawnSync(command, args, { cwd: root, env, shell: windows, stdio });
  if (done.error) stop(`${command}: ${done.error.message}`);
  if (done.signal) process.kill(process.pid, done.signal);
  return done.status ?? 1;
}

/** Everything an install depends on; unchanged since the last one, there is nothing to do, on line or off. */
function fingerprint() {
  const hash = createHash('sha256').update(`${process.platform}-${process.arch}`);
  const files = ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml'];
  for (const folder of ['packages', 'apps', 'tooling']) {
    for (const name of readdirSync(join(root, folder)).sort()) files.push(join(folder, name, 'package.json'));
  }
  for (const file of files) if (existsSync(join(root, file))) hash.update(file).update(readFileSync(join(root, file)));
  return hash.digest('hex');
}

const stamp = join(root, 'node_modules', '.bootstrap-stamp');
const wanted = fingerprint();
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  const status = run('pnpm', ['install', '--frozen-lockfile', '--reporter=append-only'], ['ignore', 2, 'inherit']);
  if (status !== 0) process.exit(status);
  writeFileSync(stamp, wanted);
}

const [command, ...args] = process.argv.slice(2);
if (command !== undefined) process.exit(run(command, args));
