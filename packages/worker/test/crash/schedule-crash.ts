// Two schedules run while their workers are killed; each of their occurrences has to run once, however many were at it.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createSandbox } from '@mailgrant/sandbox';
import { openStore, type Store } from '../../src/index.ts';
import { randomOf } from '../support/random.ts';
import { countCopies, grouped } from './count.ts';
import { settingsOf } from './crash.ts';
import { Fleet } from './fleet.ts';
import { createCrashPlace } from './places.ts';

export interface ScheduleCrashOptions {
  readonly workers: number;
  readonly kills: number;
  /** Milliseconds over which they are spread. */
  readonly time: number;
  readonly seed: number;
}

export interface ScheduleReport {
  readonly schedules: number;
  readonly workers: number;
  readonly seed: number;
  readonly kills: number;
  readonly seconds: number;
  /** Moments of the schedules between their first run and the last. */
  readonly occurrences: number;
  readonly ran: number;
  readonly missing: number;
  /** With two rows, or with more than one mail. */
  readonly twice: number;
  readonly lost: number;
  readonly extraCopies: number;
  readonly flagged: number;
  readonly unflaggedDuplicates: number;
}

const SCHEDULES = { 'every-second': '* * * * * *', 'every-other': '*/2 * * * * *' };
const PERIODS: Record<string, number> = { 'every-second': 1000, 'every-other': 2000 };
/** For what was interrupted to be begun again: a claim without a sign of life lasts some ten seconds. */
const SETTLE = 30_000;

export async function crashSchedules({ workers, kills, time, seed }: ScheduleCrashOptions): Promise<ScheduleReport> {
  const started = Date.now();
  await using place = await createCrashPlace('postgres');
  await using sandbox = await createSandbox({
    smtp: { limits: { connections: Infinity, recipientsPerDay: Infinity } },
  });
  const settings = join(place.dir, 'crash.json');
  writeFileSync(settings, JSON.stringify(settingsOf({ onInDoubt: 'resend' }, sandbox, place.store, SCHEDULES)));
  const random = randomOf(seed);
  let ready = (): void => {};
  const firstReady = new Promise<void>((resolve) => {
    ready = resolve;
  });
  await using fleet = new Fleet({ workers, settings, onAnswer: () => ready(), onStart: () => {}, onEnd: () => {} });
  fleet.start();
  await firstReady;
  const store = await openStore({ ...place.store, migrate: false });

  const end = Date.now() + time;
  const moments = Array.from({ length: kills }, () => end - random() * time).toSorted((a, b) => a - b);
  for (const moment of moments) {
    await wait(Math.max(0, moment - Date.now()));
    fleet.kill(random());
  }
  const settled = await untilSettled(store, Math.max(end, Date.now()));
  await fleet.stop();
  const occurrences = await countOccurrences(store, settled);
  const copies = await countCopies(store, new Set(), sandbox.inbox.messages);
  await store.close();
  return {
    schedules: Object.keys(SCHEDULES).length,
    workers,
    seed,
    kills: fleet.kills,
    seconds: Math.round((Date.now() - started) / 100) / 10,
    ...occurrences,
    lost: copies.lost,
    extraCopies: copies.extraCopies,
    flagged: copies.flagged,
    unflaggedDuplicates: copies.unflaggedDuplicates,
  };
}

/** Waits until all that was due by then has run and its mails are out, or long enough. */
async function untilSettled(store: Store, end: number): Promise<number> {
  const open = async (): Promise<number> => {
    const runs = await store.db.selectFrom('mail_run').select('occurrence').where('state', '=', 'running').execute();
    const mails = await store.db
      .selectFrom('mail')
      .select('id')
      .where('occurrence', '<=', new Date(end))
      .where('state', 'in', ['scheduled', 'sending', 'deferred'])
      .execute();
    return runs.filter(({ occurrence }) => occurrence.getTime() <= end).length + mails.length;
  };
  while (Date.now() < end + SETTLE) {
    await wait(500);
    const behind = await store.db.selectFrom('schedule').select('id').where('next_at', '<=', new Date(end)).execute();
    if (behind.length === 0 && (await open()) === 0) break;
  }
  return end;
}

async function countOccurrences(
  store: Store,
  end: number,
): Promise<Pick<ScheduleReport, 'occurrences' | 'ran' | 'missing' | 'twice'>> {
  const runs = await store.db
    .selectFrom('mail_run')
    .select(['schedule_id', 'occurrence', 'state'])
    .where('occurrence', '<=', new Date(end))
    .orderBy('occurrence')
    .execute();
  const mails = await store.db
    .selectFrom('mail')
    .select(['schedule_id', 'occurrence'])
    .where('occurrence', '<=', new Date(end))
    .execute();
  const mailsOf = grouped(mails, ({ schedule_id, occurrence }) => `${schedule_id} ${occurrence?.getTime()}`);
  const totals = { occurrences: 0, ran: 0, missing: 0, twice: 0 };
  for (const [id, period] of Object.entries(PERIODS)) {
    const times = runs
      .filter((run) => run.schedule_id === id && run.state === 'done')
      .map((run) => run.occurrence.getTime());
    const [first = 0] = times;
    for (let moment = first; moment <= end; moment += period) {
      const ran = times.filter((time) => time === moment).length;
      const sent = mailsOf.get(`${id} ${moment}`)?.length ?? 0;
      totals.occurrences += 1;
      totals.ran += ran;
      if (ran === 0 || sent === 0) totals.missing += 1;
      if (ran > 1 || sent > 1) totals.twice += 1;
    }
  }
  return totals;
}
