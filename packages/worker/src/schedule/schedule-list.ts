// Schedules as people look at them, and what people do to them.
import { type Kysely, sql } from 'kysely';
import type { RunState, Tables } from '../schema/tables.ts';
import { type StoredSchedule, storedTiming } from './definition.ts';
import { nextOccurrences } from './timing.ts';

/** A schedule as it is stored. Times are epoch milliseconds. */
export interface ScheduleSummary {
  readonly id: string;
  readonly mailbox: string | undefined;
  /** The cron expression; absent where it is one moment. */
  readonly cron: string | undefined;
  readonly timeZone: string;
  readonly paused: boolean;
  /** Counts the changes of its definition. */
  readonly version: number;
  /** What comes next, as many as were asked for; none while it is paused. */
  readonly next: readonly number[];
  readonly last: RunSummary | undefined;
}

export interface RunSummary {
  readonly occurrence: number;
  readonly state: RunState;
  readonly mails: number;
  readonly error: string | undefined;
}

/** @param count how many of the next occurrences to tell. Default 1. */
export async function listSchedules(db: Kysely<Tables>, now: number, count = 1): Promise<readonly ScheduleSummary[]> {
  const schedules = await db.selectFrom('schedule').selectAll().orderBy('id').execute();
  return Promise.all(
    schedules.map(async ({ id, mailbox_id, definition, version, cursor, paused_at }) => {
      const stored = definition as unknown as StoredSchedule;
      return {
        id,
        mailbox: mailbox_id ?? undefined,
        cron: stored.cron,
        timeZone: stored.timeZone,
        paused: paused_at !== null,
        version,
        next: paused_at === null ? nextOccurrences(storedTiming(stored), Math.max(now, cursor.getTime()), count) : [],
        last: (await listRuns(db, id, 1))[0],
      };
    }),
  );
}

/** The latest occurrences that were decided about, latest first. */
export async function listRuns(db: Kysely<Tables>, id: string, limit: number): Promise<readonly RunSummary[]> {
  const runs = await db
    .selectFrom('mail_run')
    .select(['occurrence', 'state', 'mails', 'error'])
    .where('schedule_id', '=', id)
    .orderBy('occurrence', 'desc')
    .limit(limit)
    .execute();
  return runs.map(({ occurrence, state, mails, error }) => ({
    occurrence: occurrence.getTime(),
    state,
    mails,
    error: error ?? undefined,
  }));
}

/** Nothing runs until it is resumed; what is on its way goes on. `false`: there is no such schedule. */
export async function pauseSchedule(db: Kysely<Tables>, id: string, now: number): Promise<boolean> {
  const paused = await db
    .updateTable('schedule')
    .set({ paused_at: sql<Date>`coalesce(paused_at, ${new Date(now)})` })
    .where('id', '=', id)
    .executeTakeFirst();
  return paused.numUpdatedRows > 0n;
}

/** Goes on with what comes from now on; what came in between is not made up for. `false`: there is no such schedule. */
export async function resumeSchedule(db: Kysely<Tables>, id: string, now: number): Promise<boolean> {
  const cursor = sql<Date>`case when paused_at is null then cursor else greatest(cursor, ${new Date(now)}) end`;
  const resumed = await db
    .updateTable('schedule')
    .set({ cursor, paused_at: null })
    .where('id', '=', id)
    .executeTakeFirst();
  return resumed.numUpdatedRows > 0n;
}

/**
 * Forgets a schedule that no configuration has any more, and its occurrences. Its mails stay. A worker that has it
 * makes it anew at its next start.
 */
export async function removeSchedule(db: Kysely<Tables>, id: string): Promise<boolean> {
  const removed = await db.deleteFrom('schedule').where('id', '=', id).executeTakeFirst();
  await db.deleteFrom('mail_run').where('schedule_id', '=', id).execute();
  return removed.numDeletedRows > 0n;
}
