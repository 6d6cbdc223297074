// What the worker keeps its mail in: PostgreSQL inside its own process, or a server. The one interface everything else uses.
import type { Kysely, Transaction } from 'kysely';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { Tables } from '../schema/tables.ts';

/** The schema that holds our tables. pg-boss has its own, `mailgrant_boss`. */
export const SCHEMA = 'mailgrant';

/** Runs SQL text with `$1` parameters, or several statements without parameters. What pg-boss wants as its database. */
export interface SqlExecutor {
  // oxlint-disable-next-line typescript/no-explicit-any -- pg-boss's own declaration
  executeSql(text: string, values?: unknown[]): Promise<{ rows: any[] }>;
}

/** An open store. Whoever opened it closes it. */
export interface Store {
  readonly kind: 'embedded' | 'postgres';
  /** Our tables, found without naming the schema. */
  readonly db: Kysely<Tables>;
  /** Bodies too large for a row. */
  readonly blobs: BlobStore;
  /**
   * Commits what `run` did when it resolves, undoes it when it rejects. On the embedded store transactions run one after
   * another: inside `run`, use `trx` only, for `db` would wait for the transaction that waits for it.
   */
  transaction<T>(run: (trx: Transaction<Tables>) => Promise<T>): Promise<T>;
  /** What pg-boss runs its SQL with: on this store, or as a part of a transaction of it. */
  executor(trx?: Transaction<Tables>): SqlExecutor;
  /**
   * Calls back for each NOTIFY on the channel. Notifications are hints and can be missed (a lost connection is opened
   * again, what came in between is gone): whoever waits for one looks for himself now and then.
   *
   * @returns ends the listening
   */
  listen(channel: string, onNotify: (payload: string) => void): Promise<() => Promise<void>>;
  /** Resolves when the database answers. */
  check(): Promise<void>;
  /** Lets go of files, locks and connections. A pool that was handed in stays open. */
  close(): Promise<void>;
}

/** PostgreSQL (PGlite) in this process, in a directory that belongs to this process alone. */
export interface EmbeddedStoreOptions {
  readonly kind: 'embedded';
  /** On a local disk; created where it is missing. */
  readonly dir: string;
  /**
   * What an acknowledged mail survives. `power-loss`: everything is flushed to the disk, and it is tested at start that
   * this happens. `process-crash`: the operating system writes when it likes; several times faster.
   *
   * @default 'power-loss'
   */
  readonly durability?: 'power-loss' | 'process-crash';
}

/** A `Pool` of `pg`, by its shape: who has none needs no types of it either. */
export interface PostgresPoolLike {
  connect(): Promise<unknown>;
  query(text: string): Promise<unknown>;
  end(): Promise<void>;
}

/** A PostgreSQL server, version 13 or later, for any number of workers. */
export interface PostgresStoreOptions {
  readonly kind: 'postgres';
  /** A connection string. Either this or `pool`. */
  readonly url?: string;
  /** A pool of your own; the store leaves it open. */
  readonly pool?: PostgresPoolLike;
  /** How many connections there may be with `url`. @default 10 */
  readonly connections?: number;
}

export type StoreOptions = (EmbeddedStoreOptions | PostgresStoreOptions) & {
  /** Bring the tables up to date. Without it, tables that are not up to date are an error. @default true */
  readonly migrate?: boolean;
  /**
   * Told of what went wrong in the background, where nobody awaits: a lost idle connection, maintenance that failed and
   * will be tried again.
   */
  readonly onProblem?: (error: unknown) => void;
};
