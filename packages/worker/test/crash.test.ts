// The small version of `npm run crash`: what is promised about workers that die holds.
import { expect, test } from 'vitest';
import { crash, type CrashOptions } from './crash/crash.ts';
import { failures, scheduleFailures } from './crash/report.ts';
import { crashSchedules } from './crash/schedule-crash.ts';

const small: CrashOptions = {
  store: 'embedded',
  mails: 40,
  kills: 3,
  databaseKills: 0,
  workers: 1,
  onInDoubt: 'resend',
  seed: 1,
  answerAfter: 25,
};

test.each([
  ['the embedded store, its worker killed', small],
  [
    'PostgreSQL, two workers and itself killed, what is in doubt held',
    { ...small, store: 'postgres', workers: 2, databaseKills: 1, onInDoubt: 'hold' },
  ],
] as const)('%s: nothing is lost, and no copy is without its flag', { timeout: 180_000 }, async (_name, options) => {
  const report = await crash(options);
  expect(failures(report), JSON.stringify(report)).toEqual([]);
  expect(report.kills).toBeGreaterThanOrEqual(options.kills); // one that was under way may come on top
  expect(report.databaseKills).toBe(options.databaseKills);
});

test('two schedules whose workers are killed run once at each of their moments', { timeout: 180_000 }, async () => {
  const report = await crashSchedules({ workers: 2, kills: 3, time: 5000, seed: 1 });
  expect(scheduleFailures(report), JSON.stringify(report)).toEqual([]);
  expect(report.ran).toBe(report.occurrences);
  expect(report.occurrences).toBeGreaterThan(4);
});
