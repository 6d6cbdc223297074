import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SlidingWindow } from './sliding-window.ts';

/** The most moments that fall into one window, wherever it is laid (open at one end, as "per minute" is). */
function fullest(moments: readonly number[], length: number): number {
  const sorted = [...moments].sort((a, b) => a - b);
  let most = 0;
  for (let from = 0, to = 0; to < sorted.length; to++) {
    while ((sorted[to] ?? 0) - (sorted[from] ?? 0) >= length) from += 1;
    most = Math.max(most, to - from + 1);
  }
  return most;
}

interface Load {
  readonly gaps: readonly number[];
  readonly durations: readonly number[];
  /** Where between its start and its end the server counted each message, from 0 to 1. */
  readonly counted: readonly number[];
}

/** Sends one message for each gap over `lanes` connections; returns when the server counted each. */
function simulate({ gaps, durations, counted }: Load, limit: number, length: number, lanes: number): number[] {
  const window = new SlidingWindow(limit, length);
  const moments: number[] = [];
  const running: { endsAt: number; end: (now: number) => void }[] = [];
  let now = 0;
  let arrival = 0;
  for (const [i, gap] of gaps.entries()) {
    arrival += gap;
    now = Math.max(now, arrival);
    for (;;) {
      for (const each of running.filter(({ endsAt }) => endsAt <= now).sort((a, b) => a.endsAt - b.endsAt)) {
        each.end(each.endsAt);
        running.splice(running.indexOf(each), 1);
      }
      const slot = running.length < lanes ? window.take(now) : undefined;
      if (slot !== undefined) {
        const duration = durations[i % durations.length] ?? 0;
        moments.push(now + duration * (counted[i % counted.length] ?? 0));
        running.push({ endsAt: now + duration, end: (at) => slot.end(at) });
        break;
      }
      const free = running.length < lanes ? (window.nextAt(now) ?? Infinity) : Infinity;
      const soonest = Math.min(...running.map(({ endsAt }) => endsAt), free);
      expect(soonest, 'there is always a moment to wait for').toBeLessThan(Infinity);
      expect(soonest).toBeGreaterThan(now);
      now = soonest;
    }
  }
  return moments;
}

const load = fc.record({
  gaps: fc.array(fc.nat(400), { minLength: 1, maxLength: 300 }),
  durations: fc.array(fc.nat(500), { minLength: 1, maxLength: 20 }),
  counted: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 20 }),
});

test.each([1, 3])('no window ever holds more than its limit, over %d connections', (lanes) => {
  fc.assert(
    fc.property(load, fc.integer({ min: 1, max: 30 }), (each, limit) => {
      expect(fullest(simulate(each, limit, 1000, lanes), 1000)).toBeLessThanOrEqual(limit);
    }),
  );
});

test.each([1, 3])('10,000 arrivals at 30 a minute over %d connections: never 31, and close to 30', (lanes) => {
  const random = (n: number): number => ((n * 7919 + 104_729) % 65_537) / 65_537;
  const each = {
    gaps: Array.from({ length: 10_000 }, (_, i) => random(i) * 3_000),
    durations: Array.from({ length: 97 }, (_, i) => 50 + random(i * 3) * 900),
    counted: Array.from({ length: 89 }, (_, i) => random(i * 7)),
  };
  const moments = simulate(each, 30, 60_000, lanes);
  expect(fullest(moments, 60_000)).toBe(30);
  const perMinute = moments.length / ((moments.at(-1) ?? 0) / 60_000);
  expect(perMinute).toBeGreaterThan(30 * 0.95);
});

test('a slot given back is free at once, an ended one only a window later', () => {
  const window = new SlidingWindow(1, 1000);
  window.take(0)?.refund();
  const slot = window.take(0);
  expect(window.take(1)).toBeUndefined();
  expect(window.nextAt(1)).toBeUndefined();
  slot?.end(5);
  slot?.end(6);
  expect(window.nextAt(7)).toBe(1005);
  expect(window.take(1004)).toBeUndefined();
  expect(window.take(1005)).toBeDefined();
});
