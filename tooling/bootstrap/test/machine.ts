// A fresh machine for the bootstrap: a folder with a copy of it, a registry on localhost, and packages that hold shell
// scripts in place of the real programs.
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { integrityOf } from '../tarball.mjs';
import { platformKey, thisMachine } from '../versions.mjs';
import { packageOf } from './tar.ts';

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Machine extends AsyncDisposable {
  /** The repository's folder; its name has a space. */
  readonly root: string;
  /** Runs the bootstrap, as if by Node 26, with the given arguments and, on top of a clean environment, variables. */
  run(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Outcome>;
  /** The same as if by Node 20. */
  runOnOldNode(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Outcome>;
  /** Requests for tarballs that the registry saw. */
  readonly downloads: readonly string[];
  /** What pnpm was called with, a line per call. */
  pnpmCalls(): string[];
  /** Names in the folder of fetched tools. */
  tools(): string[];
  changePin(tool: 'node' | 'pnpm', change: { integrity?: string; package?: string }): void;
}

const PNPM = `#!/bin/sh
echo "$@" >> pnpm-calls
mkdir -p node_modules
if [ -f pnpm-fails ]; then cat pnpm-fails; exit 1; fi
echo "Packages: +142"
`;
const NODE = `#!/bin/sh\nFETCHED_NODE=1 exec "${process.execPath}" "$@"\n`;

/** @param options.fetched tools that are there already: most tests are about something else, and npm takes its time */
export async function freshMachine({ fetched = [] }: { fetched?: readonly 'pnpm'[] } = {}): Promise<Machine> {
  const home = mkdtempSync(join(tmpdir(), 'mailgrant-machine-'));
  const root = join(home, 'my clone');
  const bootstrap = join(root, 'tooling', 'bootstrap');
  cpSync(fileURLToPath(new URL('..', import.meta.url)), bootstrap, { recursive: true });
  for (const folder of ['apps', 'packages']) mkdirSync(join(root, folder));
  writeFileSync(join(root, 'package.json'), '{ "private": true }');

  const tarballs = new Map<string, Buffer>();
  const pins: Record<string, { version: string; file: string; platforms: Record<string, object> }> = {};
  for (const [tool, file, script] of [
    ['node', 'bin/node', NODE],
    ['pnpm', 'pnpm', PNPM],
  ] as const) {
    const manifest = JSON.stringify({ name: `fake-${tool}`, version: '1.2.3' });
    const tarball = packageOf([
      { path: 'package.json', content: manifest },
      { path: file, content: script },
    ]);
    tarballs.set(`fake-${tool}`, tarball);
    if (tool === 'pnpm' && fetched.includes(tool)) {
      const folder = join(root, '.toolchain', `${tool}-1.2.3-${process.platform}-${process.arch}`);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, tool), script, { mode: 0o755 });
    }
    const pin = { package: `fake-${tool}`, integrity: integrityOf(tarball) };
    pins[tool] = { version: '1.2.3', file, platforms: { [platformKey(thisMachine)]: pin } };
  }
  const writePins = (): void => writeFileSync(join(bootstrap, 'toolchain.json'), JSON.stringify(pins));
  writePins();

  const downloads: string[] = [];
  const registry = createServer((request, response) => {
    const [, name = '', isTarball] = /^\/(fake-\w+)(\.tgz)?$/.exec(request.url ?? '') ?? [];
    const tarball = tarballs.get(name);
    if (tarball === undefined) response.writeHead(404).end('{}');
    else if (isTarball === undefined) {
      const dist = { tarball: `http://${request.headers.host}/${name}.tgz`, integrity: integrityOf(tarball) };
      const version = { name, version: '1.2.3', dist };
      response.end(JSON.stringify({ name, 'dist-tags': { latest: '1.2.3' }, versions: { '1.2.3': version } }));
    } else {
      downloads.push(name);
      response.end(tarball);
    }
  });
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
  const { port } = registry.address() as AddressInfo;

  const runAs = (version: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> =>
    new Promise((resolve) => {
      const pretence = join(home, `${version}.cjs`);
      writeFileSync(pretence, pretending(version));
      const child = execFile(
        process.execPath,
        ['--require', pretence, join(bootstrap, 'run.mjs'), ...args],
        {
          cwd: home,
          env: {
            PATH: process.env['PATH'],
            HOME: home,
            npm_config_registry: `http://127.0.0.1:${port}/`,
            npm_config_update_notifier: 'false',
            ...env,
          },
        },
        (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
      );
      child.stdin?.end();
    });

  return {
    root,
    downloads,
    run: (args, env) => runAs('26.0.0', args, env),
    runOnOldNode: (args, env) => runAs('20.20.2', args, env),
    pnpmCalls: () => {
      const log = join(root, 'pnpm-calls');
      return existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
    },
    tools: () => (existsSync(join(root, '.toolchain')) ? readdirSync(join(root, '.toolchain')).sort() : []),
    changePin: (tool, change) => {
      Object.assign(pins[tool]?.platforms[platformKey(thisMachine)] ?? {}, change);
      writePins();
    },
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => registry.close(resolve));
      rmSync(home, { recursive: true });
    },
  };
}

const pretending = (version: string): string =>
  `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });`;
