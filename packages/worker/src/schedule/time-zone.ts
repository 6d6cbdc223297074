// Time zones by their IANA names: checked at the door, and moments printed in them.
import { InputError } from '@mailgrant/core';

/**
 * Returns the time zone if this Node knows it.
 * @throws TypeError `ERR_INPUT_OPTION` for anything but an IANA name. None is assumed: the zone of the machine would be
 *   another one on the next machine, and nine o'clock another hour.
 */
export function checkTimeZone(timeZone: unknown, where = 'timeZone'): string {
  if (typeof timeZone === 'string' && isTimeZone(timeZone)) return timeZone;
  const got = timeZone === undefined ? 'is missing' : `${JSON.stringify(timeZone)} is not known here`;
  throw new InputError(
    'ERR_INPUT_OPTION',
    `${where}: ${got}; give an IANA name such as "Europe/Berlin", "America/New_York" or "UTC"`,
  );
}

function isTimeZone(name: string): boolean {
  // Offsets such as "+02:00" are none: they know nothing of summer time.
  if (!/^[a-z]/i.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false; // RangeError: the only thing it throws for a string
  }
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** `Mon 2026-03-30 09:00:00 GMT+2`: a moment as clocks in the zone show it. */
export function localTime(moment: number, timeZone: string): string {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-GB', {
      timeZone,
      weekday: 'short',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
      timeZoneName: 'shortOffset',
    });
    formats.set(timeZone, format);
  }
  const part = Object.fromEntries(format.formatToParts(moment).map(({ type, value }) => [type, value]));
  const { weekday, year, month, day, hour, minute, second, timeZoneName } = part;
  return `${weekday} ${year}-${month}-${day} ${hour}:${minute}:${second} ${timeZoneName}`;
}
