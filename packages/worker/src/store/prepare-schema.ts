// Tables that fit this version, or a sentence saying that they do not.
import type { Kysely } from 'kysely';
import { migrate, pendingMigrations } from '../schema/migrate.ts';
import type { Tables } from '../schema/tables.ts';
import { StoreError } from './store-error.ts';

/**
 * Brings the tables up to date if it may.
 *
 * @throws StoreError `ERR_STORE_SCHEMA` when it may not and they are not
 */
export async function prepareSchema(db: Kysely<Tables>, mayMigrate: boolean): Promise<void> {
  const pending = await pendingMigrations(db);
  if (pending.length === 0) return;
  if (mayMigrate) {
    await migrate(db);
    return;
  }
  throw new StoreError(
    'ERR_STORE_SCHEMA',
    `The tables are not up to date (missing: ${pending.join(', ')}). Run "mailgrant worker migrate", or have the output of ` +
      '"mailgrant worker migrate --sql" run by whoever may change tables.',
  );
}
