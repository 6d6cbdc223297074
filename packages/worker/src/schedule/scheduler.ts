// Runs the occurrences that become due: claims their jobs, keeps the claims alive, looks after what got stuck.
import { type Claim, CLAIM_TIME } from '../engine.ts';
import { storedTiming } from './definition.ts';
import { type Made, makeMails } from './make-mails.ts';
import { beginRun, endRun, type RunTools } from './occurrence-run.ts';
import {
  type Advanced,
  advanceSchedule,
  OCCURRENCES,
  type OccurrenceJob,
  reviveJobs,
  type Rows,
  saveSchedule,
} from './schedule-rows.ts';

/** Occurrences at a time. */
const CONCURRENCY = 4;
/** Milliseconds between two looks at the queue when nothing is known to be due. */
const POLL = 1000;
const RECONCILE = 60_000;
/** Milliseconds, at most, before a claim is given back over something unforeseen. */
const LONGEST_PAUSE = 30_000;
/** Milliseconds after an occurrence in which its job is looked for more often. */
const SOON = 500;

const STOPPED = new Error('the worker stops');

/** What happens to occurrences. Holds no address, except where an error that your functions throw has one. */
export type ScheduleEvent =
  | { readonly type: 'run-started' | 'run-lost'; readonly scheduleId: string; readonly occurrence: number }
  | { readonly type: 'run-done'; readonly scheduleId: string; readonly occurrence: number; readonly mails: number }
  | {
      readonly type: 'run-failed';
      readonly scheduleId: string;
      readonly occurrence: number;
      readonly error: unknown;
      /** `false`: it was given up. */
      readonly again: boolean;
    }
  | {
      readonly type: 'run-skipped';
      readonly scheduleId: string;
      /** The first and the last one that were left out. */
      readonly first: number;
      readonly last: number;
      readonly reason: 'missed' | 'overlap';
    };

export interface SchedulerOptions extends RunTools {
  readonly onEvent: (event: ScheduleEvent) => void;
  /** Told of what went wrong where nobody awaits; it is tried again. */
  readonly onProblem: (error: unknown) => void;
}

export interface Scheduler {
  /** Takes over the definitions, plans what is due, and begins to run it. */
  start(): Promise<void>;
  /** Takes nothing new; gives back what is not finished when `signal` aborts. */
  stop(options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** Plans what is due and finds what got stuck. Runs by itself every minute. */
  reconcile(): Promise<void>;
  /** Looks at the queue now. */
  wake(): void;
}

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { store, engine, schedules, now, onProblem } = options;
  const held = new Map<Claim, AbortController>();
  const working = new Set<Promise<void>>();
  const timings = [...schedules.values()].map(({ stored }) => storedTiming(stored));
  const timers: NodeJS.Timeout[] = [];
  let stopping = false;
  let halted = false;
  let looping: Promise<void> | undefined;
  let reconciling: Promise<void> | undefined;
  let wake = (): void => {};

  const inTransaction = <T>(work: (rows: Rows) => Promise<T>): Promise<T> =>
    store.transaction(async (trx) => work({ trx, db: store.executor(trx), engine }));

  function onEvent(event: ScheduleEvent): void {
    try {
      const result: unknown = options.onEvent(event);
      if (result instanceof Promise) result.catch(onProblem);
    } catch (error) {
      onProblem(error); // a listener's mistake must not look like a failed occurrence
    }
  }

  function note(scheduleId: string, advanced: Advanced | undefined): void {
    if (advanced === undefined) return;
    const { run, skipped } = advanced;
    if (skipped !== undefined) onEvent({ type: 'run-skipped', scheduleId, ...skipped, reason: 'missed' });
    if (run.length > 0) wake();
  }

  /** One at a time. */
  function reconcile(): Promise<void> {
    reconciling ??= planAll().finally(() => (reconciling = undefined));
    return reconciling;
  }

  async function planAll(): Promise<void> {
    const failures: unknown[] = [];
    for (const { id } of schedules.values()) {
      if (stopping) return;
      try {
        note(id, await inTransaction((rows) => plan(rows, id)));
      } catch (error) {
        failures.push(error); // the others are planned all the same
      }
    }
    wake();
    if (failures.length > 0) throw failures[0];
  }

  async function plan(rows: Rows, id: string): Promise<Advanced | undefined> {
    const advanced = await advanceSchedule(rows, id, now());
    await reviveJobs(rows, id, advanced?.next, now());
    return advanced;
  }

  async function work(claim: Claim, leaving: AbortController): Promise<void> {
    const job = jobOf(claim);
    if (job === undefined) return void (await engine.complete(claim)); // not ours
    const { scheduleId, occurrence } = job;
    const begun = await beginRun(options, claim, job);
    note(scheduleId, begun.advanced);
    if (begun.verdict === 'skip') {
      onEvent({ type: 'run-skipped', scheduleId, first: occurrence, last: occurrence, reason: 'overlap' });
    }
    if (begun.verdict !== 'run') return;
    onEvent({ type: 'run-started', scheduleId, occurrence });
    const making = makeMails(options, begun.schedule, job, leaving.signal);
    // Whoever yields recipients may never look at the signal.
    const made = await Promise.race([making, untilAborted(leaving.signal)]).catch((error: unknown): Made => {
      leaving.signal.throwIfAborted();
      return { mails: 0, failed: 0, error };
    });
    const ended = await endRun(options, claim, job, begun.schedule, made);
    if (ended === 'done') onEvent({ type: 'run-done', scheduleId, occurrence, mails: made.mails });
    else if (ended === 'lost') onEvent({ type: 'run-lost', scheduleId, occurrence });
    else onEvent({ type: 'run-failed', scheduleId, occurrence, error: made.error, again: ended === 'again' });
  }

  async function hold(claim: Claim): Promise<void> {
    const leaving = new AbortController();
    held.set(claim, leaving);
    if (halted) leaving.abort(STOPPED);
    try {
      await work(claim, leaving);
    } catch (error) {
      if (!leaving.signal.aborted) {
        onProblem(error);
        // What fails at once would fail again at once.
        const pause = Math.min(POLL * 2 ** Math.min(claim.retryCount, 10), LONGEST_PAUSE);
        await rest(untilAborted(leaving.signal), pause).catch(() => {});
      }
      // Due again at once for whoever is there. A database that is gone ends the claim by itself, later.
      await engine.release(claim).catch(onProblem);
    } finally {
      held.delete(claim);
    }
  }

  async function loop(): Promise<void> {
    while (!stopping) {
      const woken = new Promise<void>((resolve) => (wake = resolve));
      try {
        const room = CONCURRENCY - held.size;
        const claims = room > 0 ? await engine.claim(OCCURRENCES, room) : [];
        for (const claim of claims) {
          const done = hold(claim).finally(() => {
            working.delete(done);
            wake();
          });
          working.add(done);
        }
        if (claims.length === 0) await rest(woken, untilNext());
      } catch (error) {
        onProblem(error);
        await rest(woken, POLL);
      }
    }
  }

  /** Milliseconds to the next look: soon after an occurrence, whose job PostgreSQL's clock may let go a little later. */
  function untilNext(): number {
    const moment = now();
    const nexts = timings.map((timing) => timing.next(moment - SOON) ?? Infinity);
    const next = Math.min(...nexts) - moment;
    return next <= 0 ? SOON / 10 : Math.min(POLL, next + 5);
  }

  async function beat(): Promise<void> {
    for (const claim of await engine.touch([...held.keys()])) held.get(claim)?.abort(new Error('the claim has ended'));
  }

  return {
    async start() {
      await engine.openQueue(OCCURRENCES);
      if (store.kind === 'embedded') await engine.releaseAll(OCCURRENCES);
      for (const schedule of schedules.values()) await inTransaction((rows) => saveSchedule(rows, schedule, now()));
      await reconcile();
      timers.push(setInterval(() => void beat().catch(onProblem), CLAIM_TIME / 3));
      timers.push(setInterval(() => void reconcile().catch(onProblem), RECONCILE));
      looping = loop();
    },
    async stop({ signal } = {}) {
      stopping = true;
      wake();
      const halt = (): void => {
        halted = true;
        for (const leaving of held.values()) leaving.abort(STOPPED);
      };
      if (signal === undefined || signal.aborted) halt();
      else signal.addEventListener('abort', halt, { once: true });
      await looping;
      await Promise.all(working);
      signal?.removeEventListener('abort', halt);
      for (const timer of timers) clearInterval(timer);
      await reconciling?.catch(() => {}); // whoever began it is told
    },
    reconcile,
    wake: () => wake(),
  };
}

function jobOf({ data }: Claim): OccurrenceJob | undefined {
  if (typeof data !== 'object' || data === null) return undefined;
  const { scheduleId, occurrence, turn } = data as Partial<Record<keyof OccurrenceJob, unknown>>;
  if (typeof scheduleId !== 'string' || typeof occurrence !== 'number' || typeof turn !== 'number') return undefined;
  return { scheduleId, occurrence, turn };
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

async function rest(woken: Promise<void>, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([
    woken,
    new Promise<void>((resolve) => {
      timer = setTimeout(resolve, milliseconds);
    }),
  ]);
  clearTimeout(timer);
}
