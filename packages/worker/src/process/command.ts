// What a command is, and what it is given.
import type { ParseArgsConfig } from 'node:util';
import type { DestinationStream } from 'pino';
import type { Access } from './access.ts';
import type { LoadedConfig } from './config.ts';
import { UsageError } from './process-error.ts';

export type Values = Readonly<Record<string, string | boolean | undefined>>;

export interface CommandContext {
  readonly values: Values;
  readonly positionals: readonly string[];
  readonly cwd: string;
  /** Text for people, or JSON for programs: never both. */
  readonly print: (text: string) => void;
  /** What is said beside the result. */
  readonly note: (text: string) => void;
  /** Where `run` logs. Default: standard output. */
  readonly logTo: DestinationStream | undefined;
  /** `--json` was given. */
  readonly json: boolean;
  readonly now: () => number;
  readonly load: () => Promise<LoadedConfig>;
  /** Opens the way to the mail; it is closed when the command ends. */
  readonly access: () => Promise<Access>;
  /** Told of SIGTERM and SIGINT, each time one comes. Returns what ends that. */
  readonly onSignal: (listener: (signal: string) => void) => () => void;
  /** Ends the process without waiting for anything. */
  readonly leave: (exitCode: number) => void;
}

export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What follows the name, and what the options mean. */
  readonly usage: string;
  /** It takes ids of mails, or the name of a file. */
  readonly positionals?: true;
  readonly options?: NonNullable<ParseArgsConfig['options']>;
  /** @returns the exit code: 0, or 1 where something could not be done */
  run(context: CommandContext): Promise<number>;
}

/** @throws UsageError for anything but a whole number within the bounds */
export function wholeOption(values: Values, name: string, least: number, most: number): number | undefined {
  const text = values[name];
  if (typeof text !== 'string') return undefined;
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && number <= most) return number;
  throw new UsageError(`--${name} takes a whole number from ${least} to ${most}, not ${JSON.stringify(text)}.`);
}

export function textOption(values: Values, name: string): string | undefined {
  const text = values[name];
  return typeof text === 'string' ? text : undefined;
}

/** @throws UsageError unless there is at least one */
export function idsOf({ positionals }: Pick<CommandContext, 'positionals'>): readonly [string, ...string[]] {
  const [first, ...more] = positionals;
  if (first === undefined) throw new UsageError('Give the id of a mail; `mailgrant-worker list` shows them.');
  return [first, ...more];
}

/** JSON for programs: indented, one document. */
export const jsonText = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;
