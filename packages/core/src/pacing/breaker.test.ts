import { expect, test } from 'vitest';
import { Breaker } from './breaker.ts';

const MINUTE = 60_000;
const breaker = (): Breaker => new Breaker(() => 0);

test('a reason only an administrator can remove opens it at the first failure', () => {
  const subject = breaker();
  expect(subject.failed('admin', 'SendAsDenied', 0)).toBe(true);
  expect(subject.admit(1)).toBe(false);
  expect(subject.state(1)).toEqual({ position: 'open', until: 15 * MINUTE, reason: 'SendAsDenied' });
});

test('after the pause one attempt finds out, and only one', () => {
  const subject = breaker();
  subject.failed('admin', 'x', 0);
  expect(subject.admit(15 * MINUTE)).toBe(true);
  expect(subject.admit(15 * MINUTE)).toBe(false);
  subject.succeeded();
  expect(subject.state(15 * MINUTE).position).toBe('closed');
});

test('an attempt that fails again doubles the pause, up to its longest', () => {
  const subject = breaker();
  let now = 0;
  const pauses: number[] = [];
  for (let i = 0; i < 5; i++) {
    subject.failed('admin', 'x', now);
    pauses.push((subject.state(now).until - now) / MINUTE);
    now = subject.state(now).until;
    expect(subject.admit(now)).toBe(true);
  }
  expect(pauses).toEqual([15, 30, 60, 60, 60]);
});

test('an attempt that was given up lets another one try', () => {
  const subject = breaker();
  subject.failed('admin', 'x', 0);
  expect(subject.admit(15 * MINUTE)).toBe(true);
  subject.abandoned();
  expect(subject.admit(15 * MINUTE)).toBe(true);
});

test('passing faults open it only when there is nothing but faults', () => {
  const subject = breaker();
  for (let i = 0; i < 4; i++) expect(subject.failed('transient', 'x', i)).toBe(false);
  subject.succeeded();
  for (let i = 0; i < 4; i++) expect(subject.failed('transient', 'x', i)).toBe(false);
  expect(subject.failed('transient', 'x', 5)).toBe(true);
});

test('neighbours that fail with it do not make the pause longer', () => {
  const subject = breaker();
  subject.failed('slow-down', 'x', 0);
  const { until } = subject.state(0);
  expect(subject.failed('slow-down', 'x', 1)).toBe(false);
  expect(subject.state(1).until).toBe(until);
});

test('bad messages and bad recipients say nothing of the mailbox', () => {
  const subject = breaker();
  for (let i = 0; i < 100; i++) subject.failed(i % 2 ? 'message' : 'recipient', 'x', i);
  expect(subject.admit(100)).toBe(true);
});

test('a longer wait asked for by the other side is kept', () => {
  const subject = breaker();
  subject.failed('slow-down', 'x', 0, 90_000);
  expect(subject.state(0).until).toBe(90_000);
});
