// Settings written for nodemailer's SMTP transport: what maps is taken over, what cannot work is refused by name.
import { type Problem, isGiven, isRecord, ownOf, problem } from '../problems.ts';

type Settings = Readonly<Record<string, unknown>>;
type Path = Problem['path'];

/** Settings in our words, and what could not be put into them. */
export interface Translated {
  readonly settings: Settings;
  readonly problems: readonly Problem[];
}

/** nodemailer's name → ours, for what only has another name. */
const RENAMED: Readonly<Record<string, readonly [string, string]>> = {
  connectionTimeout: ['timeouts', 'connect'],
  greetingTimeout: ['timeouts', 'greeting'],
  maxConnections: ['limits', 'connections'],
};

/** What holds here anyway, if it is set to this. */
const ANYWAY: Readonly<Record<string, unknown>> = { pool: true, requireTLS: true, ignoreTLS: false, lmtp: false };

/** What does not exist here, and what does instead. */
const REFUSED: Readonly<Record<string, string>> = {
  pool: 'connections are always pooled; idle ones are closed by themselves',
  requireTLS: 'there is no connection without TLS',
  ignoreTLS: 'there is no connection without TLS',
  opportunisticTLS: 'there is no connection without TLS',
  lmtp: 'LMTP is not supported',
  maxMessages: 'connections are replaced by age: maxAge, in milliseconds',
  rateDelta: 'say how many messages a minute may go: limits.messagesPerMinute',
  rateLimit: 'say how many messages a minute may go: limits.messagesPerMinute',
  socketTimeout: 'each step has a limit of its own: timeouts.command, timeouts.block, timeouts.message',
  dnsTimeout: 'the look-up of the name is part of timeouts.connect',
  logger: 'nothing is logged; subscribe to the diagnostics channels, or to the events of the client',
  debug: 'subscribe to the diagnostics channel mailgrant:smtp:transcript',
  transactionLog: 'subscribe to the diagnostics channel mailgrant:smtp:transcript',
  proxy: 'SMTP through a proxy is not supported',
  authMethod: 'the provider knows the mechanism: XOAUTH2 or OAUTHBEARER',
  service: "say provider: 'microsoft365', 'outlook', 'gmail', …",
  localAddress: 'the system chooses the local address',
  disableFileAccess: 'files are not read unless the client says allowFiles',
  disableUrlAccess: 'URLs are not fetched unless the client says allowUrls',
};

const AUTH: Readonly<Record<string, string>> = {
  user: 'user',
  clientId: 'clientId',
  clientSecret: 'clientSecret',
  refreshToken: 'refreshToken',
  accessUrl: 'tokenEndpoint',
};

/** Puts nodemailer's names into ours. */
export function translate(given: Settings, path: Path): Translated {
  const settings = Object.create(null) as Record<string, unknown>; // settings may come out of JSON, with __proto__
  const problems: Problem[] = [];
  for (const [name, value] of Object.entries(given)) {
    const renamed = ownOf(RENAMED, name);
    const refused = ownOf(REFUSED, name);
    if (!isGiven(value)) continue;
    if (renamed !== undefined) {
      const [group, key] = renamed;
      settings[group] = { [key]: value, ...(isRecord(given[group]) ? given[group] : {}) };
    } else if (name === 'secure') settings['tls'] ??= value === true ? 'implicit' : 'starttls';
    else if (name === 'auth') problems.push(...takeAuth(value, settings, given, [...path, 'auth']));
    else if (name === 'tls' && isRecord(value)) problems.push(...takeTls(value, settings, [...path, 'tls']));
    else if (Object.hasOwn(ANYWAY, name) && value === ANYWAY[name]) continue;
    else if (refused !== undefined) problems.push(problem([...path, name], refused));
    else if (name === 'timeouts' || name === 'limits') settings[name] = joined(settings[name], value);
    else settings[name] = value;
  }
  return { settings, problems };
}

const joined = (before: unknown, value: unknown): unknown =>
  isRecord(before) && isRecord(value) ? { ...before, ...value } : value;

function takeAuth(auth: unknown, settings: Record<string, unknown>, given: Settings, path: Path): Problem[] {
  if (!isRecord(auth)) return [problem(path, 'expected { user }, beside a way to a token')];
  const problems: Problem[] = [];
  for (const [name, value] of Object.entries(auth)) {
    const ours = ownOf(AUTH, name);
    if (!isGiven(value) || (name === 'type' && String(value).toLowerCase() === 'oauth2')) continue;
    if (ours !== undefined) {
      if (isGiven(given[ours])) problems.push(problem([...path, name], `says the same as ${ours}: give one of them`));
      settings[ours] = value;
    } else if (name === 'pass' || name === 'password') settings['password'] = value;
    else if (name === 'accessToken' || name === 'provisionCallback') {
      problems.push(problem([...path, name], 'give a function that returns tokens as `token`'));
    } else problems.push(problem([...path, name], 'there is no such setting'));
  }
  return problems;
}

/** nodemailer's options for TLS. What would weaken it is refused. */
function takeTls(tls: Settings, settings: Record<string, unknown>, path: Path): Problem[] {
  const problems: Problem[] = [];
  for (const [name, value] of Object.entries(tls)) {
    const harmless =
      (name === 'rejectUnauthorized' && value === true) ||
      (name === 'minVersion' && (value === 'TLSv1.2' || value === 'TLSv1.3'));
    if (!isGiven(value) || harmless) continue;
    if (name === 'ca') settings['ca'] ??= value;
    else if (name === 'rejectUnauthorized') {
      problems.push(problem([...path, name], 'certificates are always verified; trust another authority with ca'));
    } else
      problems.push(problem([...path, name], 'TLS 1.2 or later, verified, is all there is; ca is the one setting'));
  }
  return problems;
}
