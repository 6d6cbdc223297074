// Makes the toolchain ready: pnpm, a Node that suits the tools, and the installed workspace.
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { insideToolchain } from './environment.mjs';
import { fetchTool, isFetched, removeDrafts, toolFolder, Unavailable } from './fetch-tool.mjs';
import { install, isInstalled } from './install.mjs';
import { withLock } from './lock.mjs';
import { say } from './problem.mjs';
import { platformKey, suitsTheTools, thisMachine } from './versions.mjs';

/** @typedef {import('./fetch-tool.mjs').Pin} Pin */

/**
 * @param {string} root of the repository
 * @param {{ installed: boolean }} wanted whether the dependencies have to be in place, too
 * @returns {Promise<NodeJS.ProcessEnv>} the environment to run commands in
 */
export async function readyToolchain(root, wanted) {
  const cache = join(root, '.toolchain');
  const needsNode = !suitsTheTools(process.versions.node) && process.env['MAILGRANT_OWN_NODE'] === undefined;
  const pins = [pinOf(root, 'pnpm'), ...(needsNode ? [pinOf(root, 'node')] : [])];
  const isReady = () => pins.every((pin) => isFetched(cache, pin)) && (!wanted.installed || isInstalled(root));

  if (!isReady()) {
    mkdirSync(cache, { recursive: true });
    await withLock(join(cache, 'lock'), async () => {
      removeDrafts(cache);
      await fetchAll(cache, pins);
      if (wanted.installed && !isInstalled(root)) await install(root, environment(root, cache, pins));
    });
  }
  return environment(root, cache, pins);
}

/**
 * @param {string} cache
 * @param {readonly Pin[]} pins
 */
async function fetchAll(cache, pins) {
  const missing = pins.filter((pin) => !isFetched(cache, pin));
  const results = await Promise.allSettled(missing.map((pin) => fetchTool(cache, pin)));
  for (const [index, result] of results.entries()) {
    if (result.status === 'fulfilled') continue;
    // Without pnpm nothing works; without the newer Node most tools do, so they are worth a try.
    if (missing[index]?.name !== 'node' || !(result.reason instanceof Unavailable)) throw result.reason;
    say(`${result.reason.message}\n  Going on with Node ${process.versions.node}, which some of the tools may refuse.`);
    say('MAILGRANT_OWN_NODE=1 does so without trying; Node 22.18, 24.11 or 26 would be the remedy.');
  }
}

/**
 * @param {string} root
 * @param {string} cache
 * @param {readonly Pin[]} pins
 */
function environment(root, cache, pins) {
  const fetched = pins.filter((pin) => isFetched(cache, pin));
  return insideToolchain(process.env, {
    folders: [...fetched.map((pin) => toolFolder(cache, pin)), join(root, 'node_modules', '.bin')],
    nodeVersion: fetched.find((pin) => pin.name === 'node')?.version ?? process.versions.node,
  });
}

/**
 * @param {string} root
 * @param {'node' | 'pnpm'} name
 * @returns {Pin}
 */
function pinOf(root, name) {
  const pins = JSON.parse(readFileSync(join(root, 'tooling', 'bootstrap', 'toolchain.json'), 'utf8'));
  const { version, file, platforms } = pins[name];
  return { name, version, file, ...platforms[platformKey(thisMachine)] };
}
