// What a schedule is made of, as people write it, and the same checked once and complete.
import { InputError, type OutgoingMail } from '@mailgrant/core';
import type { Mail } from '@mailgrant/nodemailer';
import { cronTiming } from './cron-expression.ts';
import { MISSED_POLICIES, type MissedPolicy } from './missed.ts';
import { boundedTiming, onceTiming, type Timing } from './timing.ts';

/** - `allow`: it runs all the same. `wait`: it runs after it. `skip`: it does not run. */
export type OverlapPolicy = 'allow' | 'wait' | 'skip';

const OVERLAP_POLICIES: readonly OverlapPolicy[] = ['allow', 'wait', 'skip'];

const DAY = 86_400_000;

/** An occurrence, for the functions that make its mails. */
export interface Occurrence {
  readonly scheduleId: string;
  /** The moment it stands for, epoch milliseconds; the same in every attempt, however late. */
  readonly occurrence: number;
  readonly timeZone: string;
  /** Aborted when the worker stops; the occurrence is begun again by whoever comes next. */
  readonly signal: AbortSignal;
}

export type Recipients<R> = Iterable<R> | AsyncIterable<R>;

/**
 * Sends mail at the moments of a cron expression, or at one moment.
 *
 * An occurrence that is interrupted is begun again: `recipients` runs again, and whoever has a mail already gets no second
 * one. For that, each recipient needs a key that is the same the next time.
 */
export interface ScheduleDefinition<R = undefined> {
  /** Names it for good: letters, digits, `.`, `_` and `-`. Another id is another schedule, with occurrences of its own. */
  readonly id: string;
  /** A cron expression of five fields, or six with seconds before them. docs/schedules.md */
  readonly cron?: string | undefined;
  /** The IANA name of the zone `cron` is about, such as `Europe/Berlin`. */
  readonly timeZone?: string | undefined;
  /** Instead of `cron`: one moment. A text needs its offset: `2026-12-24T17:00:00+01:00`. */
  readonly at?: Date | number | string | undefined;
  /** `cron` counts from this moment on. */
  readonly from?: Date | number | string | undefined;
  /** `cron` counts up to, not including, this moment. */
  readonly until?: Date | number | string | undefined;
  /** The mailbox to send from. May be left out where the worker has one only. */
  readonly mailbox?: string | undefined;
  /** To whom, asked at each occurrence. Without it there is one mail for each occurrence. */
  readonly recipients?: ((occurrence: Occurrence) => Recipients<R> | Promise<Recipients<R>>) | undefined;
  /**
   * What tells recipients apart. Default: the recipient itself if it is a text, else its `key`, `id`, `to` or `email`,
   * whichever comes first.
   */
  readonly key?: ((recipient: R) => string | number) | undefined;
  /** Makes the mail for a recipient; a mail of `defineMail()` fits. Nothing: this one gets none. */
  readonly render: (context: Occurrence & { readonly recipient: R }) => Rendered | Promise<Rendered>;
  /** What happens with occurrences that came while no worker ran. @default 'once' */
  readonly missed?: MissedPolicy | undefined;
  /** Milliseconds: what is older is not made up for. @default 86_400_000, a day */
  readonly missedGrace?: number | undefined;
  /** What happens when mails of an earlier occurrence are still waiting to be sent. @default 'allow' */
  readonly overlap?: OverlapPolicy | undefined;
  /** Milliseconds after the occurrence from which on its mails are not sent any more. Default: no end. */
  readonly expiresAfter?: number | undefined;
  /** As in `scheduleMail()`. */
  readonly priority?: number | undefined;
  readonly tag?: string | undefined;
  readonly sensitive?: boolean | undefined;
}

export type Rendered = Mail | OutgoingMail | null | undefined;

/** Gives `render` and `key` the type of what `recipients` yields. */
export function defineSchedule<R = undefined>(definition: ScheduleDefinition<R>): ScheduleDefinition<R> {
  return definition;
}

/** A schedule whatever its recipients are. */
export interface AnySchedule extends Omit<ScheduleDefinition<never>, 'recipients'> {
  readonly recipients?: ((occurrence: Occurrence) => Recipients<unknown> | Promise<Recipients<unknown>>) | undefined;
}

/** What is stored of a schedule: enough to know when it runs, without its functions. */
export interface StoredSchedule {
  readonly cron?: string;
  readonly timeZone: string;
  readonly at?: number;
  readonly from?: number;
  readonly until?: number;
  readonly missed: MissedPolicy;
  readonly missedGrace: number;
  readonly overlap: OverlapPolicy;
}

/** A checked definition. */
export interface Schedule {
  readonly id: string;
  readonly mailbox: string;
  readonly stored: StoredSchedule;
  readonly definition: ScheduleDefinition<unknown>;
}

/**
 * Checks schedules once, at the door.
 * @throws TypeError `ERR_INPUT_OPTION` naming schedule and option
 */
export function checkSchedules(
  definitions: readonly AnySchedule[],
  mailboxes: readonly string[],
): ReadonlyMap<string, Schedule> {
  const schedules = new Map<string, Schedule>();
  for (const [index, definition] of definitions.entries()) {
    const schedule = checkSchedule(definition, mailboxes, `schedules[${index}]`);
    if (schedules.has(schedule.id)) throw refused(`schedules[${index}].id`, `there are two schedules "${schedule.id}"`);
    schedules.set(schedule.id, schedule);
  }
  return schedules;
}

function checkSchedule(definition: AnySchedule, mailboxes: readonly string[], place: string): Schedule {
  const { id, render, recipients, key, mailbox = mailboxes.length === 1 ? mailboxes[0] : undefined } = definition;
  if (typeof id !== 'string' || !/^[\w.-]{1,100}$/.test(id)) {
    throw refused(`${place}.id`, `${JSON.stringify(id)}; give 1 to 100 letters, digits, ".", "_" or "-"`);
  }
  const where = `schedules.${id}`;
  if (mailbox === undefined || !mailboxes.includes(mailbox)) {
    const got = mailbox === undefined ? 'is missing' : `there is no mailbox ${JSON.stringify(mailbox)}`;
    throw refused(`${where}.mailbox`, `${got}; give one of ${mailboxes.join(', ')}`);
  }
  if (typeof render !== 'function') throw refused(`${where}.render`, 'give the function that makes the mail');
  for (const [name, value] of Object.entries({ recipients, key })) {
    if (value !== undefined && typeof value !== 'function') throw refused(`${where}.${name}`, 'give a function');
  }
  duration(`${where}.expiresAfter`, definition.expiresAfter, Infinity);
  const stored = toStored(definition, where);
  storedTiming(stored, where); // says what is wrong with the expression
  // The functions get back what their own `recipients` yielded; nobody else knows its type.
  return { id, mailbox, stored, definition: definition as unknown as ScheduleDefinition<unknown> };
}

/** What says when a schedule runs. */
export interface ScheduleTimes extends Pick<
  AnySchedule,
  'cron' | 'timeZone' | 'at' | 'from' | 'until' | 'missed' | 'missedGrace' | 'overlap'
> {}

/** @throws TypeError `ERR_INPUT_OPTION` naming the option; what is wrong with an expression, {@link storedTiming} says */
export function toStored(definition: ScheduleTimes, where: string): StoredSchedule {
  const { cron, timeZone, at, from, until, missed = 'once', overlap = 'allow' } = definition;
  if ((cron === undefined) === (at === undefined)) {
    throw refused(`${where}.cron`, 'a schedule has either cron, with timeZone, or at');
  }
  if (at !== undefined && (from !== undefined || until !== undefined)) {
    throw refused(`${where}.at`, 'one moment has no bounds; leave out from and until');
  }
  oneOf(`${where}.missed`, missed, MISSED_POLICIES);
  oneOf(`${where}.overlap`, overlap, OVERLAP_POLICIES);
  return {
    ...(cron !== undefined && { cron: typeof cron === 'string' ? cron.trim().replace(/\s+/g, ' ') : cron }),
    timeZone: at === undefined ? (timeZone ?? '') : (timeZone ?? 'UTC'),
    ...(at !== undefined && { at: moment(`${where}.at`, at) }),
    ...(from !== undefined && { from: moment(`${where}.from`, from) }),
    ...(until !== undefined && { until: moment(`${where}.until`, until) }),
    missed,
    missedGrace: duration(`${where}.missedGrace`, definition.missedGrace, DAY),
    overlap,
  };
}

/** The timing of what was stored. */
export function storedTiming({ cron, timeZone, at, from, until }: StoredSchedule, where = 'schedule'): Timing {
  if (at !== undefined) return onceTiming(at);
  return boundedTiming(
    cronTiming(cron ?? '', timeZone === '' ? (undefined as never) : timeZone, `${where}.cron`),
    from,
    until,
  );
}

function moment(where: string, value: Date | number | string): number {
  const time = value instanceof Date ? value.getTime() : typeof value === 'string' ? parse(value) : value;
  if (typeof time === 'number' && Number.isSafeInteger(time)) return time;
  throw refused(
    where,
    `${JSON.stringify(value)}; give a Date, epoch milliseconds or a text such as 2026-12-24T17:00:00+01:00`,
  );
}

/** Without an offset a text would mean another moment on a machine in another zone. */
function parse(text: string): number {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
}

function duration(where: string, value: number | undefined, otherwise: number): number {
  if (value === undefined) return otherwise;
  if (Number.isFinite(value) && value >= 0) return value;
  throw refused(where, `${typeof value === 'number' ? value : JSON.stringify(value)}; give milliseconds`);
}

function oneOf(where: string, value: string, values: readonly string[]): void {
  if (!values.includes(value)) throw refused(where, `${JSON.stringify(value)}; give one of ${values.join(', ')}`);
}

function refused(where: string, why: string): InputError {
  return new InputError('ERR_INPUT_OPTION', `${where}: ${why}`);
}
