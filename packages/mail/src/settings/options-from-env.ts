// Settings out of environment variables: every problem at once, named by its variable, no value repeated.
import { readFileSync } from 'node:fs';
import type { MailClientOptions } from '../mail-client.ts';
import { problemsOf } from '../options.ts';
import { isRecord, problem, type Problem, problemsError } from '../problems.ts';
import { readUrl } from './mail-url.ts';
import { type Variable, VARIABLES } from './variables.ts';

/** The environment, or what stands in for it. */
export type MailEnv = Readonly<Record<string, string | undefined>>;

export interface MailEnvOptions {
  /** What the names of the variables begin with. Default `MAIL_`. */
  readonly prefix?: string | undefined;
}

/**
 * Options out of `MAIL_USER`, `MAIL_TENANT_ID`, `MAIL_CLIENT_ID`, `MAIL_CLIENT_SECRET` and the other variables of the README,
 * or out of `MAIL_URL`. Empty variables count as not set; misspelt ones are refused.
 * @throws TypeError `ERR_INPUT_OPTION` naming every variable that is missing, misspelt or cannot work, and no value.
 */
export function mailOptionsFromEnv(env: MailEnv = process.env, options: MailEnvOptions = {}): MailClientOptions {
  const read = readEnv(env, options);
  if (read.problems.length > 0) throw problemsError(read.problems);
  return read.options;
}

/** Options, and what is wrong with them. */
export interface ReadEnv {
  readonly options: MailClientOptions;
  readonly problems: readonly Problem[];
}

/** Reads the variables; their paths in the problems are the variables' names. */
export function readEnv(env: MailEnv, { prefix = 'MAIL_' }: MailEnvOptions = {}): ReadEnv {
  const problems: Problem[] = [];
  const url = env[`${prefix}URL`];
  const options: Record<string, unknown> = {};
  if (url !== undefined && url !== '') {
    const { settings, mistakes } = readUrl(url);
    Object.assign(options, { account: settings });
    problems.push(...mistakes.map((mistake) => problem([`${prefix}URL`], mistake)));
  }
  const set = VARIABLES.filter(({ name }) => isSet(env[`${prefix}${name}`]));
  for (const variable of set) {
    const name = `${prefix}${variable.name}`;
    const { value, mistake } = readValue(variable, env[name] ?? '');
    if (mistake !== undefined) problems.push(problem([name], mistake));
    else if (!put(options, variable.path, value)) problems.push(problem([name], `says the same as ${prefix}URL`));
  }
  problems.push(...misspelt(env, prefix));
  const found = problemsOf({ account: {}, ...options }).map(inVariables(prefix, set));
  problems.push(...found.filter(({ path }) => !problems.some((known) => known.path[0] === path[0])));
  return { options, problems };
}

const isSet = (value: string | undefined): value is string => value !== undefined && value.trim() !== '';

interface Value {
  readonly value?: unknown;
  readonly mistake?: string;
}

function readValue({ kind }: Variable, given: string): Value {
  const text = given.trim();
  switch (kind) {
    case 'number':
      if (/^\d{1,9}$/.test(text)) return { value: Number(text) };
      return { mistake: `expected a whole number${text.startsWith('tcp://') ? OF_KUBERNETES : ''}` };
    case 'list':
      return { value: text.split(/[\s,;]+/).filter((one) => one !== '') };
    case 'file':
      return readFile(text);
    case 'identity':
      return { value: /^(?:true|system|1)$/i.test(text) ? true : { clientId: text } };
    default:
      return { value: text };
  }
}

/** It sets such variables in every container, for each Service: those of one called `mail` begin with `MAIL_`. */
const OF_KUBERNETES =
  '; Kubernetes sets this for a Service of that name: say enableServiceLinks: false, or choose another prefix';

function readFile(path: string): Value {
  try {
    return { value: readFileSync(path, 'utf8') };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'an error';
    return { mistake: `the file cannot be read (${code})` };
  }
}

/** Puts a value to its place. Returns `false` if there is one already. */
function put(options: Record<string, unknown>, [key = '', ...rest]: readonly string[], value: unknown): boolean {
  if (rest.length === 0) {
    if (options[key] !== undefined) return false;
    options[key] = value;
    return true;
  }
  const inner = isRecord(options[key]) ? { ...options[key] } : {};
  options[key] = inner;
  return put(inner, rest, value);
}

/** What people call variables instead. */
const ALSO_CALLED: Readonly<Record<string, string>> = {
  USERNAME: 'USER',
  TENANT: 'TENANT_ID',
  SECRET: 'CLIENT_SECRET',
  CERTIFICATE: 'CERTIFICATE_PATH',
  FROM_ADDRESS: 'FROM',
  SERVER: 'HOST',
  ENCRYPTION: 'TLS',
};

/** Misspelt variables must not be overlooked. Others with the same prefix may be the application's own. */
function misspelt(env: MailEnv, prefix: string): Problem[] {
  if (prefix === '') return [];
  const known = ['URL', ...VARIABLES.map(({ name }) => name)];
  return Object.keys(env)
    .filter((name) => name.startsWith(prefix) && isSet(env[name]) && !known.includes(name.slice(prefix.length)))
    .flatMap((name) => {
      const given = name.slice(prefix.length);
      const meant = ALSO_CALLED[given] ?? known.find((each) => areAlike(each, given));
      return meant === undefined ? [] : [problem([name], `there is no such variable; perhaps ${prefix}${meant}`)];
    });
}

/** Whether one letter too many, too few or wrong makes the difference, or an underscore. */
function areAlike(a: string, b: string): boolean {
  if (a.replaceAll('_', '') === b.replaceAll('_', '')) return true;
  const start = Array.from(a, (letter, i) => letter === b[i]).indexOf(false);
  if (start < 0) return b.length - a.length === 1;
  const rests = [a.slice(start), b.slice(start)] as const;
  const without = rests.map((rest) => rest.slice(1));
  return rests[0] === without[1] || without[0] === rests[1] || without[0] === without[1];
}

/** Problems with options, told of the variables that set them. */
function inVariables(prefix: string, set: readonly Variable[]): (found: Problem) => Problem {
  return ({ path, message }) => {
    const key = path.join('.');
    const what = message.slice(message.indexOf(': ') + 2);
    if (key === 'account' && what.includes('is missing')) {
      const [first, ...others] = ['CLIENT_SECRET', 'TENANT_ID', 'CLIENT_ID', 'CERTIFICATE_PATH'].map(
        (name) => prefix + name,
      );
      const give = `give ${others[0]}, ${others[1]} and ${first} (or ${others[2]})`;
      return problem([first ?? prefix], `a way to a token is missing: ${give}`);
    }
    const at = (variables: readonly Variable[]) => variables.find((each) => each.path.join('.') === key);
    const variable = at(set) ?? at(VARIABLES);
    return problem([`${prefix}${variable?.name ?? '*'}`], named(what, prefix));
  };
}

/** A message with the names of variables where it names settings of an account. */
function named(what: string, prefix: string): string {
  return what.replace(/\b[a-z]+[A-Za-z]*\b/g, (word) => {
    const path = word === 'certificate' ? 'account.certificate.path' : `account.${word}`;
    const variable = VARIABLES.find((each) => each.path.join('.') === path);
    return variable === undefined || !SPOKEN_OF.includes(word) ? word : `${prefix}${variable.name}`;
  });
}

/** Settings that messages name; `user` and `host` are also words. */
const SPOKEN_OF = [
  'tenantId',
  'clientId',
  'clientSecret',
  'clientSecretFile',
  'certificate',
  'federatedTokenFile',
  'managedIdentity',
  'refreshToken',
  'tokenEndpoint',
  'authority',
];
