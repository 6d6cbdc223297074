// When something happens: a function of time, and what can be asked of any such function.

/** The moments of a schedule, in epoch milliseconds. */
export interface Timing {
  /** The first one after `after`, itself excluded; `undefined` when there is none any more. */
  next(after: number): number | undefined;
}

/** Happens once. */
export function onceTiming(at: number): Timing {
  return { next: (after) => (after < at ? at : undefined) };
}

/** The moments within `[from, until)`; an absent bound is none. */
export function boundedTiming(timing: Timing, from: number | undefined, until: number | undefined): Timing {
  return {
    next(after) {
      const next = timing.next(from === undefined ? after : Math.max(after, from - 1));
      return next === undefined || (until !== undefined && next >= until) ? undefined : next;
    },
  };
}

export function isOccurrence(timing: Timing, moment: number): boolean {
  return timing.next(moment - 1) === moment;
}

/** The next `count` moments after `after`. */
export function nextOccurrences(timing: Timing, after: number, count: number): number[] {
  const found: number[] = [];
  for (let at = timing.next(after); at !== undefined && found.length < count; at = timing.next(at)) found.push(at);
  return found;
}

/** The moments in `(after, until]`, oldest first: all, or the first `limit`. */
export function occurrencesBetween(timing: Timing, after: number, until: number, limit: number = Infinity): number[] {
  const found: number[] = [];
  for (let at = timing.next(after); at !== undefined && at <= until && found.length < limit; at = timing.next(at)) {
    found.push(at);
  }
  return found;
}

/** The last `count` moments in `(after, until]`, oldest first. */
export function lastOccurrences(timing: Timing, after: number, until: number, count: number): number[] {
  if (count < 1 || after >= until) return [];
  // Looking back further and further finds the last of many without walking through all of them.
  for (let span = 1000; ; span *= 4) {
    const start = Math.max(after, until - span);
    const found = occurrencesBetween(timing, start, until);
    if (found.length >= count || start === after) return found.slice(-count);
  }
}
