// An account behind the door: every mistake in it found at once and told by name.
import { createMailer, InputError, type MailerOptions } from '@mailgrant/core';
import { isGiven, isRecord, ownOf, problem, type Problem } from '../problems.ts';
import type { MailAccount } from './mail-account.ts';
import { isMicrosoft, providerOf } from './microsoft.ts';
import { checkKinds, OF_CORE } from './kinds.ts';
import { translate } from './nodemailer-names.ts';
import { checkTokenSettings } from './token-settings.ts';

const OF_TOKENS = [
  'token',
  'tenantId',
  'clientId',
  'clientSecret',
  'clientSecretFile',
  'certificate',
  'federatedTokenFile',
  'managedIdentity',
  'refreshToken',
  'authority',
  'tokenEndpoint',
  'scope',
  'fetch',
] as const;

const KNOWN: readonly string[] = [...OF_CORE, ...OF_TOKENS, 'label', 'from'];

/** What people write instead → its name here. */
const RIGHT_NAMES: Readonly<Record<string, string>> = {
  username: 'user',
  email: 'user',
  mailbox: 'user',
  hostname: 'host',
  server: 'host',
  tenant: 'tenantId',
  client: 'clientId',
  appid: 'clientId',
  secret: 'clientSecret',
  secretfile: 'clientSecretFile',
  certificatepath: 'certificate.path',
  thumbprint: 'certificate: the thumbprint is computed from it',
  accessurl: 'tokenEndpoint',
  accesstoken: 'token: a function that returns tokens',
  timeout: 'timeouts',
};

const PASSWORDS = ['password', 'pass'];

export interface CheckedAccount {
  /** In our words; worth nothing if there are problems. */
  readonly account: MailAccount;
  readonly problems: readonly Problem[];
}

/** Checks an account. Nothing is read or fetched for it. */
export function checkAccount(given: unknown, path: Problem['path']): CheckedAccount {
  if (!isRecord(given)) return { account: {}, problems: [problem(path, 'expected an object with the settings')] };
  const translated = translate(given, path);
  const wrong = checkKinds(translated.settings, path);
  const names = wrong.map((each) => each.path.at(-1));
  // What is of the wrong kind counts as not given from here on.
  const account: MailAccount = Object.fromEntries(
    Object.entries(translated.settings).filter(([name]) => !names.includes(name)),
  );
  const problems = [...translated.problems, ...wrong];
  for (const name of Object.keys(account)) {
    if (PASSWORDS.includes(name)) problems.push(problem([...path, name], passwordRefusal(account)));
    else if (!KNOWN.includes(name)) problems.push(problem([...path, name], unknown(name)));
  }
  for (const name of ['label', 'from'] as const) {
    if (isGiven(account[name]) && typeof account[name] !== 'string')
      problems.push(problem([...path, name], 'expected text'));
  }
  const refused = problems.some(({ path: [...at] }) => PASSWORDS.includes(String(at.at(-1))));
  problems.push(...checkTokenSettings(account, path, refused));
  problems.push(...checkByCore(account, path));
  return { account, problems };
}

/** The settings core takes, complete with the provider. */
export function mailerSettings(account: MailAccount): Omit<MailerOptions, 'token'> {
  const own = Object.fromEntries(OF_CORE.flatMap((name) => (isGiven(account[name]) ? [[name, account[name]]] : [])));
  const provider = providerOf(account);
  return { ...own, ...(provider !== undefined && { provider }) };
}

/** Core says what it does not take when a mailer is made, which opens nothing. */
function checkByCore(account: MailAccount, path: Problem['path']): Problem[] {
  try {
    createMailer({ ...mailerSettings(account), token: () => Promise.reject(new Error('never asked')) });
    return [];
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const [, name = '', what = ''] = /^([\w.]+): ([\s\S]*)$/.exec(error.message) ?? [];
    // Core shows what it got, which is not for settings: a secret may stand at the wrong place.
    const told = what.replace(/,? (?:got|not) .*$/s, '').replace(/: ".*$/s, '');
    return [name === '' ? problem(path, 'cannot work') : problem([...path, ...name.split('.')], told)];
  }
}

function unknown(name: string): string {
  const right = ownOf(RIGHT_NAMES, plain(name)) ?? KNOWN.find((known) => known.toLowerCase() === plain(name));
  return right === undefined ? 'there is no such setting' : `there is no such setting; perhaps ${right}`;
}

const plain = (name: string): string => name.toLowerCase().replace(/[_-]/g, '');

function passwordRefusal(account: MailAccount): string {
  const instead = 'Give tenantId, clientId and clientSecret (or certificate) of an app registration';
  if (!isMicrosoft(account)) {
    return 'Mailgrant logs in with OAuth 2.0 tokens, never with a password. Give a token source as `token`';
  }
  return (
    'Microsoft ends password logins (Basic authentication) for SMTP: they are off by default from the end of December 2026, ' +
    `and app passwords end with them. ${instead} instead`
  );
}
