// The environment of what runs inside the toolchain.
import { delimiter } from 'node:path';

const ADDED_BY_NPM_RUN =
  /^(INIT_CWD|npm_(command|execpath|node_execpath|(lifecycle|package)_.*|config_(cache_min|global|global_prefix|init_module|local_prefix|node_gyp|noproxy|npm_version|prefix|user_agent)))$/i;

/**
 * The environment without what an outer `npm run` adds; what the person set, such as npm_config_registry, stays.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv}
 */
export function withoutNpmRun(env) {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !ADDED_BY_NPM_RUN.test(name)));
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {{ folders: readonly string[], nodeVersion: string }} toolchain folders that go first in the PATH
 * @returns {NodeJS.ProcessEnv}
 */
export function insideToolchain(env, { folders, nodeVersion }) {
  const pathName = Object.keys(env).find((name) => name.toUpperCase() === 'PATH') ?? 'PATH'; // Windows says "Path"
  const registry = env['npm_config_registry'];
  return {
    ...withoutNpmRun(env),
    [pathName]: [...folders, env[pathName]].join(delimiter),
    // pnpm 12 reads its own names only. Its retries would otherwise take minutes where there is no network.
    ...(registry === undefined ? {} : { pnpm_config_registry: registry }),
    pnpm_config_fetch_retry_mintimeout: '200',
    pnpm_config_fetch_retry_maxtimeout: '1000',
    TURBO_TELEMETRY_DISABLED: '1',
    TURBO_NO_UPDATE_NOTIFIER: '1',
    // For tests that also run the built packages on the Node that the person has; the outermost run decides.
    MAILGRANT_HOST_NODE: env['MAILGRANT_HOST_NODE'] ?? process.execPath,
    // Part of turbo's keys: what passed on one Node was not run on another.
    MAILGRANT_NODE: nodeVersion,
  };
}
