// The queue engine, pg-boss, behind what the worker needs of it. A job says that something is due, and who is at it;
// what it is stands in our own tables. No other file imports pg-boss.
import { setTimeout as sleep } from 'node:timers/promises';
import { getConstructionPlans, PgBoss } from 'pg-boss';
import { StoreError } from './store/store-error.ts';
import type { SqlExecutor, Store } from './store/store.ts';

/** pg-boss's own schema. */
const ENGINE_SCHEMA = 'mailgrant_boss';

/** Milliseconds without a `touch()` after which a claim has ended and the job is claimed anew; the least pg-boss allows. */
export const CLAIM_TIME = 10_000;

const SECOND = 1_000;
const TEN_YEARS = 10 * 365 * 86_400; // seconds

export interface NewJob {
  /** A UUID. Of two jobs with the same one the second is not made. */
  readonly id: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Epoch milliseconds. */
  readonly dueAt: number;
  /** Higher ones are claimed first among those due. Default 0. */
  readonly priority?: number;
}

/** A claimed job. What is done with it is fenced: a claim that has ended can do nothing any more. */
export interface Claim {
  readonly queue: string;
  readonly id: string;
  /** Counts the claims of this job. */
  readonly retryCount: number;
  readonly data: unknown;
}

export interface Engine {
  /** Installs its tables where `migrate` allows it, and begins to look for claims that have ended. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Makes a queue where there is none. Before the first transaction that uses it. */
  openQueue(queue: string): Promise<void>;
  /** With `db`: as a part of that transaction. */
  enqueue(queue: string, jobs: readonly NewJob[], db?: SqlExecutor): Promise<void>;
  /** Claims jobs that are due, by priority, then age. With `db`: unless that transaction is undone. */
  claim(queue: string, count?: number, db?: SqlExecutor): Promise<readonly Claim[]>;
  /** Ends a claim and its job; `false` where the claim had ended. */
  complete(claim: Claim, db?: SqlExecutor): Promise<boolean>;
  /** Gives a claim back: its job is due at once. `false` where the claim had ended. */
  release(claim: Claim, db?: SqlExecutor): Promise<boolean>;
  /** Keeps claims alive; returns those that had ended. With `db`: nobody else gets them before that transaction ends. */
  touch(claims: readonly Claim[], db?: SqlExecutor): Promise<readonly Claim[]>;
  /** Takes jobs away that nobody has claimed. */
  discard(queue: string, ids: readonly string[], db?: SqlExecutor): Promise<void>;
  /** Ends all claims of a queue. For a store that belongs to this process alone, at its start: nobody else can hold one. */
  releaseAll(queue: string): Promise<number>;
  /** Which of these jobs wait or are claimed. */
  live(ids: readonly string[], db?: SqlExecutor): Promise<ReadonlySet<string>>;
}

export interface EngineOptions {
  readonly store: Store;
  /** `false`: enqueues only, and leaves the tables and the claims to others. */
  readonly claims: boolean;
  readonly migrate: boolean;
  readonly onProblem: (error: unknown) => void;
}

export function createEngine({ store, claims, migrate, onProblem }: EngineOptions): Engine {
  const boss = new PgBoss({
    db: store.executor(),
    ...(store.kind === 'embedded' && { backend: 'pglite' as const, reindex: false, monitorVacuum: false }),
    schema: ENGINE_SCHEMA,
    migrate,
    createSchema: migrate,
    schedule: false,
    supervise: claims,
    superviseIntervalSeconds: 3,
    monitorIntervalSeconds: 3,
    maintenanceIntervalSeconds: 3600,
  });
  boss.on('error', onProblem);
  const opened = new Map<string, Promise<void>>();
  const on = (db: SqlExecutor | undefined) => (db === undefined ? {} : { db });
  // Its declarations leave out what it returns.
  const affected = (response: object): boolean => 'affected' in response && Number(response.affected) > 0;

  const openQueue = async (queue: string): Promise<void> => {
    const settings = {
      heartbeatSeconds: CLAIM_TIME / SECOND,
      // A message may take long; a worker that is gone is known by its missing heartbeat.
      expireInSeconds: 6 * 3600,
      // pg-boss counts a lost claim as a retry, and must never give up by itself.
      retryLimit: 1_000_000,
      retryDelay: 0,
      retryBackoff: false,
      // It would delete what waits for longer, without a word.
      retentionSeconds: TEN_YEARS,
      deleteAfterSeconds: 3600,
    };
    if ((await boss.getQueue(queue)) === null) await boss.createQueue(queue, settings);
    // It looks a queue up at its first use, with a connection of its own: not in a transaction that has the only one.
    await boss.findJobs(queue, { id: '00000000-0000-0000-0000-000000000000' });
  };

  return {
    async start() {
      for (let attempt = 1; ; attempt++) {
        try {
          await boss.start();
          return;
        } catch (error) {
          // Several workers that make the tables at the same moment: one does, the others find something half there.
          if (!migrate && !isSqlError(error)) {
            const what = 'the tables of the engine are missing or of another version: run mailgrant-worker migrate';
            throw new StoreError('ERR_STORE_SCHEMA', what, { cause: error });
          }
          if (!(migrate && attempt < 5 && isSqlError(error))) throw error;
          await sleep(attempt * 200);
        }
      }
    },
    async stop() {
      await boss.stop({ graceful: false, close: false });
    },
    openQueue(queue) {
      const opening = opened.get(queue) ?? openQueue(queue);
      opened.set(queue, opening);
      opening.catch(() => opened.delete(queue));
      return opening;
    },
    async enqueue(queue, jobs, db) {
      if (jobs.length === 0) return;
      await boss.insert(
        queue,
        jobs.map(({ id, data, dueAt, priority = 0 }) => ({ id, data, priority, startAfter: new Date(dueAt) })),
        on(db),
      );
    },
    async claim(queue, count = 1, db) {
      const jobs = await boss.fetch<unknown>(queue, { batchSize: count, ...on(db) });
      return jobs.map(({ id, retryCount, data }) => ({ queue, id, retryCount, data }));
    },
    complete: async (claim, db) => affected(await boss.complete(claim.queue, claim, null, on(db))),
    release: async (claim, db) => affected(await boss.fail(claim.queue, claim, null, on(db))),
    async touch(held, db) {
      const ended: Claim[] = [];
      for (const claim of held) if (!affected(await boss.touch(claim.queue, claim, on(db)))) ended.push(claim);
      return ended;
    },
    async discard(queue, ids, db) {
      if (ids.length > 0) await boss.cancel(queue, [...ids], on(db));
    },
    async releaseAll(queue) {
      const { rows } = await store
        .executor()
        .executeSql(`select id from ${ENGINE_SCHEMA}.job where name = $1 and state = 'active'`, [queue]);
      const ids = rows.map((row: { id: string }) => row.id);
      if (ids.length > 0) await boss.fail(queue, ids);
      return ids.length;
    },
    async live(ids, db = store.executor()) {
      const { rows } = await db.executeSql(
        `select id from ${ENGINE_SCHEMA}.job where id = any($1::uuid[]) and state <= 'active'`,
        [ids],
      );
      return new Set(rows.map((row: { id: string }) => row.id));
    },
  };
}

const isSqlError = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && /^[0-9A-Z]{5}$/.test(String(error.code));

/** The engine's tables as SQL, for whoever does not let programs create tables. */
export function engineSql(): string {
  return getConstructionPlans(ENGINE_SCHEMA);
}
