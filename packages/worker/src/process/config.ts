// The configuration file: TypeScript or JavaScript, run as it is, with the configuration as its default export.
import { existsSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { StoreOptions } from '../store/store.ts';
import type { MailWorkerOptions } from '../worker.ts';
import { socketPathOf } from './control-server.ts';
import type { HttpOptions } from './http.ts';
import type { LogOptions } from './logger.ts';
import { ProcessError } from './process-error.ts';

/** What `mailgrant-worker` runs with. */
export interface WorkerConfig extends Omit<MailWorkerOptions, 'store'> {
  /** Where the mail is kept. A relative `dir` starts at the configuration file. */
  readonly store: StoreOptions;
  /** Where `/livez`, `/readyz` and `/metrics` are. `false`: nowhere. Default: port 9464 on loopback. */
  readonly http?: HttpOptions | false | undefined;
  readonly log?: LogOptions | undefined;
  /**
   * Path of the socket over which other processes of the same user talk to a worker with an embedded store. Default:
   * `worker.sock` in the store's directory.
   */
  readonly socket?: string | undefined;
  /** Milliseconds that mails on their way have to finish when the worker is stopped. @default 25_000 */
  readonly drain?: number | undefined;
}

/** Gives a configuration its type. */
export function defineConfig(config: WorkerConfig): WorkerConfig {
  return config;
}

export interface LoadedConfig {
  readonly file: string;
  readonly config: WorkerConfig;
  readonly store: StoreOptions;
  /** Absent with PostgreSQL, where everybody asks the database. */
  readonly socket: string | undefined;
}

/** Looked for where none is named. */
const CONFIG_FILES: readonly string[] = ['ts', 'mts', 'js', 'mjs'].map((ending) => `mailgrant.config.${ending}`);

/**
 * Loads a configuration.
 * @throws ProcessError `ERR_WORKER_CONFIG` for a file that is missing, that cannot be run, or that exports none
 */
export async function loadConfig(path: string | undefined, cwd: string): Promise<LoadedConfig> {
  const file = findConfig(path, cwd);
  const config = await importConfig(file);
  if (typeof config !== 'object' || config === null || !('store' in config) || !('mailboxes' in config)) {
    throw unusable(
      file,
      'its default export has no `store` and `mailboxes`; write `export default defineConfig({ … })`',
    );
  }
  const checked = config as WorkerConfig; // the rest is checked by whoever it is for
  const store = storeOf(checked.store, dirname(file), file);
  const socket =
    store.kind === 'embedded' ? resolve(dirname(file), checked.socket ?? socketPathOf(store.dir)) : undefined;
  return { file, config: checked, store, socket };
}

function findConfig(path: string | undefined, cwd: string): string {
  if (path !== undefined) {
    const file = resolve(cwd, path);
    if (existsSync(file)) return file;
    throw new ProcessError('ERR_WORKER_CONFIG', `There is no configuration ${file}.`);
  }
  const found = CONFIG_FILES.map((name) => resolve(cwd, name)).find((file) => existsSync(file));
  if (found !== undefined) return found;
  throw new ProcessError(
    'ERR_WORKER_CONFIG',
    `There is no ${CONFIG_FILES[0]} in ${cwd}. Name one with --config, or write one: https://github.com/mailgrant/mailgrant/tree/main/packages/worker/examples has one to begin with.`,
  );
}

async function importConfig(file: string): Promise<unknown> {
  if (/\.[cm]?ts$/.test(file) && !process.features.typescript) {
    throw unusable(
      file,
      `Node.js ${process.version} does not run TypeScript. Use Node.js 22.18 or later, or write the configuration as mailgrant.config.mjs`,
    );
  }
  let module: Record<string, unknown>;
  try {
    module = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (cause) {
    throw unusable(file, reasonOf(cause), cause);
  }
  const exported = module['default'];
  if (typeof exported !== 'function') return exported;
  try {
    return (await (exported as () => unknown)()) as unknown;
  } catch (cause) {
    throw unusable(file, reasonOf(cause), cause);
  }
}

function storeOf(store: StoreOptions, folder: string, file: string): StoreOptions {
  if (typeof store !== 'object' || store === null || (store.kind !== 'embedded' && store.kind !== 'postgres')) {
    throw unusable(file, "store.kind has to be 'embedded' or 'postgres'");
  }
  if (store.kind !== 'embedded' || typeof store.dir !== 'string' || isAbsolute(store.dir)) return store;
  return { ...store, dir: resolve(folder, store.dir) };
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const code = 'code' in cause ? String(cause.code) : '';
  if (code.includes('TYPESCRIPT')) {
    return `${cause.message}. Node.js takes types away and translates nothing: no enum, no namespace, no parameter properties`;
  }
  return cause.message;
}

function unusable(file: string, why: string, cause?: unknown): ProcessError {
  return new ProcessError('ERR_WORKER_CONFIG', `The configuration ${file} cannot be used: ${why}.`, { cause });
}
