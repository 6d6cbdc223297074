// The options of a client, checked whole before anything is made of them.
import { InputError } from '@mailgrant/core';
import { checkAccount } from './account/check-account.ts';
import type { MailClientOptions } from './mail-client.ts';
import { isRecord, problem, type Problem, problemsError } from './problems.ts';
import { stagingRules } from './staging.ts';

const KNOWN: readonly (keyof MailClientOptions)[] = [
  'account',
  'accounts',
  'strategy',
  'mailer',
  'closeMailer',
  'name',
  'defaults',
  'alwaysTo',
  'showOriginalTo',
  'allowRecipients',
  'onDisallowed',
  'allowFiles',
  'allowUrls',
  'textFromHtml',
  'deadline',
  'hooks',
];
const SWITCHES = ['closeMailer', 'showOriginalTo', 'allowFiles', 'allowUrls', 'textFromHtml'] as const;
const LOGINS = [
  'auth',
  'clientId',
  'clientSecret',
  'host',
  'pass',
  'password',
  'provider',
  'tenantId',
  'token',
  'user',
];

/** @throws TypeError `ERR_INPUT_OPTION` naming everything that cannot work, and no value. */
export function checkClientOptions(options: unknown): asserts options is MailClientOptions {
  const problems = problemsOf(options);
  if (problems.length > 0) throw problemsError(problems);
}

/** Everything that cannot work in the options of a client. Nothing is opened, read or fetched to find out. */
export function problemsOf(options: unknown): Problem[] {
  if (!isRecord(options)) return [problem([], 'the options of a mail client are an object')];
  const { account, accounts, mailer, strategy, closeMailer, name, defaults, deadline, hooks } = options;
  const problems: Problem[] = [];
  const at = (option: string, what: string): void => void problems.push(problem([option], what));
  for (const option of Object.keys(options)) {
    if ((KNOWN as readonly string[]).includes(option)) continue;
    at(option, LOGINS.includes(option) ? `belongs into account: { ${option}: … }` : 'there is no such option');
  }
  const given = Object.entries({ account, accounts, mailer }).filter(([, value]) => value !== undefined);
  if (given.length === 0) at('account', 'is missing: give an account, several accounts, or a mailer');
  if (given.length > 1) at(given.map(([option]) => option).join(' and '), 'exclude each other');
  if (account !== undefined) problems.push(...checkAccount(account, ['account']).problems);
  if (accounts !== undefined) problems.push(...checkAccounts(accounts));
  if (mailer !== undefined && !(isRecord(mailer) && typeof mailer['send'] === 'function')) {
    at('mailer', 'expected a mailer, as createMailer() of @mailgrant/core makes it');
  }
  if (mailer === undefined && closeMailer !== undefined) at('closeMailer', 'goes with mailer');
  if (strategy !== undefined && strategy !== 'failover' && strategy !== 'round-robin') {
    at('strategy', "expected 'failover' or 'round-robin'");
  }
  if (strategy !== undefined && accounts === undefined) at('strategy', 'goes with accounts');
  if (name !== undefined && (typeof name !== 'string' || name === '')) at('name', 'expected a name');
  if (defaults !== undefined && !isRecord(defaults)) at('defaults', 'expected fields of a mail');
  if (isRecord(defaults) && 'auth' in defaults) at('defaults', 'a mail cannot bring its own login');
  if (deadline !== undefined && !(typeof deadline === 'number' && deadline > 0 && deadline < 2 ** 31)) {
    at('deadline', 'expected milliseconds above 0');
  }
  for (const option of SWITCHES) {
    if (options[option] !== undefined && typeof options[option] !== 'boolean') at(option, 'expected true or false');
  }
  problems.push(...checkHooks(hooks), ...checkStaging(options));
  return problems;
}

function checkAccounts(accounts: unknown): Problem[] {
  if (!Array.isArray(accounts) || accounts.length === 0) return [problem(['accounts'], 'expected a list of accounts')];
  return accounts.flatMap((account, index) => checkAccount(account, ['accounts', index]).problems);
}

function checkHooks(hooks: unknown): Problem[] {
  if (hooks === undefined) return [];
  if (!isRecord(hooks)) return [problem(['hooks'], 'expected { beforeSend }')];
  return Object.entries(hooks).flatMap(([name, hook]) => {
    if (name !== 'beforeSend') return [problem(['hooks', name], 'there is no such hook; listen to events with on()')];
    return hook === undefined || typeof hook === 'function' ? [] : [problem(['hooks', name], 'expected a function')];
  });
}

function checkStaging(options: Readonly<Record<string, unknown>>): Problem[] {
  try {
    stagingRules(options);
    return [];
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const [, name = '', what = ''] = /^([^:]+): (.*)$/s.exec(error.message) ?? [];
    return [problem([name], what)];
  }
}
