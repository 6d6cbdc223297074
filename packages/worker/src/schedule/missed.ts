// What happens with occurrences whose time went by while nobody could run them. Pure.
import { lastOccurrences, occurrencesBetween, type Timing } from './timing.ts';

/**
 * - `skip`: they do not run.
 * - `once`: the latest of them runs, unless one is due just now anyway.
 * - `all`: each of them runs, oldest first; at most the last 1000.
 */
export type MissedPolicy = 'skip' | 'once' | 'all';

export const MISSED_POLICIES: readonly MissedPolicy[] = ['skip', 'once', 'all'];

/** Milliseconds. What starts at most so late counts as on time: a restart is no reason to leave out a digest. */
export const ON_TIME = 60_000;

/** How many occurrences `all` makes up for at most. */
const MOST_CAUGHT_UP = 1000;

export interface MissedRules {
  readonly missed: MissedPolicy;
  /** Milliseconds: what is older is not made up for. */
  readonly missedGrace: number;
}

export interface OccurrencePlan {
  /** Occurrences to run now, oldest first. */
  readonly run: readonly number[];
  /** What is left out for good: the first and the last of these moments. */
  readonly skipped: { readonly first: number; readonly last: number } | undefined;
  /** The first occurrence that is still to come. */
  readonly next: number | undefined;
}

/**
 * Decides about all occurrences after `cursor`, the last one that was decided about.
 * The same arguments give the same plan on every worker.
 */
export function planOccurrences(
  timing: Timing,
  { cursor, now, missed, missedGrace }: MissedRules & { readonly cursor: number; readonly now: number },
): OccurrencePlan {
  const next = timing.next(Math.max(now, cursor));
  const late = now - ON_TIME;
  const punctual = occurrencesBetween(timing, Math.max(cursor, late - 1), now);
  const first = timing.next(cursor);
  if (first === undefined || first >= late) return { run: punctual, skipped: undefined, next };

  const oldest = Math.max(cursor, now - missedGrace - 1);
  const wanted = missed === 'all' ? MOST_CAUGHT_UP : missed === 'once' && punctual.length === 0 ? 1 : 0;
  const caughtUp = lastOccurrences(timing, oldest, late - 1, wanted);
  const last = lastOccurrences(timing, cursor, caughtUp[0] === undefined ? late - 1 : caughtUp[0] - 1, 1)[0];
  return { run: [...caughtUp, ...punctual], skipped: last === undefined ? undefined : { first, last }, next };
}
