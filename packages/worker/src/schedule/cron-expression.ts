// A cron expression in a time zone, as a function of time. What a bad one is told: which field, what is wrong, what goes.
import { InputError } from '@mailgrant/core';
import { Cron } from 'croner';
import { checkTimeZone } from './time-zone.ts';
import type { Timing } from './timing.ts';

interface Field {
  readonly name: string;
  readonly range: string;
}

const SECOND: Field = { name: 'second', range: '0 to 59' };
const FIELDS: readonly Field[] = [
  { name: 'minute', range: '0 to 59' },
  { name: 'hour', range: '0 to 23' },
  { name: 'day of month', range: '1 to 31, L (the last day) or 15W (the weekday next to the 15th)' },
  { name: 'month', range: '1 to 12 or JAN to DEC' },
  {
    name: 'day of week',
    range: '0 to 7 (0 and 7 are Sunday), SUN to SAT, FRI#2 (the second Friday) or FRI#L (the last)',
  },
];

const NICKNAMES = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'];

/**
 * Reads a cron expression: `minute hour day-of-month month day-of-week`, with seconds before them if there are six fields,
 * or `@yearly`, `@monthly`, `@weekly`, `@daily`, `@hourly`. Times that are written out (`30 2 * * *`, `0 9,17 * * *`) happen
 * once on every day, whatever the clocks do; intervals (`*`, and steps of it) go by the time that passes.
 *
 * @param where the option's name, for the error: `schedules.digest.cron`
 * @throws TypeError `ERR_INPUT_OPTION` for an expression that is none or never comes true, and for an unknown time zone
 */
export function cronTiming(expression: string, timeZone: string, where = 'cron'): Timing {
  const zone = checkTimeZone(timeZone, where.replace(/cron$/, 'timeZone'));
  if (typeof expression !== 'string')
    throw refused(where, expression, 'a cron expression is a text such as "0 9 * * MON-FRI"');
  const text = expression.trim().replace(/\s+/g, ' ');
  checkFields(text, where);
  const cron = create(text, zone);
  const next = (after: number): number | undefined => cron.nextRun(new Date(after))?.getTime();
  // From a moment that does not depend on today, so that what is accepted now is accepted at the next start.
  if (next(Date.UTC(2000, 0, 1)) === undefined) {
    throw refused(where, expression, 'there is no such day; it would never run');
  }
  return { next };
}

function create(text: string, timeZone: string): Cron {
  return new Cron(text, { timezone: timeZone, paused: true, mode: '5-or-6-parts', fixedTimeRule: 'no-wildcard' });
}

function checkFields(text: string, where: string): void {
  if (text.startsWith('@')) {
    if (NICKNAMES.includes(text.toLowerCase())) return;
    throw refused(where, text, `the names that stand for expressions are ${NICKNAMES.join(', ')}`);
  }
  const parts = text === '' ? [] : text.split(' ');
  if (parts.length !== 5 && parts.length !== 6) {
    const wanted = 'five are needed: minute, hour, day of month, month, day of week; or six, with seconds before them';
    throw refused(where, text, `it has ${parts.length} ${parts.length === 1 ? 'field' : 'fields'}, ${wanted}`);
  }
  const fields = parts.length === 6 ? [SECOND, ...FIELDS] : FIELDS;
  for (const [index, part] of parts.entries()) {
    const field = fields[index];
    if (field === undefined || isField(part, index, parts.length)) continue;
    throw refused(where, text, `"${part}" is no ${field.name} (field ${index + 1}): ${help(part, field)}`);
  }
}

/** Whether the field can stand in an expression whose other fields are all `*`. */
function isField(part: string, index: number, count: number): boolean {
  // croner puts the moment of starting in place of `?`: on two machines two schedules.
  if (part.includes('?')) return false;
  try {
    create(Array.from({ length: count }, (_, at) => (at === index ? part : '*')).join(' '), 'UTC');
    return true;
  } catch {
    return false; // croner's words name neither the field by its place nor what would be right; ours do
  }
}

function help(part: string, { range }: Field): string {
  if (part.includes('?')) return 'use *';
  if (/^\/|^\d+\//.test(part)) return `a step follows * or a range, such as */${part.split('/')[1] || 5}`;
  const [from = '', to = ''] = part.split('-');
  if (/^\w+-\w+$/.test(part) && !part.includes('/') && isWord(from) && isWord(to)) {
    return `use ${range}; a range goes upwards, one that goes past the end is a list of two, such as SAT,SUN,MON`;
  }
  return `use ${range}; several as a list (1,3), a range (1-5) or steps (*/2)`;
}

const isWord = (text: string): boolean => /^(?:\d{1,2}|[a-z]{3})$/i.test(text);

function refused(where: string, got: unknown, why: string): InputError {
  return new InputError('ERR_INPUT_OPTION', `${where}: ${JSON.stringify(got)} is not a cron expression: ${why}`);
}
