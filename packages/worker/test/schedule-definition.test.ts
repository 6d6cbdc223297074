import { inspect } from 'node:util';
import { defineMail, html } from '@mailgrant/mail';
import { describe, expect, test } from 'vitest';
import { checkSchedules, defineSchedule, type AnySchedule, storedTiming } from '../src/schedule/definition.ts';
import { previewSchedule } from '../src/schedule/preview.ts';
import { keyOf } from '../src/schedule/recipient-key.ts';

const render = () => ({ from: 'noreply@contoso.com', to: 'ada@example.org', subject: 'Digest', text: 'News' });
const digest = { id: 'digest', cron: '0 9 * * MON-FRI', timeZone: 'Europe/Berlin', mailbox: 'noreply', render };

const check = (...definitions: AnySchedule[]) => checkSchedules(definitions, ['noreply', 'reports']);

describe('a schedule', () => {
  test('is complete once it is checked', () => {
    const schedule = check({ ...digest, cron: ' 0  9 * * MON-FRI' }).get('digest');
    expect(schedule).toMatchObject({ id: 'digest', mailbox: 'noreply' });
    expect(schedule?.stored).toEqual({
      cron: '0 9 * * MON-FRI',
      timeZone: 'Europe/Berlin',
      missed: 'once',
      missedGrace: 86_400_000,
      overlap: 'allow',
    });
  });

  test('needs no mailbox where there is only one', () => {
    const { mailbox: _, ...rest } = digest;
    expect(checkSchedules([rest], ['noreply']).get('digest')?.mailbox).toBe('noreply');
    expect(() => check(rest)).toThrow('schedules.digest.mailbox: is missing; give one of noreply, reports');
  });

  test('may be for one moment', () => {
    const { cron: _, timeZone: __, ...rest } = digest;
    const at = Date.UTC(2026, 11, 24, 16);
    for (const moment of [at, new Date(at), '2026-12-24T17:00:00+01:00', '2026-12-24T16:00Z']) {
      const { stored } = check({ ...rest, at: moment }).get('digest')!;
      expect(stored).toMatchObject({ at, timeZone: 'UTC' });
      expect(storedTiming(stored).next(0)).toBe(at);
    }
  });

  test('may have bounds', () => {
    const { stored } = check({ ...digest, from: '2026-12-01T00:00:00Z', until: '2026-12-02T00:00:00Z' }).get('digest')!;
    const timing = storedTiming(stored);
    expect(timing.next(0)).toBe(Date.UTC(2026, 11, 1, 8));
    expect(timing.next(Date.UTC(2026, 11, 1, 8))).toBeUndefined();
  });

  test.each<[change: object, words: string]>([
    [{ id: 'a b' }, 'schedules[0].id: "a b"; give 1 to 100 letters, digits, ".", "_" or "-"'],
    [{ id: 'a|b' }, 'schedules[0].id'],
    [{ mailbox: 'nobody' }, 'schedules.digest.mailbox: there is no mailbox "nobody"; give one of noreply, reports'],
    [{ render: undefined }, 'schedules.digest.render: give the function that makes the mail'],
    [{ recipients: ['ada@example.org'] }, 'schedules.digest.recipients: give a function'],
    [{ cron: '0 25 * * *' }, 'schedules.digest.cron: "0 25 * * *" is not a cron expression: "25" is no hour'],
    [{ cron: 7 }, 'schedules.digest.cron: 7 is not a cron expression'],
    [{ timeZone: undefined }, 'schedules.digest.timeZone: is missing; give an IANA name'],
    [{ timeZone: 'Berlin' }, 'schedules.digest.timeZone: "Berlin" is not known here'],
    [{ at: 1 }, 'schedules.digest.cron: a schedule has either cron, with timeZone, or at'],
    [{ cron: undefined }, 'schedules.digest.cron: a schedule has either cron, with timeZone, or at'],
    [{ cron: undefined, at: '2026-12-24 17:00' }, 'schedules.digest.at: "2026-12-24 17:00"; give a Date, epoch'],
    [{ cron: undefined, at: 1, from: 2 }, 'schedules.digest.at: one moment has no bounds'],
    [{ from: 'tomorrow' }, 'schedules.digest.from: "tomorrow"; give a Date, epoch milliseconds or a text such as'],
    [{ missed: 'never' }, 'schedules.digest.missed: "never"; give one of skip, once, all'],
    [{ overlap: 'queue' }, 'schedules.digest.overlap: "queue"; give one of allow, wait, skip'],
    [{ missedGrace: '6h' }, 'schedules.digest.missedGrace: "6h"; give milliseconds'],
    [{ missedGrace: Infinity }, 'schedules.digest.missedGrace: Infinity; give milliseconds'],
    [{ expiresAfter: -1 }, 'schedules.digest.expiresAfter: -1; give milliseconds'],
  ])('is refused with %j', (change, words) => {
    const wrong = { ...digest, ...change } as unknown as AnySchedule;
    expect(() => check(wrong)).toThrow(expect.objectContaining({ code: 'ERR_INPUT_OPTION' }));
    expect(() => check(wrong)).toThrow(words);
  });

  test('has an id of its own', () => {
    expect(() => check(digest, { ...digest, cron: '0 10 * * *' })).toThrow(
      'schedules[1].id: there are two schedules "digest"',
    );
  });
});

describe('the key of a recipient', () => {
  const keyed = (key?: (recipient: never) => string) => check({ ...digest, key }).get('digest')!;

  test.each<[recipient: unknown, key: string]>([
    ['ada@example.org', 'ada@example.org'],
    [7, '7'],
    [{ key: 'k', id: 7, to: 'ada@example.org' }, 'k'],
    [{ id: 7, email: 'ada@example.org' }, '7'],
    [{ to: 'ada@example.org', email: 'x' }, 'ada@example.org'],
    [{ email: 'ada@example.org' }, 'ada@example.org'],
  ])('%j has one', (recipient, key) => {
    expect(keyOf(keyed(), recipient)).toBe(key);
  });

  test('is what `key` says', () => {
    const byTeam = defineSchedule<{ team: string }>({ ...digest, key: ({ team }) => team });
    expect(keyOf(check(byTeam).get('digest')!, { team: 'red' })).toBe('red');
  });

  test('is missed where there is none', () => {
    for (const recipient of [{ name: 'Ada' }, '', undefined, null, { to: ['ada@example.org'] }]) {
      const act = () => keyOf(keyed(), recipient);
      expect(act, inspect(recipient)).toThrow(
        'schedules.digest.key: a recipient has none; yield texts, or objects with',
      );
    }
  });
});

test('what a schedule would do can be seen before it is one', () => {
  const after = Date.UTC(2026, 2, 27, 12);
  const times = { cron: '30 2 * * *', timeZone: 'Europe/Berlin' };
  const moments = previewSchedule(times, 3, after).map((moment) => new Date(moment).toISOString());
  expect(moments).toEqual(['2026-03-28T01:30:00.000Z', '2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z']);
  expect(previewSchedule(times)).toHaveLength(5);
  expect(previewSchedule({ at: after + 1 }, 3, after)).toEqual([after + 1]);
  expect(() => previewSchedule({ ...times, cron: '0 25 * * *' })).toThrow('schedule.cron: "0 25 * * *" is not a cron');
});

test('the type of a recipient is what `recipients` yields', () => {
  defineSchedule({
    ...digest,
    async *recipients() {
      yield { to: 'ada@example.org', unread: 3 };
    },
    render: ({ recipient, occurrence }) => {
      const unread: number = recipient.unread;
      return { ...render(), to: recipient.to, text: `${unread} at ${occurrence}` };
    },
  });
  defineSchedule({
    ...digest,
    recipients: () => ['ada@example.org'],
    // @ts-expect-error -- a text has no such field
    render: ({ recipient }) => ({ ...render(), to: recipient.address }),
  });
  expect(defineSchedule(digest)).toBe(digest);
});

test('a mail of defineMail() fits', async () => {
  const news = defineMail({
    name: 'news',
    subject: ({ unread }: { unread: number }) => `${unread} unread`,
    render: ({ unread }) => html`<p>You have ${unread} messages.</p>`,
    preview: { unread: 3 },
  });
  const schedule = defineSchedule({
    ...digest,
    recipients: () => [{ to: 'ada@example.org', unread: 3 }],
    render: ({ recipient: { to, unread } }) => news({ unread }, { from: 'noreply@contoso.com', to }),
  });
  const { signal } = new AbortController();
  const context = { scheduleId: 'digest', occurrence: 0, timeZone: 'UTC', signal };
  const recipient = { to: 'ada@example.org', unread: 3 };
  expect(await schedule.render({ ...context, recipient })).toMatchObject({ to: recipient.to, subject: '3 unread' });
});
