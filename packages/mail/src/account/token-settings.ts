// The ways to a token: exactly one of them, with what it needs and nothing else.
import { isGiven, isRecord, problem, type Problem } from '../problems.ts';
import type { MailAccount } from './mail-account.ts';
import { describe, isMicrosoft, providerOf } from './microsoft.ts';

/** Which way an account goes to its tokens. */
export type TokenWay = 'token' | 'secret' | 'certificate' | 'federation' | 'managedIdentity' | 'refreshToken';

/** The way, if exactly one is given. A client secret may go with a refresh token, it is no second way. */
export function wayOf(account: MailAccount): TokenWay | undefined {
  const ways = waysOf(account);
  return ways.length === 1 ? ways[0] : undefined;
}

function waysOf(account: MailAccount): TokenWay[] {
  const ways: TokenWay[] = [];
  if (isGiven(account.token)) ways.push('token');
  if (isGiven(account.certificate)) ways.push('certificate');
  if (isGiven(account.federatedTokenFile)) ways.push('federation');
  if (isGiven(account.managedIdentity)) ways.push('managedIdentity');
  if (isGiven(account.refreshToken)) ways.push('refreshToken');
  else if (isGiven(account.clientSecret) || isGiven(account.clientSecretFile)) ways.push('secret');
  return ways;
}

const NAMES: Readonly<Record<TokenWay, string>> = {
  token: 'token',
  secret: 'clientSecret',
  certificate: 'certificate',
  federation: 'federatedTokenFile',
  managedIdentity: 'managedIdentity',
  refreshToken: 'refreshToken',
};

/** Settings that go with some ways only. */
const GOES_WITH: Readonly<Record<string, readonly TokenWay[]>> = {
  tenantId: ['secret', 'certificate', 'federation', 'refreshToken'],
  clientId: ['secret', 'certificate', 'federation', 'refreshToken'],
  authority: ['secret', 'certificate', 'federation', 'refreshToken'],
  tokenEndpoint: ['secret', 'refreshToken'],
  scope: ['secret', 'certificate', 'federation', 'managedIdentity', 'refreshToken'],
};

/** @param quiet a password stands where a way to a token should: that there is none need not be said as well */
export function checkTokenSettings(account: MailAccount, path: Problem['path'], quiet: boolean): Problem[] {
  const ways = waysOf(account);
  const [way] = ways;
  if (way === undefined) return quiet ? [] : [problem(path, noWay(account))];
  if (ways.length > 1) {
    return [
      problem(path, `${ways.map((each) => NAMES[each]).join(' and ')} exclude each other: give one way to a token`),
    ];
  }
  const problems = Object.entries(GOES_WITH)
    .filter(([name, fits]) => isGiven(account[name as keyof MailAccount]) && !fits.includes(way))
    .map(([name]) => problem([...path, name], `does not go with ${NAMES[way]}`));
  return [...problems, ...checkWay(account, way, path), ...checkIds(account, way, path)];
}

function noWay(account: MailAccount): string {
  if (isGiven(account.tenantId) || isGiven(account.clientId)) {
    return 'a way to a token is missing: give clientSecret, clientSecretFile, certificate or federatedTokenFile as well';
  }
  return isMicrosoft(account)
    ? 'a way to a token is missing: give tenantId, clientId and clientSecret (or a certificate), or a token source as token'
    : 'a way to a token is missing: give a token source as token, or tokenEndpoint, clientId and clientSecret';
}

function checkWay(account: MailAccount, way: TokenWay, path: Problem['path']): Problem[] {
  const at = (name: string, what: string): Problem => problem([...path, name], what);
  const problems: Problem[] = [];
  const { token, certificate, federatedTokenFile, managedIdentity, clientSecret, clientSecretFile, refreshToken } =
    account;
  if (way === 'token' && typeof token !== 'function')
    problems.push(at('token', 'expected a function that returns tokens'));
  if (isGiven(clientSecret) && isGiven(clientSecretFile)) {
    problems.push(at('clientSecretFile', 'clientSecret and clientSecretFile exclude each other'));
  }
  if (isGiven(clientSecret) && !isSecret(clientSecret)) {
    problems.push(at('clientSecret', 'expected text of printable ASCII characters, or a function that returns it'));
  }
  if (isGiven(clientSecretFile) && typeof clientSecretFile !== 'string') {
    problems.push(at('clientSecretFile', 'expected the path of a file'));
  }
  if (isGiven(account.fetch) && typeof account.fetch !== 'function') problems.push(at('fetch', 'expected a function'));
  if (way === 'certificate') problems.push(...checkCertificate(certificate, [...path, 'certificate']));
  if (way === 'federation' && typeof federatedTokenFile !== 'string') {
    problems.push(at('federatedTokenFile', 'expected the path of a file'));
  }
  if (way === 'managedIdentity' && managedIdentity !== true && !isRecord(managedIdentity)) {
    problems.push(at('managedIdentity', 'expected true, or the clientId, objectId or resourceId of an identity'));
  }
  if (way === 'refreshToken') {
    const value = isRecord(refreshToken) && 'value' in refreshToken ? refreshToken['value'] : refreshToken;
    if (!isSecret(value))
      problems.push(at('refreshToken', 'expected text, a function that returns it, or { value, store, key }'));
  }
  if (isEntra(way) && describe(providerOf(account)) !== undefined && !isMicrosoft(account)) {
    problems.push(at(NAMES[way], "is for Microsoft's services; give a token source as token"));
  }
  return problems;
}

const isEntra = (way: TokenWay): boolean => way === 'certificate' || way === 'federation' || way === 'managedIdentity';

function isSecret(value: unknown): boolean {
  if (typeof value === 'string') return /^[\x20-\x7e]+\r?\n?$/.test(value);
  return typeof value === 'function' || (typeof value === 'object' && value !== null && 'reveal' in value);
}

const CERTIFICATE_KEYS = ['path', 'keyPath', 'pem', 'pfx', 'passphrase'];

function checkCertificate(certificate: unknown, path: Problem['path']): Problem[] {
  if (!isRecord(certificate)) return [problem(path, 'expected { path }, { pem } or { pfx }')];
  const problems = Object.keys(certificate)
    .filter((name) => !CERTIFICATE_KEYS.includes(name))
    .map((name) => problem([...path, name], `there is no such setting; there are ${CERTIFICATE_KEYS.join(', ')}`));
  const sources = ['path', 'pem', 'pfx'].filter((name) => isGiven(certificate[name]));
  if (sources.length !== 1) problems.push(problem(path, 'expected exactly one of path, pem, pfx'));
  if (isGiven(certificate['keyPath']) && !isGiven(certificate['path'])) {
    problems.push(problem([...path, 'keyPath'], 'goes with path'));
  }
  return problems;
}

const ID = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/i;
const SHARED = ['common', 'organizations', 'consumers'];

function checkIds(account: MailAccount, way: TokenWay, path: Problem['path']): Problem[] {
  if (way === 'token' || way === 'managedIdentity') return [];
  const { tenantId, clientId, authority, tokenEndpoint, scope } = account;
  const provider = describe(providerOf(account));
  const problems: Problem[] = [];
  const at = (name: string, what: string): void => void problems.push(problem([...path, name], what));
  const application = way !== 'refreshToken';
  if (!isGiven(clientId)) at('clientId', 'is missing: the application (client) id of the app registration');
  else if (typeof clientId !== 'string') at('clientId', 'expected text');
  if (isGiven(tokenEndpoint)) {
    if (isGiven(authority)) at('authority', 'authority and tokenEndpoint exclude each other');
    if (!isEndpoint(tokenEndpoint)) at('tokenEndpoint', 'expected an https URL (http to this machine only)');
  } else if (!isGiven(tenantId)) {
    if (application || isMicrosoft(account)) at('tenantId', 'is missing: the id of the tenant, or one of its domains');
    else at('tokenEndpoint', 'is missing: where this service gives out tokens');
  }
  if (isGiven(tenantId)) {
    if (typeof tenantId !== 'string' || !ID.test(tenantId))
      at('tenantId', "expected a tenant's id or one of its domains");
    else if (application && SHARED.includes(tenantId.toLowerCase())) {
      at('tenantId', `expected the mailbox's tenant: an application cannot log in at ${tenantId.toLowerCase()}`);
    }
  }
  if (isGiven(authority) && !isOrigin(authority))
    at('authority', 'expected an origin, such as https://login.microsoftonline.us');
  if (isGiven(scope) && typeof scope !== 'string') at('scope', 'expected text');
  if (application && provider?.id === 'outlook') {
    at('provider', 'personal mailboxes know no applications: a person has to sign in (refreshToken)');
  }
  return problems;
}

function isEndpoint(value: unknown): boolean {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined) return false;
  const loopback = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  return url.protocol === 'https:' || (url.protocol === 'http:' && loopback);
}

function isOrigin(value: unknown): boolean {
  return typeof value === 'string' && isEndpoint(value) && new URL(value).origin === value.replace(/\/$/, '');
}
