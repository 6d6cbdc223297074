// What a PostgreSQL server does by itself in the background and PGlite, alone in its process, does not.
import type { SqlExecutor } from './store.ts';

const MB = 1024 * 1024;
const MINUTE = 60_000; // milliseconds

/** When is it worth it? Each stops the process for some tenths of a second, all at once for seconds. */
export const LIMITS: Readonly<
  Record<'wal' | 'checkpointAfter' | 'walAtLeast' | 'deadRows' | 'vacuumAfter' | 'age', number>
> = {
  /** Bytes of the log since the last checkpoint: what has to be read again after a crash. */
  wal: 64 * MB,
  /** After this time a smaller log is worth a checkpoint too … */
  checkpointAfter: 5 * MINUTE,
  /** … but not one of next to nothing: an idle worker leaves the disk alone. */
  walAtLeast: 256 * 1024,
  /** Dead rows of a table for a vacuum at once, to which a tenth of the living ones is added; after an hour a tenth of it. */
  deadRows: 1000,
  vacuumAfter: 60 * MINUTE,
  /** Transactions a table may be behind. PostgreSQL refuses to work at 2 billion. */
  age: 150_000_000,
};

/** How often it is looked, in milliseconds. */
const INTERVAL = 15_000;

/**
 * Looks now and then, until it is stopped. Then nothing is read again at the next start: it ends with a checkpoint.
 *
 * @returns stops it, after what is running
 */
export function maintain(sql: SqlExecutor, onProblem: (error: unknown) => void): () => Promise<void> {
  const maintenance = new Maintenance(sql);
  let running: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    running = maintenance.run().catch(onProblem);
  }, INTERVAL).unref();
  return async () => {
    clearInterval(timer);
    await running;
    await sql.executeSql('checkpoint').catch(onProblem);
  };
}

/** Looks what is due and does it: `CHECKPOINT`, `VACUUM` table by table. */
export class Maintenance {
  readonly #sql: SqlExecutor;
  readonly #now: () => number;
  #checkpointed: number;
  #vacuumed: number;
  #running: Promise<readonly string[]> | undefined;

  constructor(sql: SqlExecutor, now: () => number = Date.now) {
    this.#sql = sql;
    this.#now = now;
    this.#checkpointed = now();
    this.#vacuumed = now();
  }

  /** @returns the statements that were due; a call while another one runs is that one */
  run(): Promise<readonly string[]> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(): Promise<readonly string[]> {
    const due = [...(await this.#vacuums()), ...(await this.#checkpoint())];
    for (const statement of due) await this.#sql.executeSql(statement); // one by one: others come in between
    return due;
  }

  async #checkpoint(): Promise<readonly string[]> {
    const written = await this.#number(
      'select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), redo_lsn)::float8 as n from pg_control_checkpoint()',
    );
    const late = this.#now() - this.#checkpointed >= LIMITS.checkpointAfter;
    if (written < (late ? LIMITS.walAtLeast : LIMITS.wal)) return [];
    this.#checkpointed = this.#now();
    return ['checkpoint'];
  }

  async #vacuums(): Promise<readonly string[]> {
    const age = await this.#number(
      `select max(greatest(age(relfrozenxid), mxid_age(relminmxid)))::float8 as n
         from pg_class where relkind in ('r', 't', 'm')`,
    );
    if (age > LIMITS.age) return ['vacuum (freeze)'];
    const late = this.#now() - this.#vacuumed >= LIMITS.vacuumAfter;
    if (late) this.#vacuumed = this.#now();
    await this.#sql.executeSql('select pg_stat_force_next_flush()'); // PostgreSQL counts with a second's delay
    const { rows } = await this.#sql.executeSql(
      `select format('vacuum (analyze) %I.%I', schemaname, relname) as statement from pg_stat_all_tables
        where n_dead_tup >= $1 * ($2 + 0.1 * n_live_tup) order by n_dead_tup desc`,
      [late ? 0.1 : 1, LIMITS['deadRows']],
    );
    return rows.map(({ statement }: { statement: string }) => statement);
  }

  async #number(query: string): Promise<number> {
    const { rows } = await this.#sql.executeSql(query);
    return Number(rows[0]?.n ?? 0);
  }
}
