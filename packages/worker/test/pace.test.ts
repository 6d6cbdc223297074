// The pace of a mailbox, played through in no time with wake-ups that come late.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { paceOf } from '../src/delivery/pace.ts';
import { roomAfter } from '../src/delivery/usage.ts';

const MINUTE = 60_000;

/** When messages go if each wake-up is late by one of these, as `takeTurn` in SQL grants them. */
function play(rate: number, lateness: readonly number[]): number[] {
  const { spacing, tolerance } = paceOf(rate);
  let tat = 0;
  let now = 0;
  return lateness.map((late) => {
    now = Math.max(now, tat - tolerance) + late;
    tat = Math.max(tat, now) + spacing;
    return now;
  });
}

const most = (times: readonly number[], span: number): number =>
  Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + span).length));

test.each([1, 2, 5, 30, 100, 1000])('%i a minute: no minute ever has more, however late the wake-ups are', (rate) => {
  const late = fc.array(fc.double({ min: 0, max: (3 * MINUTE) / rate, noNaN: true }), {
    minLength: rate * 2,
    maxLength: rate * 2,
  });
  fc.assert(
    fc.property(late, (lateness) => most(play(rate, lateness), MINUTE) <= rate),
    { numRuns: rate > 100 ? 5 : 50 },
  );
});

test('30 a minute: more than 95 % of it are used while wake-ups are late by less than the tolerance', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 500, noNaN: true }), { minLength: 300, maxLength: 300 }),
      (lateness) => {
        const times = play(30, lateness);
        const perMinute = (times.length - 1) / (((times.at(-1) ?? 0) - (times[0] ?? 0)) / MINUTE);
        return perMinute > 0.95 * 30;
      },
    ),
    { numRuns: 50 },
  );
});

test('30 a minute: what the way to the server shifts by a second breaks no limit', () => {
  const times = play(
    30,
    Array.from({ length: 90 }, () => 0),
  );
  const shifted = times.map((at, n) => (n % 31 === 0 ? at + 1_000 : at));
  expect(most(shifted, MINUTE)).toBe(30);
});

const HOUR = 3_600_000;

test('recipients of 24 hours: there is room when enough of the oldest hours are over', () => {
  const used = [
    { hour: 0, recipients: 6_000 },
    { hour: 2 * HOUR, recipients: 3_000 },
    { hour: 3 * HOUR, recipients: 1_000 },
  ];
  const at = { limit: 10_000, now: 10 * HOUR };
  expect(roomAfter(used, { ...at, count: 1 })).toBe(15 * HOUR);
  expect(roomAfter(used, { ...at, count: 7_000 })).toBe(17 * HOUR);
  expect(roomAfter(used.slice(1), { ...at, count: 6_000 })).toBe(0);
  expect(roomAfter([], { ...at, count: 10_000 })).toBe(0);
});
