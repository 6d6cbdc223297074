// What is wrong with settings, all of it at once. No problem quotes a value: it may be a secret at the wrong place.
import { InputError } from '@mailgrant/core';

export interface Problem {
  /** Where it is: `['account', 'port']`. */
  readonly path: readonly (string | number)[];
  /** What is wrong and what to do, beginning with the option's name. */
  readonly message: string;
}

export const problem = (path: Problem['path'], what: string): Problem => ({
  path,
  message: path.length === 0 ? what : `${pathText(path)}: ${what}`,
});

/** `accounts[1].port`. */
function pathText(path: Problem['path']): string {
  return path.map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`)).join('');
}

/** One error for all problems. */
export function problemsError(problems: readonly Problem[]): InputError {
  const [first] = problems;
  const message =
    problems.length === 1 && first !== undefined
      ? first.message
      : `${problems.length} settings cannot work:\n${problems.map((each) => `- ${each.message}`).join('\n')}`;
  return new InputError('ERR_INPUT_OPTION', message);
}

/** Whether somebody said something: settings from forms and files have empty texts where nothing was said. */
export const isGiven = (value: unknown): boolean => value !== undefined && value !== null && value !== '';

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a table has under a name that came from outside: nothing under `constructor`, unless it is in there. */
export function ownOf<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
