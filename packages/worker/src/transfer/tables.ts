// What is moved from one store to another, in an order in which every row finds those it names.
import { type Kysely, sql } from 'kysely';
import { SCHEMA } from '../store/store.ts';
import type { Tables } from '../schema/tables.ts';

/** First line of an export. */
export const FORMAT = 'mailgrant-outbox';
export const VERSION = 1;

/**
 * Left out: leases, which end with the workers that hold them; bodies, which are lines of their own; and the engine's jobs,
 * which the worker makes anew from what is due.
 */
export const MOVED: readonly (keyof Tables)[] = [
  'mailbox',
  'mailbox_usage',
  'schedule',
  'suppression',
  'mail',
  'mail_recipient',
  'mail_attempt',
  'mail_run',
  'event',
];

/** Made by any worker that starts, so an import may replace them. */
export const REPLACED: readonly (keyof Tables)[] = ['mailbox', 'schedule'];

/** The columns of a table, in no order that matters. */
export async function columnsOf(db: Kysely<Tables>, table: keyof Tables): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`
    select attname as name from pg_attribute
    where attrelid = ${`${SCHEMA}.${table}`}::regclass and attnum > 0 and not attisdropped and attgenerated = ''`.execute(
    db,
  );
  return rows.map(({ name }) => name);
}
