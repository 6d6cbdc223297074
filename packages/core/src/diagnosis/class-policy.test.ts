import { expect, test } from 'vitest';
import { classPolicy } from './class-policy.ts';

const CLASSES = ['transient', 'slow-down', 'propagation', 'admin', 'token', 'message', 'recipient', 'blocked'] as const;

test.each(CLASSES)('%s is final exactly if nothing may be tried again', (diagnosisClass) => {
  const { isFinal, retry } = classPolicy(diagnosisClass);
  expect(retry.attempts === 'none').toBe(isFinal);
  expect(retry.longestWait).toBeGreaterThanOrEqual(retry.wait);
});

test('what concerns the mailbox stops it, what concerns one message does not', () => {
  const stopping = CLASSES.filter((each) => classPolicy(each).stopsMailbox);
  expect(stopping).toEqual(['propagation', 'admin', 'blocked']);
  expect(CLASSES.filter((each) => classPolicy(each).slowsMailbox)).toEqual(['slow-down']);
  expect(CLASSES.filter((each) => classPolicy(each).renewsToken)).toEqual(['token']);
  expect(CLASSES.filter((each) => classPolicy(each).needsPerson)).toEqual(['admin', 'blocked']);
});

test('a refused token is renewed once, then somebody has to act; so it is after two hours of waiting for a change', () => {
  expect(classPolicy('token').retry).toMatchObject({ attempts: 'one', afterwards: 'admin' });
  expect(classPolicy('propagation').retry).toMatchObject({ giveUpAfter: 7_200_000, afterwards: 'admin' });
});
