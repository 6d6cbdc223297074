import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cronTiming } from '../src/schedule/cron-expression.ts';
import { checkTimeZone, localTime } from '../src/schedule/time-zone.ts';
import {
  boundedTiming,
  isOccurrence,
  lastOccurrences,
  nextOccurrences,
  occurrencesBetween,
  onceTiming,
} from '../src/schedule/timing.ts';

const at = (text: string): number => Date.parse(text);
const iso = (moments: readonly number[]): string[] => moments.map((moment) => new Date(moment).toISOString());

describe('a cron expression', () => {
  test.each([
    ['0 9 * * MON-FRI', 'Europe/Berlin', ['2026-11-23T08:00:00.000Z', '2026-11-24T08:00:00.000Z']],
    ['0 9 1 * *', 'America/New_York', ['2026-12-01T14:00:00.000Z', '2027-01-01T14:00:00.000Z']],
    ['0 17 L * *', 'UTC', ['2026-11-30T17:00:00.000Z', '2026-12-31T17:00:00.000Z']],
    ['0 8 * * FRI#2', 'UTC', ['2026-12-11T08:00:00.000Z', '2027-01-08T08:00:00.000Z']],
    ['*/20 * * * * *', 'UTC', ['2026-11-20T20:00:20.000Z', '2026-11-20T20:00:40.000Z']],
    ['@daily', 'Asia/Kolkata', ['2026-11-21T18:30:00.000Z', '2026-11-22T18:30:00.000Z']],
    ['0 12 29 2 *', 'UTC', ['2028-02-29T12:00:00.000Z', '2032-02-29T12:00:00.000Z']],
    ['  0   9 * * 7 ', 'UTC', ['2026-11-22T09:00:00.000Z', '2026-11-29T09:00:00.000Z']],
    ['0 0 13 * FRI', 'UTC', ['2026-11-27T00:00:00.000Z', '2026-12-04T00:00:00.000Z']],
  ])('%s in %s', (expression, timeZone, expected) => {
    const timing = cronTiming(expression, timeZone);
    expect(iso(nextOccurrences(timing, at('2026-11-20T20:00:00Z'), 2))).toEqual(expected);
  });

  test.each([
    ['0 25 * * *', '"25" is no hour (field 2): use 0 to 23; several as a list (1,3), a range (1-5) or steps (*/2)'],
    ['61 * * * *', '"61" is no minute (field 1): use 0 to 59'],
    ['61 * * * * *', '"61" is no second (field 1): use 0 to 59'],
    ['0 0 32 * *', '"32" is no day of month (field 3): use 1 to 31, L'],
    ['0 0 * 13 *', '"13" is no month (field 4): use 1 to 12 or JAN to DEC'],
    ['0 9 * * MON-FRY', '"MON-FRY" is no day of week (field 5): use 0 to 7 (0 and 7 are Sunday), SUN to SAT'],
    ['0 9 * * SAT-MON', '"SAT-MON" is no day of week (field 5): use 0 to 7 (0 and 7 are Sunday), SUN to SAT, FRI#2'],
    ['0 9 * * SAT-MON', 'a range goes upwards, one that goes past the end is a list of two, such as SAT,SUN,MON'],
    ['0 9 * * MON,', '"MON," is no day of week (field 5)'],
    ['5/5 * * * *', '"5/5" is no minute (field 1): a step follows * or a range, such as */5'],
    ['*/0 * * * *', '"*/0" is no minute (field 1)'],
    ['? * * * *', '"?" is no minute (field 1): use *'],
    ['* * * *', 'it has 4 fields, five are needed: minute, hour, day of month, month, day of week; or six'],
    ['0 9 * * 1-5 * 2027', 'it has 7 fields, five are needed'],
    ['', 'it has 0 fields, five are needed'],
    ['@reboot', 'the names that stand for expressions are @yearly, @annually, @monthly'],
    ['0 0 31 2 *', 'there is no such day; it would never run'],
    ['2026-05-05T10:00:00', 'it has 1 field, five are needed'],
  ])('%j is refused with what is wrong, where, and what goes', (expression, words) => {
    expect(() => cronTiming(expression, 'UTC', 'schedules.digest.cron')).toThrow(
      expect.objectContaining({
        code: 'ERR_INPUT_OPTION',
        message: expect.stringContaining(words) as string,
      }),
    );
    expect(() => cronTiming(expression, 'UTC', 'schedules.digest.cron')).toThrow(
      `schedules.digest.cron: ${JSON.stringify(expression)} is not a cron expression: `,
    );
  });

  test('needs a time zone, by its name', () => {
    const missing: unknown = undefined;
    expect(() => cronTiming('* * * * *', missing as string, 'schedules.digest.cron')).toThrow(
      'schedules.digest.timeZone: is missing; give an IANA name such as "Europe/Berlin"',
    );
    for (const unknown of ['Europe/Berln', '+02:00', '', 7]) {
      expect(() => checkTimeZone(unknown)).toThrow(`timeZone: ${JSON.stringify(unknown)} is not known here; give`);
    }
    expect(checkTimeZone('UTC')).toBe('UTC');
  });

  test('says the same from wherever one starts to ask', () => {
    const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Africa/Casablanca', 'Asia/Kolkata'];
    const expressions = ['30 2 * * *', '0,30 1,2 * * *', '*/30 1-3 * * *', '15 * * * *', '30 2-3 * * *', '0 0 * * *'];
    const turns = ['2026-03-08', '2026-03-29', '2026-04-05', '2026-10-04', '2026-10-25', '2026-11-01'];
    const minute = 60_000;
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.constantFrom(...expressions),
        fc.constantFrom(...turns),
        fc.integer({ min: -24 * 60, max: 24 * 60 }),
        (zone, expression, turn, minutes) => {
          const timing = cronTiming(expression, zone);
          const from = at(`${turn}T00:00:00Z`) + minutes * minute;
          const all = occurrencesBetween(timing, at(`${turn}T00:00:00Z`) - 48 * 60 * minute, from + 48 * 60 * minute);
          expect(iso([timing.next(from) ?? 0])).toEqual(iso(all.filter((each) => each > from).slice(0, 1)));
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('moments', () => {
  const hourly = cronTiming('0 * * * *', 'UTC');

  test('once is once', () => {
    const once = onceTiming(at('2026-12-24T17:00:00Z'));
    expect(nextOccurrences(once, at('2026-12-01T00:00:00Z'), 3)).toEqual([at('2026-12-24T17:00:00Z')]);
    expect(once.next(at('2026-12-24T17:00:00Z'))).toBeUndefined();
  });

  test('bounds: the first may be on the moment, the end is outside', () => {
    const bounded = boundedTiming(hourly, at('2026-01-01T10:00:00Z'), at('2026-01-01T12:00:00Z'));
    expect(iso(nextOccurrences(bounded, 0, 5))).toEqual(['2026-01-01T10:00:00.000Z', '2026-01-01T11:00:00.000Z']);
    expect(iso(nextOccurrences(bounded, at('2026-01-01T10:00:00Z'), 5))).toEqual(['2026-01-01T11:00:00.000Z']);
    const open = boundedTiming(hourly, undefined, undefined);
    expect(open.next(at('2026-01-01T10:00:00Z'))).toBe(at('2026-01-01T11:00:00Z'));
  });

  test('between two moments: the first excluded, the last included', () => {
    const found = occurrencesBetween(hourly, at('2026-01-01T10:00:00Z'), at('2026-01-01T12:00:00Z'));
    expect(iso(found)).toEqual(['2026-01-01T11:00:00.000Z', '2026-01-01T12:00:00.000Z']);
    expect(occurrencesBetween(hourly, 0, at('2026-01-01T12:00:00Z'), 3)).toHaveLength(3);
  });

  test('the last of many are found without walking through all of them', () => {
    const each = cronTiming('* * * * * *', 'UTC');
    let asked = 0;
    const counting = { next: (after: number) => ((asked += 1), each.next(after)) };
    const [now, long] = [at('2026-06-01T00:00:00Z'), at('2020-01-01T00:00:00Z')];
    expect(lastOccurrences(counting, long, now, 3)).toEqual([now - 2000, now - 1000, now]);
    expect(asked).toBeLessThan(50);
    expect(lastOccurrences(hourly, now - 7_200_000, now, 5)).toEqual([now - 3_600_000, now]);
    expect(lastOccurrences(hourly, now, now, 5)).toEqual([]);
    expect(lastOccurrences(hourly, long, now, 0)).toEqual([]);
  });

  test('a moment is one of them or is not', () => {
    expect(isOccurrence(hourly, at('2026-01-01T10:00:00Z'))).toBe(true);
    expect(isOccurrence(hourly, at('2026-01-01T10:00:01Z'))).toBe(false);
    expect(isOccurrence(hourly, at('2026-01-01T10:00:00.500Z'))).toBe(false);
  });

  test('are printed as the clocks there show them', () => {
    expect(localTime(at('2026-03-29T01:00:00Z'), 'Europe/Berlin')).toBe('Sun 2026-03-29 03:00:00 GMT+2');
    expect(localTime(at('2026-11-01T05:00:00Z'), 'America/New_York')).toBe('Sun 2026-11-01 01:00:00 GMT-4');
    expect(localTime(at('2026-04-04T15:30:00Z'), 'Australia/Lord_Howe')).toBe('Sun 2026-04-05 02:00:00 GMT+10:30');
  });
});
