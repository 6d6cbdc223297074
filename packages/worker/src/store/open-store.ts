// The door to both stores.
import { inspect } from 'node:util';
import { InputError } from '@mailgrant/core';
import type { Store, StoreOptions } from './store.ts';

/**
 * Opens a store and brings its tables up to date.
 *
 * @throws TypeError `ERR_INPUT_OPTION` for options that cannot work
 * @throws StoreError when the store cannot be opened: see docs/worker-errors.md
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  checkOptions(options);
  // Each brings a database driver of its own: PGlite is 26 MB.
  if (options.kind === 'embedded') return (await import('./embedded-store.ts')).openEmbeddedStore(options);
  return (await import('./postgres-store.ts')).openPostgresStore(options);
}

function checkOptions(options: StoreOptions): void {
  const given: Partial<Record<string, unknown>> = { ...options }; // plain JavaScript may pass anything
  const { kind, dir, durability = 'power-loss', url, pool, connections = 10 } = given;
  if (kind === 'embedded') {
    if (typeof dir !== 'string' || dir === '') refuse(`store.dir has to be a directory, not ${inspect(dir)}`);
    if (durability !== 'power-loss' && durability !== 'process-crash') {
      refuse(`store.durability has to be 'power-loss' or 'process-crash', not ${inspect(durability)}`);
    }
    return;
  }
  if (kind !== 'postgres') refuse(`store.kind has to be 'embedded' or 'postgres', not ${inspect(kind)}`);
  if ((url === undefined) === (pool === undefined)) refuse('store: give either url or pool');
  // Without what it was: it may hold a password.
  if (url !== undefined && (typeof url !== 'string' || !/^postgres(ql)?:/.test(url))) {
    refuse('store.url has to be a connection string: postgres://user@host/database');
  }
  if (pool !== undefined && !isPool(pool)) refuse('store.pool has to be a Pool of pg');
  if (!Number.isSafeInteger(connections) || Number(connections) < 2) {
    refuse(`store.connections has to be a whole number of at least 2, not ${inspect(connections)}`);
  }
}

/** Another copy of pg has another class. */
const isPool = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'connect' in value && 'query' in value;

function refuse(message: string): never {
  throw new InputError('ERR_INPUT_OPTION', message);
}
