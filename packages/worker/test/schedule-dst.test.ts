// docs/schedules.md says what happens when clocks change; each row of its table is worked out here again.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { cronTiming } from '../src/schedule/cron-expression.ts';
import { localTime } from '../src/schedule/time-zone.ts';
import { occurrencesBetween } from '../src/schedule/timing.ts';

const HOUR = 3_600_000;

interface Row {
  readonly timeZone: string;
  readonly day: string;
  readonly cron: string;
  readonly runsAt: string;
}

const rows: Row[] = readFileSync(new URL('../../../docs/schedules.md', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => /^\| [A-Z][a-z]+\//.test(line))
  .map((line) => {
    const [timeZone = '', day = '', cron = '', runsAt = ''] = line
      .split('|')
      .slice(1)
      .map((cell) => cell.trim());
    return { timeZone, day: day.slice(0, 10), cron: cron.replaceAll('`', ''), runsAt };
  });

/** `02:30 +02:00`, and so on, for the occurrences from midnight to 04:00 by the clocks there. */
function runsAt({ timeZone, day, cron }: Row): string {
  const noon = Date.parse(`${day}T12:00:00Z`);
  return occurrencesBetween(cronTiming(cron, timeZone), noon - 36 * HOUR, noon + 24 * HOUR)
    .map((moment) => localTime(moment, timeZone).split(' '))
    .filter(([, date, time = '']) => date === day && time < '04:00')
    .map(([, , time = '', offset = '']) => `${time.slice(0, 5)} ${offset.replace(/^GMT/, '')}`)
    .join(', ');
}

describe('when clocks change', () => {
  test('the table has all three zones', () => {
    expect(new Set(rows.map(({ timeZone }) => timeZone))).toEqual(
      new Set(['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe']),
    );
    expect(rows.length).toBeGreaterThan(20);
  });

  test.each(rows)('$timeZone, $day: $cron', (row) => {
    expect(row.runsAt).toBe(runsAt(row));
  });

  test.each(['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe'])(
    '%s: a time that is written out happens once on every day of ten years',
    (timeZone) => {
      for (const cron of ['30 2 * * *', '30 1 * * *', '0 0 * * *']) {
        const timing = cronTiming(cron, timeZone);
        const from = Date.parse('2026-01-01T12:00:00Z');
        const until = Date.parse('2036-01-01T12:00:00Z');
        const days = occurrencesBetween(timing, from, until).map((moment) => localTime(moment, timeZone).slice(4, 14));
        expect(days).toHaveLength((until - from) / (24 * HOUR));
        expect(new Set(days).size).toBe(days.length);
      }
    },
  );
});
