// The door to both stores.
import { Pool } from 'pg';
import type { Store, StoreOptions } from './store.ts';

/**
 * Opens a store and brings its tables up to date.
 *
 * @throws TypeError for options that cannot work
 * @throws StoreError when the store cannot be opened: see docs/errors.md
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  checkOptions(options);
  // Each brings a database driver of its own: PGlite is 26 MB.
  if (options.kind === 'embedded') return (await import('./embedded-store.ts')).openEmbeddedStore(options);
  return (await import('./postgres-store.ts')).openPostgresStore(options);
}

function checkOptions(options: StoreOptions): void {
  const given: Partial<Record<string, unknown>> = { ...options }; // plain JavaScript may pass anything
  if (given['kind'] === 'embedded') {
    if (typeof given['dir'] !== 'string' || given['dir'] === '') refuse('dir', 'a directory', given['dir']);
    if (![undefined, 'power-loss', 'process-crash'].includes(given['durability'] as undefined)) {
      refuse('durability', "'power-loss' or 'process-crash'", given['durability']);
    }
    return;
  }
  if (given['kind'] !== 'postgres') refuse('kind', "'embedded' or 'postgres'", given['kind']);
  const { url, pool, connections } = given;
  if ((url === undefined) === (pool === undefined)) throw new TypeError('store: give either url or pool');
  if (url !== undefined && (typeof url !== 'string' || !/^postgres(ql)?:/.test(url))) {
    throw new TypeError('store.url has to be a connection string: postgres://user@host/database'); // without what it was: it may hold a password
  }
  if (pool !== undefined && !isPool(pool)) refuse('pool', 'a Pool of pg', typeof pool);
  if (connections !== undefined && (!Number.isSafeInteger(connections) || Number(connections) < 2)) {
    refuse('connections', 'a whole number of at least 2', connections);
  }
}

/** Another copy of pg has another class. */
const isPool = (value: unknown): boolean =>
  value instanceof Pool || (typeof value === 'object' && value !== null && 'connect' in value && 'query' in value);

function refuse(option: string, wanted: string, value: unknown): never {
  throw new TypeError(`store.${option} has to be ${wanted}, got ${JSON.stringify(value) ?? String(value)}`);
}
