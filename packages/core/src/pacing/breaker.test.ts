import { expect, test } from 'vitest';
import { Breaker } from './breaker.ts';

const MINUTE = 60_000;
const breaker = (): Breaker => new Breaker(() => 0);

test('a reason only an administrator can remove opens it at the first failure', () => {
  const subject = breaker();
  expect(subject.failed('admin', 'SendAsDenied', 0, false)).toBe(true);
  expect(subject.admit(1)).toBeUndefined();
  expect(subject.state(1)).toEqual({ position: 'open', until: 15 * MINUTE, reason: 'SendAsDenied' });
});

test('after the pause one attempt finds out, and only one', () => {
  const subject = breaker();
  subject.failed('admin', 'x', 0, false);
  expect(subject.admit(15 * MINUTE)).toBe('probe');
  expect(subject.admit(15 * MINUTE)).toBeUndefined();
  subject.succeeded(true);
  expect(subject.admit(15 * MINUTE)).toBe('free');
});

test('an attempt that fails again doubles the pause, up to its longest', () => {
  const subject = breaker();
  let now = 0;
  const pauses: number[] = [];
  for (let i = 0; i < 5; i++) {
    subject.failed('admin', 'x', now, i > 0);
    pauses.push((subject.state(now).until - now) / MINUTE);
    now = subject.state(now).until;
    expect(subject.admit(now)).toBe('probe');
  }
  expect(pauses).toEqual([15, 30, 60, 60, 60]);
});

test('an attempt that was given up lets another one try', () => {
  const subject = breaker();
  subject.failed('admin', 'x', 0, false);
  expect(subject.admit(15 * MINUTE)).toBe('probe');
  subject.abandoned(true);
  expect(subject.admit(15 * MINUTE)).toBe('probe');
});

test('passing faults open it only when there is nothing but faults', () => {
  const subject = breaker();
  for (let i = 0; i < 4; i++) expect(subject.failed('transient', 'x', i, false)).toBe(false);
  subject.succeeded(false);
  for (let i = 0; i < 4; i++) expect(subject.failed('transient', 'x', i, false)).toBe(false);
  expect(subject.failed('transient', 'x', 5, false)).toBe(true);
});

test('what was under way when it opened neither closes it nor makes the pause longer', () => {
  const subject = breaker();
  subject.failed('blocked', 'x', 0, false);
  const { until } = subject.state(0);
  subject.succeeded(false);
  expect(subject.failed('blocked', 'y', 1, false)).toBe(false);
  expect(subject.state(1)).toEqual({ position: 'open', until, reason: 'x' });
});

test('an older attempt does not take the place of the probe', () => {
  const subject = breaker();
  subject.failed('admin', 'x', 0, false);
  subject.admit(15 * MINUTE);
  subject.abandoned(false);
  expect(subject.admit(15 * MINUTE)).toBeUndefined();
});

test('bad messages and bad recipients say nothing of the mailbox', () => {
  const subject = breaker();
  for (let i = 0; i < 100; i++) subject.failed(i % 2 ? 'message' : 'recipient', 'x', i, false);
  expect(subject.admit(100)).toBe('free');
});

test('a longer wait asked for by the other side is kept', () => {
  const subject = breaker();
  subject.failed('slow-down', 'x', 0, false, 90_000);
  expect(subject.state(0).until).toBe(90_000);
});
