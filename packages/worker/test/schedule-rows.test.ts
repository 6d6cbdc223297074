// What is decided about occurrences, in the store that needs nothing installed.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEFAULT_RETENTION, sweep } from '../src/delivery/housekeeping.ts';
import { createEngine, type Engine } from '../src/engine.ts';
import { checkSchedules, type ScheduleDefinition } from '../src/schedule/definition.ts';
import { occurrenceJobId } from '../src/schedule/job-id.ts';
import {
  listRuns,
  listSchedules,
  pauseSchedule,
  removeSchedule,
  resumeSchedule,
} from '../src/schedule/schedule-list.ts';
import { advanceSchedule, OCCURRENCES, reviveJobs, type Rows, saveSchedule } from '../src/schedule/schedule-rows.ts';
import { openStore } from '../src/store/open-store.ts';
import type { Store } from '../src/store/store.ts';
import { createStoreDirectory, type TestDirectory } from './support/embedded.ts';

// In the future: no job made here is due before the tests are over.
const at = (time: string): number => Date.parse(`2099-${time}Z`);
const time = (moment: number | undefined) => moment && new Date(moment).toISOString().slice(5, 16);

let directory: TestDirectory;
let store: Store;
let engine: Engine;

beforeAll(async () => {
  directory = await createStoreDirectory();
  store = await openStore({ kind: 'embedded', dir: directory.dir, durability: 'process-crash' });
  engine = createEngine({ store, claims: false, migrate: true, onProblem: () => {} });
  await engine.start();
  await engine.openQueue(OCCURRENCES);
}, 120_000);

afterAll(async () => {
  await engine.stop();
  await store.close();
  directory[Symbol.dispose]();
});

const within = <T>(work: (rows: Rows) => Promise<T>): Promise<T> =>
  store.transaction((trx) => work({ trx, db: store.executor(trx), engine }));

const schedule = (id: string, change: Partial<ScheduleDefinition> = {}) => {
  const render = () => undefined;
  const definition = { id, cron: '0 9 * * *', timeZone: 'UTC', render, ...change };
  return checkSchedules([definition], ['noreply']).get(id)!;
};

const save = (id: string, now: string, change: Partial<ScheduleDefinition> = {}) =>
  within((rows) => saveSchedule(rows, schedule(id, change), at(now)));

async function advance(id: string, now: string) {
  const { run = [], skipped, next } = (await within((rows) => advanceSchedule(rows, id, at(now)))) ?? {};
  return { run: run.map(time), skipped: skipped && [time(skipped.first), time(skipped.last)], next: time(next) };
}

const isLive = async (id: string, occurrence: string, turn = 0) =>
  (await engine.live([occurrenceJobId(id, at(occurrence), turn)])).size === 1;

describe('occurrences', () => {
  test('are planned one ahead, and again when they are due', async () => {
    expect(await save('chain', '05-01T12:00')).toBe(true);
    expect(await advance('chain', '05-01T12:00')).toEqual({ run: [], skipped: undefined, next: '05-02T09:00' });
    expect(await isLive('chain', '05-02T09:00')).toBe(true);
    expect(await isLive('chain', '05-03T09:00')).toBe(false);

    expect(await advance('chain', '05-02T09:00')).toEqual({
      run: ['05-02T09:00'],
      skipped: undefined,
      next: '05-03T09:00',
    });
    expect(await isLive('chain', '05-03T09:00')).toBe(true);
    // once decided, decided
    expect(await advance('chain', '05-02T09:00')).toMatchObject({ run: [], next: '05-03T09:00' });
    expect(await listRuns(store.db, 'chain', 5)).toMatchObject([{ occurrence: at('05-02T09:00'), state: 'running' }]);
  });

  test('that were missed are made up for as the policy says, and those left out are on record', async () => {
    await save('missed', '05-01T12:00');
    expect(await advance('missed', '05-05T10:00')).toEqual({
      run: ['05-05T09:00'],
      skipped: ['05-02T09:00', '05-04T09:00'],
      next: '05-06T09:00',
    });
    expect(await listRuns(store.db, 'missed', 5)).toEqual([
      { occurrence: at('05-05T09:00'), state: 'running', mails: 0, error: undefined },
      {
        occurrence: at('05-04T09:00'),
        state: 'skipped',
        mails: 0,
        error: 'missed: no worker ran, and those since 2099-05-02T09:00:00.000Z',
      },
    ]);
  });

  test('of a change come at the new times, and nothing that lies behind is made up for', async () => {
    await save('edited', '05-01T12:00');
    await advance('edited', '05-02T09:00');
    expect(await save('edited', '05-02T10:00')).toBe(false); // nothing new
    expect(await save('edited', '05-02T10:00', { cron: '30 9 * * *' })).toBe(true);
    expect(await advance('edited', '05-02T10:00')).toEqual({ run: [], skipped: undefined, next: '05-03T09:30' });
    // the job of 09:00 is still in the queue, and finds nothing to do
    expect(await advance('edited', '05-03T09:00')).toMatchObject({ run: [], next: '05-03T09:30' });
    expect((await listSchedules(store.db, at('05-03T09:10'))).find(({ id }) => id === 'edited')).toMatchObject({
      version: 2,
      cron: '30 9 * * *',
      next: [at('05-03T09:30')],
      last: { occurrence: at('05-02T09:00') },
    });
  });

  test('of a change that keeps a moment happen once there', async () => {
    await save('kept', '05-01T12:00');
    await advance('kept', '05-01T12:00');
    await save('kept', '05-01T13:00', { cron: '0 9,17 * * *' });
    await advance('kept', '05-01T13:00');
    expect((await advance('kept', '05-02T09:00')).run).toEqual(['05-02T09:00']);
    await save('kept', '05-02T09:00', { cron: '0 9 * * *' });
    expect((await advance('kept', '05-02T09:00')).run).toEqual([]);
  });

  test('a change of the policy alone makes up for what was missed before', async () => {
    await save('policy', '05-01T12:00', { missed: 'skip' });
    await save('policy', '05-03T10:00', { missed: 'all', missedGrace: 7 * 86_400_000 });
    expect((await advance('policy', '05-03T10:00')).run).toEqual(['05-02T09:00', '05-03T09:00']);
  });

  test('are not made up for after a pause', async () => {
    await save('paused', '05-01T12:00');
    await advance('paused', '05-01T12:00');
    expect(await pauseSchedule(store.db, 'paused', at('05-01T13:00'))).toBe(true);
    expect(await pauseSchedule(store.db, 'paused', at('05-01T14:00'))).toBe(true);
    expect(await pauseSchedule(store.db, 'nobody', at('05-01T14:00'))).toBe(false);
    expect(await advance('paused', '05-02T09:00')).toEqual({ run: [], skipped: undefined, next: undefined });
    expect((await listSchedules(store.db, at('05-02T10:00'))).find(({ id }) => id === 'paused')).toMatchObject({
      paused: true,
      next: [],
    });
    expect(await resumeSchedule(store.db, 'paused', at('05-04T10:00'))).toBe(true);
    expect(await resumeSchedule(store.db, 'paused', at('05-06T10:00'))).toBe(true); // changes nothing any more
    expect(await resumeSchedule(store.db, 'nobody', at('05-04T10:00'))).toBe(false);
    expect(await advance('paused', '05-04T10:00')).toEqual({ run: [], skipped: undefined, next: '05-05T09:00' });
  });

  test('planned for one moment run once, also when the first start is a little late', async () => {
    const once = { cron: undefined, timeZone: undefined, at: at('05-02T09:00') };
    await save('once', '05-02T09:00:30', once);
    expect(await advance('once', '05-02T09:00:30')).toEqual({
      run: ['05-02T09:00'],
      skipped: undefined,
      next: undefined,
    });
    expect(await save('once', '05-02T12:00', once)).toBe(false);
    expect(await advance('once', '05-02T12:00')).toMatchObject({ run: [] });
    await save('past', '05-02T12:00', once);
    expect(await advance('past', '05-02T12:00')).toEqual({ run: [], skipped: undefined, next: undefined });
  });

  test('whose job is gone get another', async () => {
    await save('lost', '05-01T12:00');
    await advance('lost', '05-02T09:00');
    expect(await within((rows) => reviveJobs(rows, 'lost', at('05-03T09:00'), at('05-02T09:01')))).toBe(0);
    const ids = [occurrenceJobId('lost', at('05-02T09:00'))];
    await engine.discard(OCCURRENCES, ids);
    expect(await within((rows) => reviveJobs(rows, 'lost', at('05-03T09:00'), at('05-02T09:01')))).toBe(1);
    expect(await isLive('lost', '05-02T09:00', 1)).toBe(true);
    expect(await within((rows) => reviveJobs(rows, 'lost', at('05-03T09:00'), at('05-02T09:01')))).toBe(0);
  });

  test('that are open are found without a look at all the others', async () => {
    const { rows } = await within(async ({ db }) => {
      await db.executeSql(`insert into mailgrant.mail_run (schedule_id, occurrence, state)
        select 'often', to_timestamp(n), 'done' from generate_series(1, 5000) as n`);
      await db.executeSql('analyze mailgrant.mail_run');
      return db.executeSql(`explain select from mailgrant.mail_run where schedule_id = 'often' and state = 'running'`);
    });
    expect(JSON.stringify(rows)).toContain('mail_run_open');
  });

  test('are forgotten when they are old, and not run again', async () => {
    await save('old', '05-01T12:00');
    await advance('old', '05-02T09:00');
    const ended_at = new Date(Date.now() - 91 * 86_400_000);
    await store.db.updateTable('mail_run').set({ state: 'done', ended_at }).where('schedule_id', '=', 'old').execute();
    await advance('old', '05-03T09:00'); // this one is open
    await sweep({ store }, DEFAULT_RETENTION);
    expect((await listRuns(store.db, 'old', 5)).map(({ occurrence }) => time(occurrence))).toEqual(['05-03T09:00']);
    expect((await advance('old', '05-03T09:00')).run).toEqual([]);
  });

  test('of a schedule that is removed are gone with it', async () => {
    await save('removed', '05-01T12:00');
    await advance('removed', '05-02T09:00');
    expect(await removeSchedule(store.db, 'removed')).toBe(true);
    expect(await removeSchedule(store.db, 'removed')).toBe(false);
    expect(await within((rows) => advanceSchedule(rows, 'removed', at('05-03T09:00')))).toBeUndefined();
    expect(await listRuns(store.db, 'removed', 5)).toEqual([]);
  });
});
