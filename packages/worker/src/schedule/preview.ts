// When a schedule would run, before it is one: for forms, for tests, for whoever is not sure of an expression.
import { type ScheduleTimes, storedTiming, toStored } from './definition.ts';
import { nextOccurrences } from './timing.ts';

/**
 * The next `count` moments of a schedule, epoch milliseconds.
 *
 * @param count 1 to 1000. Default 5
 * @param after epoch milliseconds, itself excluded. Default: now
 * @throws TypeError `ERR_INPUT_OPTION` saying what is wrong with the expression, the time zone or the moment
 */
export function previewSchedule(
  times: ScheduleTimes,
  count: number = 5,
  after: number = Date.now(),
): readonly number[] {
  return nextOccurrences(storedTiming(toStored(times, 'schedule')), after, Math.min(count, 1000));
}
