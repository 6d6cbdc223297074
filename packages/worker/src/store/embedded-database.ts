// PGlite as a good neighbour: one statement or transaction at a time, the event loop in between, and no statement more
// once something went wrong that PostgreSQL cannot undo.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PGlite } from '@electric-sql/pglite';
import type { PGlite as KyselyPGlite } from 'kysely';
import { Mutex } from './mutex.ts';
import type { SqlExecutor } from './store.ts';
import { StoreError } from './store-error.ts';

type Query = KyselyPGlite['query'];

export class EmbeddedDatabase implements KyselyPGlite, SqlExecutor {
  readonly #pglite: PGlite;
  readonly #mutex = new Mutex();
  /** What the disk refused, if it did: then nothing that PostgreSQL says can be trusted. */
  readonly #diskFailure: () => unknown;
  readonly #onBroken: (error: StoreError) => void;
  #broken: StoreError | undefined;

  constructor(pglite: PGlite, diskFailure: () => unknown, onBroken: (error: StoreError) => void) {
    this.#pglite = pglite;
    this.#diskFailure = diskFailure;
    this.#onBroken = onBroken;
  }

  get ready(): boolean {
    return this.#pglite.ready;
  }
  get closed(): boolean {
    return this.#pglite.closed;
  }
  get waitReady(): Promise<void> {
    return this.#pglite.waitReady;
  }

  query: Query = (text, parameters, options) =>
    this.#mutex.run(() => this.#guard(() => this.#pglite.query(text, parameters, options)));

  transaction<T>(run: Parameters<KyselyPGlite['transaction']>[0]): Promise<T> {
    return this.#mutex.run(
      () =>
        this.#guard(() =>
          this.#pglite.transaction((transaction) =>
            run({
              query: (text, parameters, options) => this.#guard(() => transaction.query(text, parameters, options)),
              rollback: () => transaction.rollback(),
            }),
          ),
        ) as Promise<T>,
    );
  }

  /** Several statements where there are no values, as pg-boss's own connection does. */
  executeSql(text: string, values: unknown[] = []): ReturnType<SqlExecutor['executeSql']> {
    return this.#mutex.run(() =>
      this.#guard(async () => {
        if (values.length > 0) return this.#pglite.query(text, values);
        try {
          const results = await this.#pglite.exec(text);
          return { rows: results.flatMap(({ rows }) => rows) };
        } catch (error) {
          // The text may have begun a transaction, and the session is everybody's.
          await this.#pglite.exec('rollback').catch(() => undefined); // the first error is the one that counts
          throw error;
        }
      }),
    );
  }

  listen(channel: string, onNotify: (payload: string) => void): Promise<() => Promise<void>> {
    return this.#mutex.run(async () => {
      const stop = await this.#guard(() => this.#pglite.listen(channel, onNotify));
      return () => this.#mutex.run(() => (this.closed ? Promise.resolve() : stop()));
    });
  }

  /** Waits for what is running. */
  close(): Promise<void> {
    return this.#mutex.run(() => (this.closed ? Promise.resolve() : this.#pglite.close()));
  }

  async #guard<T>(run: () => Promise<T>): Promise<T> {
    if (this.#broken !== undefined) throw this.#broken;
    if (this.closed) throw new StoreError('ERR_STORE_CLOSED', 'The store is closed.');
    try {
      return await run();
    } catch (error) {
      throw isFatal(error) ? this.#break(error) : error;
    } finally {
      if (this.#diskFailure() !== undefined) this.#break(this.#diskFailure());
      // A statement is synchronous underneath: without this, a row of them keeps timers and sockets waiting.
      await nextTurn();
    }
  }

  #break(cause: unknown): StoreError {
    if (this.#broken === undefined) {
      this.#broken = new StoreError(
        'ERR_STORE_BROKEN',
        `PostgreSQL in this process stopped working (${String(cause)}). Nothing acknowledged is lost: start the process ` +
          'again, and look at disk space and the disk first.',
        { cause },
      );
      this.#onBroken(this.#broken);
    }
    return this.#broken;
  }
}

/** WebAssembly that trapped or left, or PostgreSQL in panic: its memory cannot be trusted. Its files can. */
function isFatal(error: unknown): boolean {
  if (!(error instanceof Error)) return typeof error === 'object' && error !== null && 'status' in error; // ExitStatus
  return error.name === 'RuntimeError' || ('severity' in error && error.severity === 'PANIC');
}
