// The rows of a schedule: what it says now, and which of its occurrences are decided about. Every change happens under a lock
// on the schedule's row, so that any number of workers decide alike and once.
import type { Transaction } from 'kysely';
import type { Engine, NewJob } from '../engine.ts';
import type { Tables } from '../schema/tables.ts';
import type { SqlExecutor } from '../store/store.ts';
import { type Schedule, type StoredSchedule, storedTiming } from './definition.ts';
import { occurrenceJobId } from './job-id.ts';
import { ON_TIME, planOccurrences } from './missed.ts';

/** The queue of all occurrences. */
export const OCCURRENCES = 'occurrence';

/** What a job says: that this occurrence is due. `turn` counts how often it was put off. */
export interface OccurrenceJob {
  readonly scheduleId: string;
  readonly occurrence: number;
  readonly turn: number;
}

export interface Rows {
  readonly trx: Transaction<Tables>;
  /** The same transaction, for the engine. */
  readonly db: SqlExecutor;
  readonly engine: Engine;
}

export interface Advanced {
  readonly paused: boolean;
  /** Occurrences that are to run now. */
  readonly run: readonly number[];
  /** What was left out for good by this call. */
  readonly skipped: { readonly first: number; readonly last: number } | undefined;
  /** Epoch milliseconds. */
  readonly next: number | undefined;
}

/** Takes over what the configuration says of a schedule; returns whether that was news. */
export async function saveSchedule({ trx }: Rows, { id, mailbox, stored }: Schedule, now: number): Promise<boolean> {
  const definition = JSON.stringify(stored);
  // What is planned for one moment must not be lost by a start that takes a second too long.
  const cursor = new Date(stored.at === undefined ? now : now - ON_TIME);
  const created = await trx
    .insertInto('schedule')
    .values({ id, mailbox_id: mailbox, definition, cursor })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .returning('id')
    .executeTakeFirst();
  if (created !== undefined) return true;
  const row = await trx.selectFrom('schedule').selectAll().where('id', '=', id).forUpdate().executeTakeFirstOrThrow();
  const before = row.definition as unknown as StoredSchedule;
  if (row.mailbox_id === mailbox && isSame(before, stored)) return false;
  await trx
    .updateTable('schedule')
    .set({
      mailbox_id: mailbox,
      definition,
      version: row.version + 1,
      // Nobody was promised the new moments that lie behind us.
      ...(!isSame(timesOf(before), timesOf(stored)) && {
        cursor: new Date(Math.max(row.cursor.getTime(), cursor.getTime())),
      }),
    })
    .where('id', '=', id)
    .execute();
  return true;
}

/**
 * Decides about everything that is due: makes the rows and the jobs of what is to run, and the job of what comes next. Doing
 * it twice does it once. `undefined`: there is no such schedule.
 */
export async function advanceSchedule(rows: Rows, id: string, now: number): Promise<Advanced | undefined> {
  const { trx, db, engine } = rows;
  const row = await trx.selectFrom('schedule').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();
  if (row === undefined) return undefined;
  const cursor = row.cursor.getTime();
  if (row.paused_at !== null) {
    // What comes while it is paused is not made up for.
    await moveCursor(trx, id, Math.max(cursor, now), undefined);
    return { paused: true, run: [], skipped: undefined, next: undefined };
  }
  const stored = row.definition as unknown as StoredSchedule;
  const { run, skipped, next } = planOccurrences(storedTiming(stored), { ...stored, cursor, now });
  if (run.length > 0) {
    await trx
      .insertInto('mail_run')
      .values(run.map((moment) => ({ schedule_id: id, occurrence: new Date(moment), state: 'running' as const })))
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
  if (skipped !== undefined) await noteSkipped(trx, id, skipped, now);
  const decided = Math.max(cursor, run.at(-1) ?? cursor, skipped?.last ?? cursor);
  if (decided !== cursor || next !== row.next_at?.getTime()) await moveCursor(trx, id, decided, next);
  const due = next === undefined ? run : [...run, next];
  await engine.enqueue(
    OCCURRENCES,
    due.map((moment) => occurrenceJob(id, moment)),
    db,
  );
  return { paused: false, run, skipped, next };
}

/** The job of an occurrence; `dueAt` other than its time when it is put off. */
function occurrenceJob(scheduleId: string, occurrence: number, turn: number = 0, dueAt: number = occurrence): NewJob {
  const data: OccurrenceJob = { scheduleId, occurrence, turn };
  return { id: occurrenceJobId(scheduleId, occurrence, turn), data: { ...data }, dueAt };
}

/** Another job for an occurrence whose job has ended: that one keeps its id for a while. */
export async function nextTurn({ trx, db, engine }: Rows, job: OccurrenceJob, dueAt: number): Promise<void> {
  const { scheduleId, occurrence, turn } = job;
  await trx
    .updateTable('mail_run')
    .set({ turn: turn + 1 })
    .where('schedule_id', '=', scheduleId)
    .where('occurrence', '=', new Date(occurrence))
    .execute();
  await engine.enqueue(OCCURRENCES, [occurrenceJob(scheduleId, occurrence, turn + 1, dueAt)], db);
}

/**
 * Occurrences that are to run, and the next one, whose jobs are gone get others: whatever happened to the queue, our rows
 * know them. Returns how many.
 */
export async function reviveJobs(rows: Rows, id: string, next: number | undefined, now: number): Promise<number> {
  const { trx, db, engine } = rows;
  const open = await trx
    .selectFrom('mail_run')
    .select(['occurrence', 'turn'])
    .where('schedule_id', '=', id)
    .where('state', '=', 'running')
    .forUpdate()
    .execute();
  const jobs = open.map(({ occurrence, turn }) => ({ scheduleId: id, occurrence: occurrence.getTime(), turn }));
  const ids = jobs.map(({ occurrence, turn }) => occurrenceJobId(id, occurrence, turn));
  const live = await engine.live(ids, db);
  const lost = jobs.filter((_, index) => !live.has(ids[index] ?? ''));
  for (const job of lost) await nextTurn(rows, job, now);
  if (next !== undefined) await engine.enqueue(OCCURRENCES, [occurrenceJob(id, next)], db);
  return lost.length;
}

async function noteSkipped(
  trx: Transaction<Tables>,
  id: string,
  { first, last }: { readonly first: number; readonly last: number },
  now: number,
): Promise<void> {
  const from = first === last ? '' : `, and those since ${new Date(first).toISOString()}`;
  await trx
    .insertInto('mail_run')
    .values({
      schedule_id: id,
      occurrence: new Date(last),
      state: 'skipped',
      error: `missed: no worker ran${from}`,
      ended_at: new Date(now),
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

async function moveCursor(
  trx: Transaction<Tables>,
  id: string,
  cursor: number,
  next: number | undefined,
): Promise<void> {
  await trx
    .updateTable('schedule')
    .set({ cursor: new Date(cursor), next_at: next === undefined ? null : new Date(next) })
    .where('id', '=', id)
    .execute();
}

const timesOf = ({ cron, timeZone, at, from, until }: StoredSchedule): object => ({ cron, timeZone, at, from, until });

/** jsonb keeps no order. */
function isSame(one: object, other: object): boolean {
  const text = (value: object) => JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  return text(one) === text(other);
}
