// From a diagnosis to a decision.
import { classPolicy, type DiagnosisClass } from '@mailgrant/core/diagnosis';
import { describe, expect, test } from 'vitest';
import { type Failure, retryPolicy, type RetryState } from '../src/index.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
const NOW = 1_800_000_000_000;

const policy = retryPolicy(3 * DAY);
const fresh: RetryState = { now: NOW, failures: 0, failingSince: undefined, blocks: 0, random: 0 };
const failure = (kind: DiagnosisClass, more: Partial<Failure> = {}): Failure => ({
  class: kind,
  aboutSender: false,
  beforeMail: false,
  advice: classPolicy(kind).retry,
  ...more,
});

test.each(['message', 'recipient'] as const)(
  '%s: no second try, even where it was found before the server heard of it',
  (kind) => {
    expect(policy(failure(kind), fresh).mail).toEqual({ kind: 'give-up' });
    expect(policy(failure(kind, { beforeMail: true }), fresh).mail).toEqual({ kind: 'give-up' });
  },
);

describe('a failure of the mail itself', () => {
  test('waits twice as long each time, up to an hour', () => {
    const waits = Array.from({ length: 9 }, (_, failures) => {
      const { mail } = policy(failure('transient'), { ...fresh, failures });
      return mail.kind === 'retry' && mail.counts ? (mail.at - NOW) / MINUTE : undefined;
    });
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
  });

  test('is spread by up to a quarter, so that not all come back at once', () => {
    expect(policy(failure('transient'), { ...fresh, random: 1 }).mail).toMatchObject({ at: NOW + 1.25 * MINUTE });
  });

  test('is given up after the longest age, counted from its first failure', () => {
    const state = { ...fresh, failures: 70 };
    expect(policy(failure('transient'), { ...state, failingSince: NOW - 3 * DAY + 1 }).mail.kind).toBe('retry');
    expect(policy(failure('transient'), { ...state, failingSince: NOW - 3 * DAY }).mail.kind).toBe('give-up');
  });

  test('a change that does not arrive is waited for two hours where it is about one sender', () => {
    const about = failure('propagation', { aboutSender: true });
    expect(policy(about, fresh)).toMatchObject({ mail: { kind: 'retry', at: NOW + 10 * MINUTE }, mailbox: undefined });
    expect(policy(about, { ...fresh, failingSince: NOW - 2 * 60 * MINUTE })).toMatchObject({
      mail: { kind: 'give-up' },
      alert: true,
    });
  });

  test('a sender who may not send is nothing that time heals', () => {
    expect(policy(failure('admin', { aboutSender: true }), fresh)).toEqual({
      mail: { kind: 'give-up' },
      mailbox: undefined,
      alert: true,
    });
  });
});

describe('a failure of the mailbox', () => {
  test.each([
    ['slow-down', 10_000, 15 * MINUTE, false],
    ['propagation', 10 * MINUTE, 30 * MINUTE, false],
    ['token', 5 * MINUTE, 60 * MINUTE, true],
    ['admin', 15 * MINUTE, 60 * MINUTE, true],
    ['blocked', 60 * MINUTE, 240 * MINUTE, true],
  ] as const)(
    '%s: it rests %i ms at first and %i at most, and is not held against the mail',
    (kind, first, longest, alert) => {
      const decision = policy(failure(kind), fresh);
      expect(decision).toEqual({
        mail: { kind: 'retry', at: NOW + first, counts: false },
        mailbox: { until: NOW + first, slower: kind === 'slow-down' },
        alert,
      });
      expect(policy(failure(kind), { ...fresh, blocks: 20 }).mailbox?.until).toBe(NOW + longest);
      const old = { ...fresh, failures: 3, failingSince: NOW - 30 * DAY };
      expect(policy(failure(kind), old).mail.kind).toBe('retry');
    },
  );

  test('before the server has heard of the mail, everything that passes is one', () => {
    expect(policy(failure('transient', { beforeMail: true }), fresh)).toEqual({
      mail: { kind: 'retry', at: NOW + 5_000, counts: false },
      mailbox: { until: NOW + 5_000, slower: false },
      alert: false,
    });
  });

  test('what the server asks to wait is waited', () => {
    const advice = { ...classPolicy('slow-down').retry, wait: 60 * MINUTE };
    expect(policy(failure('slow-down', { advice }), fresh).mailbox?.until).toBe(NOW + 60 * MINUTE);
  });

  test('people are told once, and when a change has not arrived after two hours', () => {
    expect(policy(failure('admin'), { ...fresh, blocks: 1 }).alert).toBe(false);
    const alerts = Array.from({ length: 8 }, (_, blocks) => policy(failure('propagation'), { ...fresh, blocks }).alert);
    expect(alerts.indexOf(true)).toBeGreaterThan(3);
    expect(alerts.at(-1)).toBe(true);
  });
});
