// What becomes of a mail that was not taken. Pure: from a diagnosis and the past to a decision.
import { classPolicy, type DiagnosisClass, type RetryAdvice } from '@mailgrant/core/diagnosis';

/** What went wrong, read from the diagnosis. */
export interface Failure {
  readonly class: DiagnosisClass;
  /** The sender address was refused: other senders of the mailbox are not concerned. */
  readonly aboutSender: boolean;
  /** It failed before the server had heard of this mail: no token, no connection, no login. */
  readonly beforeMail: boolean;
  readonly advice: RetryAdvice;
}

/** What happened before. Times are epoch milliseconds. */
export interface RetryState {
  readonly now: number;
  /** How often this mail failed for reasons of its own, this time not counted. */
  readonly failures: number;
  readonly failingSince: number | undefined;
  /** How often in a row the mailbox was blocked. */
  readonly blocks: number;
  /** From 0 to 1. */
  readonly random: number;
}

export interface RetryDecision {
  readonly mail:
    | { readonly kind: 'retry'; readonly at: number; readonly counts: boolean }
    | { readonly kind: 'give-up' };
  /** Nothing goes out from the mailbox before `until`; `slower`: with one connection fewer afterwards. */
  readonly mailbox: { readonly until: number; readonly slower: boolean } | undefined;
  /** A person should be told now. */
  readonly alert: boolean;
}

/** Decides about a failure. Replaceable: `retry: { policy }` of the worker. */
export type RetryPolicy = (failure: Failure, state: RetryState) => RetryDecision;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** How long a mailbox rests at first, and at most: core's breaker waits alike. */
const RESTS: Readonly<Record<DiagnosisClass, readonly [number, number]>> = {
  // A connection that was lost may be had again at once.
  transient: [5_000, 15 * MINUTE],
  'slow-down': [10_000, 15 * MINUTE],
  // A change in Microsoft 365 takes 30 to 90 minutes to arrive.
  propagation: [5 * MINUTE, 30 * MINUTE],
  admin: [15 * MINUTE, HOUR],
  token: [5 * MINUTE, HOUR],
  blocked: [HOUR, 4 * HOUR],
  message: [30_000, 15 * MINUTE],
  recipient: [30_000, 15 * MINUTE],
};

/**
 * The policy of the worker. A mail is never given up for what is wrong with its mailbox: then the mailbox rests, and the mail
 * waits with all others, until it works again or the mail expires.
 *
 * @param maxAge milliseconds for which a mail that fails by itself is tried again
 */
export function retryPolicy(maxAge: number): RetryPolicy {
  return (failure, state) => {
    const policy = classPolicy(failure.class);
    // No second try and no other server will take it.
    if (failure.class === 'message' || failure.class === 'recipient') return giveUp(false);
    const stops = (policy.stopsMailbox || failure.class === 'token') && !failure.aboutSender;
    if (stops || policy.slowsMailbox || failure.beforeMail) return rest(failure, state);
    return again(failure, state, maxAge);
  };
}

function rest({ class: kind, advice }: Failure, { now, blocks, random }: RetryState): RetryDecision {
  const [first, longest] = RESTS[kind];
  // What passes by itself gives its advice for one mail; here all of them wait.
  const asked = kind === 'transient' ? 0 : advice.wait;
  const until = now + Math.max(asked, growing(first, longest, blocks, random));
  const rested = Array.from({ length: blocks }, (_, before) => growing(first, longest, before, 0));
  const waited = rested.reduce((sum, time) => sum + time, 0);
  const stuck = kind === 'propagation' && waited >= advice.giveUpAfter;
  return {
    mail: { kind: 'retry', at: until, counts: false },
    mailbox: { until, slower: kind === 'slow-down' },
    alert: (classPolicy(kind).needsPerson || kind === 'token' || stuck) && (blocks === 0 || stuck),
  };
}

function again(
  failure: Failure,
  { now, failures, failingSince = now, random }: RetryState,
  maxAge: number,
): RetryDecision {
  const { advice } = failure;
  const longest = Math.min(maxAge, advice.giveUpAfter);
  const wait = growing(Math.max(advice.wait, MINUTE), Math.max(advice.longestWait, HOUR), failures, random);
  if (advice.attempts === 'none' || now - failingSince >= longest) return giveUp(failure.aboutSender);
  return { mail: { kind: 'retry', at: now + wait, counts: true }, mailbox: undefined, alert: false };
}

const giveUp = (alert: boolean): RetryDecision => ({ mail: { kind: 'give-up' }, mailbox: undefined, alert });

/** Twice as long each time, up to a longest, and up to a quarter more so that not all come back at once. */
function growing(first: number, longest: number, times: number, random: number): number {
  return Math.round(Math.min(first * 2 ** Math.min(times, 30), longest) * (1 + random / 4));
}
