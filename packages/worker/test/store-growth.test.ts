// The embedded store does not grow with the mails that went through it. `npm run crash -- --growth` does it with 50 000.
import { expect, test } from 'vitest';
import { grow } from './crash/growth.ts';
import { growthFailures } from './crash/report.ts';

test('log and tables keep their size while mails come and go', { timeout: 120_000 }, async () => {
  const report = await grow({ mails: 1000, kept: 200 });
  expect(report.sizes).toHaveLength(10);
  expect(growthFailures(report), JSON.stringify(report.sizes)).toEqual([]);
});
