// All migrations, in the order of their names. A published one is never changed; another one comes after it.
import { outbox } from './0001-outbox.ts';

export const MIGRATIONS: Readonly<Record<string, readonly string[]>> = {
  '0001-outbox': outbox,
};
