// One occurrence: what the claim of its job begins, and how it ends. Begun again wherever it was interrupted.
import type { Transaction } from 'kysely';
import { printable } from '../delivery/failure.ts';
import type { Claim, Engine } from '../engine.ts';
import type { Outbox } from '../outbox/outbox.ts';
import type { RunState, Tables } from '../schema/tables.ts';
import type { SqlExecutor, Store } from '../store/store.ts';
import { withoutAddresses } from '../without-addresses.ts';
import type { Schedule } from './definition.ts';
import type { Made } from './make-mails.ts';
import { isOverlapping } from './overlap.ts';
import { advanceSchedule, type Advanced, nextTurn, type OccurrenceJob } from './schedule-rows.ts';

/** Milliseconds: how long an occurrence waits for the one before, and for a worker that knows its schedule. */
const WAIT = 5000;

/** Milliseconds from one attempt to the next: at first, and at most. */
const RETRY_FIRST = 30_000;
const RETRY_MOST = 15 * 60_000;

export interface RunTools {
  readonly store: Store;
  readonly engine: Engine;
  readonly outbox: Outbox;
  readonly schedules: ReadonlyMap<string, Schedule>;
  readonly worker: string;
  readonly now: () => number;
}

/** What became of a claim. `run`: this worker is to make its mails. */
export type Begun =
  | { readonly verdict: 'run'; readonly schedule: Schedule; readonly advanced: Advanced }
  | { readonly verdict: 'nothing' | 'later'; readonly advanced?: Advanced | undefined }
  | { readonly verdict: 'skip'; readonly advanced: Advanced };

/** Decides, under the schedule's lock, what to do with the job of an occurrence. */
export async function beginRun(tools: RunTools, claim: Claim, job: OccurrenceJob): Promise<Begun> {
  const { store, engine } = tools;
  const schedule = tools.schedules.get(job.scheduleId);
  return store.transaction(async (trx) => {
    const db = store.executor(trx);
    if (schedule === undefined) return { verdict: await leaveToOthers(tools, trx, claim, job) };
    // The database's clock, which decided that it is due, may be ahead of this one.
    const now = Math.max(tools.now(), job.occurrence);
    const advanced = await advanceSchedule({ trx, db, engine }, job.scheduleId, now);
    const run = await lockRun(trx, job);
    // Planned only now, by the job of a worker that did not know the schedule and put it off.
    const turn = advanced?.run.includes(job.occurrence) === true ? job.turn : run?.turn;
    if (advanced === undefined || run?.state !== 'running' || turn !== job.turn) {
      await engine.complete(claim, db); // left out, of another version of the schedule, done before, or put off
      return { verdict: 'nothing', advanced };
    }
    const overlapping = await isOverlapping(trx, job, schedule.stored.overlap);
    if (overlapping === 'wait') {
      await putOff(engine, trx, claim, job, tools.now() + WAIT, db);
      return { verdict: 'later', advanced };
    }
    const change = trx
      .updateTable('mail_run')
      .where('schedule_id', '=', job.scheduleId)
      .where('occurrence', '=', new Date(job.occurrence));
    if (overlapping === 'skip') {
      await change
        .set({
          state: 'skipped',
          error: 'overlap: mails of an earlier occurrence were still waiting',
          ended_at: new Date(now),
        })
        .execute();
      await engine.complete(claim, db);
      return { verdict: 'skip', advanced };
    }
    await change.set({ worker: tools.worker, turn }).execute();
    return { verdict: 'run', schedule, advanced };
  });
}

/**
 * A worker that knows this schedule, of another version maybe, gets its chance; less and less often. Nothing is planned: where
 * nobody knows it any more, nothing is to pile up.
 */
async function leaveToOthers(
  { store, engine, now }: RunTools,
  trx: Transaction<Tables>,
  claim: Claim,
  job: OccurrenceJob,
): Promise<'nothing' | 'later'> {
  const db = store.executor(trx);
  const row = await trx
    .selectFrom('schedule')
    .select('id')
    .where('id', '=', job.scheduleId)
    .forUpdate()
    .executeTakeFirst();
  const run = await lockRun(trx, job);
  if (row === undefined || (run !== undefined && (run.state !== 'running' || run.turn !== job.turn))) {
    await engine.complete(claim, db);
    return 'nothing';
  }
  await putOff(engine, trx, claim, job, now() + Math.min(WAIT * 2 ** Math.min(job.turn, 10), RETRY_MOST), db);
  return 'later';
}

function lockRun(
  trx: Transaction<Tables>,
  { scheduleId, occurrence }: OccurrenceJob,
): Promise<{ readonly state: RunState; readonly turn: number } | undefined> {
  return trx
    .selectFrom('mail_run')
    .select(['state', 'turn'])
    .where('schedule_id', '=', scheduleId)
    .where('occurrence', '=', new Date(occurrence))
    .forUpdate()
    .executeTakeFirst();
}

/** `again`: another attempt comes. `lost`: the claim had ended, somebody else is at it. */
export type Ended = 'done' | 'again' | 'failed' | 'lost';

/** Closes an occurrence: done, to be tried again, or given up once its grace has passed. */
export async function endRun(
  { store, engine, now }: Pick<RunTools, 'store' | 'engine' | 'now'>,
  claim: Claim,
  job: OccurrenceJob,
  schedule: Schedule,
  made: Made,
): Promise<Ended> {
  return store.transaction(async (trx) => {
    const db = store.executor(trx);
    const well = made.failed === 0 && made.error === undefined;
    const retryAt = now() + Math.min(RETRY_FIRST * 2 ** Math.min(job.turn, 10), RETRY_MOST);
    const again = !well && retryAt <= job.occurrence + Math.max(schedule.stored.missedGrace, RETRY_MOST);
    const mine = again ? await putOff(engine, trx, claim, job, retryAt, db) : await engine.complete(claim, db);
    if (!mine) return 'lost';
    await trx
      .updateTable('mail_run')
      .set({
        mails: made.mails,
        error: well ? null : problemOf(made),
        ...(!again && { state: well ? ('done' as const) : ('failed' as const), ended_at: new Date(now()) }),
      })
      .where('schedule_id', '=', job.scheduleId)
      .where('occurrence', '=', new Date(job.occurrence))
      .where('state', '=', 'running')
      .execute();
    return again ? 'again' : well ? 'done' : 'failed';
  });
}

async function putOff(
  engine: Engine,
  trx: Transaction<Tables>,
  claim: Claim,
  job: OccurrenceJob,
  dueAt: number,
  db: SqlExecutor,
): Promise<boolean> {
  if (!(await engine.complete(claim, db))) return false;
  await nextTurn({ trx, db, engine }, job, dueAt);
  return true;
}

function problemOf({ failed, error }: Made): string {
  const message = error instanceof Error ? error.message : String(error);
  const mails = failed === 1 ? 'mail' : 'mails';
  return printable(withoutAddresses(failed > 0 ? `${failed} ${mails} could not be made: ${message}` : message));
}
