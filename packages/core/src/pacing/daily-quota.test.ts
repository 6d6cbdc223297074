import { expect, test } from 'vitest';
import { DailyQuota } from './daily-quota.ts';

const HOUR = 60 * 60_000;

test('what was sent counts for 24 hours and up to a minute more, never less', () => {
  const quota = new DailyQuota(10);
  quota.count(4, 0);
  quota.count(3, 30_000);
  quota.count(2, 2 * HOUR);
  expect(quota.left(2 * HOUR)).toBe(1);
  expect(quota.left(24 * HOUR)).toBe(1);
  expect(quota.left(24 * HOUR + 60_000)).toBe(8);
  expect(quota.left(27 * HOUR)).toBe(10);
});

test('it says when enough recipients will be possible again', () => {
  const quota = new DailyQuota(10);
  quota.count(4, 0);
  quota.count(5, HOUR);
  expect(quota.possibleAt(1, 2 * HOUR)).toBe(2 * HOUR);
  expect(quota.possibleAt(2, 2 * HOUR)).toBe(24 * HOUR + 60_000);
  expect(quota.possibleAt(10, 2 * HOUR)).toBe(25 * HOUR + 60_000);
  expect(quota.possibleAt(11, 2 * HOUR)).toBeUndefined();
});

test('what is promised to others counts as sent now', () => {
  const quota = new DailyQuota(10);
  quota.count(4, 0);
  expect(quota.possibleAt(2, 2 * HOUR, 4)).toBe(2 * HOUR);
  expect(quota.possibleAt(6, 2 * HOUR, 4)).toBe(24 * HOUR + 60_000);
  expect(quota.possibleAt(7, 2 * HOUR, 4)).toBe(26 * HOUR + 60_000);
});

test('a month of steady sending stays small', () => {
  const quota = new DailyQuota(10_000);
  for (let now = 0; now < 30 * 24 * HOUR; now += 10_000) if (quota.left(now) > 0) quota.count(1, now);
  expect(quota.left(30 * 24 * HOUR)).toBeLessThan(10_000);
});
