import { describe, expect, test } from 'vitest';
import { readSettings, USAGE, UsageError } from '../src/settings.ts';
import { openTarget } from '../src/target.ts';
import { ACCOUNT } from './fixtures.ts';

describe('with an account in the environment', () => {
  test('the demo sends through Microsoft 365 itself', async () => {
    const target = await openTarget(readSettings([], ACCOUNT)!);
    expect(target).toMatchObject({
      tokenEndpoint: 'https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/token',
      scope: 'https://outlook.office365.com/.default',
      server: {},
      user: 'noreply@contoso.com',
      sender: 'noreply@contoso.com',
      to: ['guest@example.com', 'team@example.com'],
      sandbox: undefined,
    });
    expect(target.clientSecret.reveal()).toBe(ACCOUNT.MAILGRANT_CLIENT_SECRET);
  });

  test('the secret does not print', async () => {
    const settings = readSettings([], ACCOUNT);
    expect(JSON.stringify([settings, await openTarget(settings!)])).not.toContain('Zz98Q~');
  });

  test('settings that are empty count as missing', () => {
    expect(() => readSettings([], { ...ACCOUNT, MAILGRANT_TO: ' ' })).toThrow('Missing: MAILGRANT_TO.');
    expect(readSettings([], { MAILGRANT_TO: '' })).toMatchObject({ account: undefined });
  });

  test('no mistakes are made on purpose', () => {
    expect(() => readSettings(['--fail=secret'], ACCOUNT)).toThrow('--fail is for the sandbox');
  });
});

test.each([['--onec'], ['--fail=nothing'], ['--fail'], ['again']])('what is meant by %s is not guessed', (argument) => {
  expect(() => readSettings([argument], {})).toThrow(UsageError);
});

test('help tells everything there is to set', () => {
  expect(readSettings(['--help'], {})).toBeUndefined();
  for (const name of [...Object.keys(ACCOUNT), '--once', '--verbose', '--fail']) expect(USAGE).toContain(name);
  expect(USAGE.split('\n').filter((line) => line.length > 80)).toEqual([]);
});
