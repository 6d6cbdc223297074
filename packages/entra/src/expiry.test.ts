import { expect, test } from 'vitest';
import { createExpiryWatch, type Expiry, expiryWarnings } from './expiry.ts';

const DAY = 86_400_000;
const secret = (expiresAt: number): Expiry => ({ what: 'secret', name: 'secret 1', expiresAt });

test.for([
  [31, []],
  [30, [30]],
  [14.5, [30]],
  [14, [14]],
  [7, [7]],
  [1, [1]],
  [0, [0]],
  [-5, [0]],
] as const)('%d days before the end the warnings are %j', ([left, days]) => {
  expect(expiryWarnings([secret(left * DAY)], 0).map((warning) => warning.days)).toEqual(days);
});

test('the nearest end comes first', () => {
  const later: Expiry = { what: 'certificate', name: 'certificate 1', expiresAt: 9 * DAY };
  expect(expiryWarnings([later, secret(2 * DAY)], 0)).toMatchObject([
    { name: 'secret 1', left: 2 * DAY, days: 7 },
    { name: 'certificate 1', days: 14 },
  ]);
});

test('a watch says each warning once, the last only of those that were missed, and begins anew with a new end', () => {
  const watch = createExpiryWatch();
  const days = (expiresAt: number, now: number) => watch.check([secret(expiresAt)], now).map((warning) => warning.days);
  expect([0, 10, 11, 39, 40, 41].map((now) => days(40 * DAY, now * DAY))).toEqual([[], [30], [], [1], [0], []]);
  expect(days(60 * DAY, 41 * DAY)).toEqual([30]);
});
