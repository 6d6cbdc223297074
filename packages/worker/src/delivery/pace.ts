// How fast a mailbox sends, as GCRA (the generic cell rate algorithm) has it: one message each `spacing` on average.

/** Milliseconds. */
export interface Pace {
  readonly spacing: number;
  /** How much earlier than its time a message may go, so that the time lost by waking up late is not lost for good. */
  readonly tolerance: number;
}

/** How much slower than allowed: what the way to the server may shift messages towards each other without breaking the limit. */
const MARGIN = 0.03;

/**
 * Of `rate` messages a minute, n + 1 in a row take at least n spacings less the tolerance, and that must be more than n
 * allowed spacings: the tolerance and the jitter of the network share what the margin adds up to.
 */
export function paceOf(ratePerMinute: number): Pace {
  const allowed = 60_000 / ratePerMinute;
  return {
    spacing: allowed * (1 + MARGIN),
    tolerance: allowed * Math.min(0.3, (ratePerMinute * MARGIN) / 3),
  };
}
