// What follows from a class alone. Which message waits, which queue stops and who is told is the caller's policy.
import type { DiagnosisClass, RetryAdvice } from './entry.ts';

/** What is true of every diagnosis of one class. */
export interface ClassPolicy {
  /** The same thing cannot succeed later unless somebody changes something. */
  readonly isFinal: boolean;
  /** Nothing else from this mailbox will succeed either; going on may make it worse. */
  readonly stopsMailbox: boolean;
  /** The mailbox may go on, with fewer connections or more slowly. */
  readonly slowsMailbox: boolean;
  /** The access token must be replaced before the next attempt. */
  readonly renewsToken: boolean;
  /** A person should be told now. */
  readonly needsPerson: boolean;
  /** Whether and when to try the same again. */
  readonly retry: RetryAdvice;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

const PASSES = { isFinal: false, stopsMailbox: false, slowsMailbox: false, renewsToken: false, needsPerson: false };
const STAYS = { ...PASSES, isFinal: true };

function never(afterwards: DiagnosisClass): RetryAdvice {
  return { attempts: 'none', wait: 0, longestWait: 0, giveUpAfter: 0, afterwards };
}

function many(wait: number, longestWait: number, giveUpAfter: number, afterwards: DiagnosisClass): RetryAdvice {
  return { attempts: 'many', wait, longestWait, giveUpAfter, afterwards };
}

const POLICIES: Readonly<Record<DiagnosisClass, ClassPolicy>> = {
  transient: { ...PASSES, retry: many(MINUTE, 15 * MINUTE, Infinity, 'transient') },
  'slow-down': { ...PASSES, slowsMailbox: true, retry: many(5 * SECOND, 15 * MINUTE, Infinity, 'slow-down') },
  propagation: { ...PASSES, stopsMailbox: true, retry: many(10 * MINUTE, 30 * MINUTE, 120 * MINUTE, 'admin') },
  admin: { ...STAYS, stopsMailbox: true, needsPerson: true, retry: never('admin') },
  token: {
    ...PASSES,
    renewsToken: true,
    retry: { attempts: 'one', wait: 0, longestWait: 0, giveUpAfter: Infinity, afterwards: 'admin' },
  },
  message: { ...STAYS, retry: never('message') },
  recipient: { ...STAYS, retry: never('recipient') },
  blocked: { ...STAYS, stopsMailbox: true, needsPerson: true, retry: never('blocked') },
};

/**
 * What follows from a class of diagnosis, whatever the particular cause. The `retry` of an `Explanation` is this with the
 * particulars put in.
 */
export function classPolicy(diagnosisClass: DiagnosisClass): ClassPolicy {
  return POLICIES[diagnosisClass];
}
