import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cronTiming } from '../src/schedule/cron-expression.ts';
import { occurrenceJobId, recipientKey, uuidFromName } from '../src/schedule/job-id.ts';
import { type MissedPolicy, planOccurrences } from '../src/schedule/missed.ts';
import { occurrencesBetween, onceTiming } from '../src/schedule/timing.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const at = (text: string): number => Date.parse(`${text}Z`);
const short = (moment: number): string => new Date(moment).toISOString().slice(5, 16);

const daily = cronTiming('0 9 * * *', 'UTC');

function plan(missed: MissedPolicy, cursor: string, now: string, missedGrace = DAY, timing = daily) {
  const { run, skipped, next } = planOccurrences(timing, { cursor: at(cursor), now: at(now), missed, missedGrace });
  return {
    run: run.map(short),
    skipped: skipped && [short(skipped.first), short(skipped.last)],
    next: next && short(next),
  };
}

describe('occurrences that were missed', () => {
  test.each(['skip', 'once', 'all'] as const)('%s: what starts within a minute is on time', (missed) => {
    expect(plan(missed, '2026-05-01T09:00', '2026-05-02T09:01:00')).toEqual({
      run: ['05-02T09:00'],
      skipped: undefined,
      next: '05-03T09:00',
    });
    expect(plan(missed, '2026-05-01T09:00', '2026-05-02T08:59:59')).toEqual({
      run: [],
      skipped: undefined,
      next: '05-02T09:00',
    });
  });

  test('skip: nothing that is late', () => {
    expect(plan('skip', '2026-05-01T09:00', '2026-05-04T10:00')).toEqual({
      run: [],
      skipped: ['05-02T09:00', '05-04T09:00'],
      next: '05-05T09:00',
    });
    // one that is due just now runs all the same
    expect(plan('skip', '2026-05-01T09:00', '2026-05-04T09:00:30')).toEqual({
      run: ['05-04T09:00'],
      skipped: ['05-02T09:00', '05-03T09:00'],
      next: '05-05T09:00',
    });
  });

  test('once: the latest, unless one is due just now', () => {
    expect(plan('once', '2026-05-01T09:00', '2026-05-04T10:00')).toEqual({
      run: ['05-04T09:00'],
      skipped: ['05-02T09:00', '05-03T09:00'],
      next: '05-05T09:00',
    });
    expect(plan('once', '2026-05-01T09:00', '2026-05-04T09:00:30').run).toEqual(['05-04T09:00']);
    expect(plan('once', '2026-05-01T09:00', '2026-05-02T10:00')).toMatchObject({ skipped: undefined });
  });

  test('all: each of them, oldest first', () => {
    expect(plan('all', '2026-05-01T09:00', '2026-05-04T09:00:30', 7 * DAY)).toEqual({
      run: ['05-02T09:00', '05-03T09:00', '05-04T09:00'],
      skipped: undefined,
      next: '05-05T09:00',
    });
  });

  test('what is older than the grace is not made up for', () => {
    expect(plan('once', '2026-05-01T09:00', '2026-05-04T10:00', HOUR).run).toEqual(['05-04T09:00']);
    expect(plan('once', '2026-05-01T09:00', '2026-05-04T10:00:01', HOUR)).toEqual({
      run: [],
      skipped: ['05-02T09:00', '05-04T09:00'],
      next: '05-05T09:00',
    });
    expect(plan('all', '2026-05-01T09:00', '2026-05-04T10:00', 2 * DAY)).toMatchObject({
      run: ['05-03T09:00', '05-04T09:00'],
      skipped: ['05-02T09:00', '05-02T09:00'],
    });
  });

  test('all stops at a thousand, and a year of seconds is planned at once', () => {
    const secondly = cronTiming('* * * * * *', 'UTC');
    const now = at('2026-05-04T10:00:00');
    const { run, skipped, next } = planOccurrences(secondly, {
      cursor: at('2025-05-04T10:00:00'),
      now,
      missed: 'all',
      missedGrace: 400 * DAY,
    });
    expect(run).toHaveLength(1000 + 61);
    expect(run.at(-1)).toBe(now);
    expect(skipped?.first).toBe(at('2025-05-04T10:00:01'));
    expect(skipped?.last).toBe((run[0] ?? 0) - 1000);
    expect(next).toBe(now + 1000);
  });

  test('a mail planned for one moment is made up for like any other', () => {
    const once = onceTiming(at('2026-05-02T09:00'));
    expect(plan('once', '2026-05-01T00:00', '2026-05-02T12:00', DAY, once)).toEqual({
      run: ['05-02T09:00'],
      skipped: undefined,
      next: undefined,
    });
    expect(plan('skip', '2026-05-01T00:00', '2026-05-02T12:00', DAY, once).skipped).toEqual([
      '05-02T09:00',
      '05-02T09:00',
    ]);
    expect(plan('once', '2026-05-02T09:00', '2026-05-02T12:00', DAY, once)).toMatchObject({ run: [], next: undefined });
  });

  test('a clock that went back runs nothing twice', () => {
    expect(plan('all', '2026-05-02T09:00', '2026-05-02T08:00')).toEqual({
      run: [],
      skipped: undefined,
      next: '05-03T09:00',
    });
  });
});

test('whatever happens, each occurrence is decided about once: run, or left out', () => {
  const MINUTE = 60_000;
  const start = at('2026-03-28T00:00');
  fc.assert(
    fc.property(
      fc.constantFrom<MissedPolicy>('skip', 'once', 'all'),
      fc.constantFrom('*/7 * * * *', '30 2 * * *', '0 9-17 * * *', '* 1-3 * * *'),
      fc.integer({ min: 0, max: 48 * 60 }),
      fc.array(
        fc.oneof(
          { weight: 3, arbitrary: fc.integer({ min: 0, max: 360 }).map((minutes) => minutes * 60) },
          fc.integer({ min: -60, max: 120 }),
        ),
        { maxLength: 10 },
      ),
      (missed, cron, grace, steps) => {
        const timing = cronTiming(cron, 'Europe/Berlin');
        let [cursor, now] = [start, start];
        const decided: number[] = [];
        for (const seconds of steps) {
          now += seconds * 1000; // the clock may go back, too
          const plan = planOccurrences(timing, { cursor, now, missed, missedGrace: grace * MINUTE });
          const left = plan.skipped && occurrencesBetween(timing, cursor, plan.skipped.last);
          const leftOut = left?.filter((moment) => !plan.run.includes(moment)) ?? [];
          expect(plan.run.toSorted((a, b) => a - b)).toEqual(plan.run);
          for (const moment of plan.run) expect(moment).toBeLessThanOrEqual(now);
          if (missed === 'skip') for (const moment of plan.run) expect(now - moment).toBeLessThanOrEqual(MINUTE);
          decided.push(...leftOut, ...plan.run);
          cursor = Math.max(cursor, plan.run.at(-1) ?? cursor, plan.skipped?.last ?? cursor);
          expect(plan.next).toBe(timing.next(Math.max(now, cursor)));
        }
        expect(decided.toSorted((a, b) => a - b)).toEqual(occurrencesBetween(timing, start, cursor));
      },
    ),
    { numRuns: 60 },
  );
});

describe('ids of jobs', () => {
  test('are UUIDs of version 5', () => {
    // RFC 9562 appendix A.4
    const dns = Buffer.from('6ba7b8109dad11d180b400c04fd430c8', 'hex');
    expect(uuidFromName('www.example.com', dns)).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2');
  });

  test('are the same for the same occurrence, and others for others', () => {
    const moment = at('2026-05-02T09:00');
    expect(occurrenceJobId('digest', moment)).toBe('ac652be0-0a4f-5f32-b65d-288ccc426ab6');
    const ids = [
      occurrenceJobId('digest', moment),
      occurrenceJobId('digest', moment, 1),
      occurrenceJobId('digest', moment + 1000),
      occurrenceJobId('digest2', moment),
    ];
    expect(new Set(ids).size).toBe(4);
    expect(recipientKey('digest', moment, 'ada@example.org')).toBe('digest|2026-05-02T09:00:00.000Z|ada@example.org');
    expect(recipientKey('digest', moment, 'a'.repeat(255))).toMatch(
      /^digest\|2026-05-02T09:00:00.000Z\|[0-9a-f-]{36}$/,
    );
  });
});
