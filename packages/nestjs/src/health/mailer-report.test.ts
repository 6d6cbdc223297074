import { expect, test } from 'vitest';
import { reportOf } from './mailer-report.ts';

const report = (reason: string, failure?: unknown) =>
  reportOf({ status: 'down', pending: 0, reasons: [reason], accounts: [] }, failure).reasons;

test.each([
  ['sending as ceo@contoso.com is suspended: 554 5.2.252', 'sending as [address] is suspended: 554 5.2.252'],
  ['550 <ada@example.org>: no such user (to=eve@example.org)', '550 <[address]>: no such user (to=[address])'],
  ['refused for "ada@example.org",\'müller@exämple.org\'', 'refused for "[address]",\'[address]\''],
  ['3 of 10 are left', '3 of 10 are left'],
])('reasons name no address: %s', (reason, shown) => {
  expect(report(reason)).toEqual([shown]);
});

test('a failed login is told by its code only', () => {
  expect(report('x', Object.assign(new Error('for ada@example.org'), { code: 'ERR_SMTP_AUTH_REFUSED' }))).toEqual([
    'x',
    'login failed: ERR_SMTP_AUTH_REFUSED',
  ]);
  expect(report('x', 'no error at all')).toEqual(['x', 'login failed: no code']);
});

test('a text that a server made long on purpose takes no time', () => {
  const [shown = ''] = report(`${'a'.repeat(1_000_000)} ${'"'.repeat(1_000_000)}`);
  expect(shown).toHaveLength(2_000_001);
});
