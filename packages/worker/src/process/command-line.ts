// The command line: which command, with which options, and what is said when that is not clear.
import { parseArgs } from 'node:util';
import type { DestinationStream } from 'pino';
import { type Access, openAccess } from './access.ts';
import type { Command, CommandContext } from './command.ts';
import { checkCommand } from './commands/check.ts';
import { mailCommands } from './commands/mails.ts';
import { runCommand } from './commands/run.ts';
import { scheduleCommands } from './commands/schedules.ts';
import { storeCommands } from './commands/store.ts';
import { type LoadedConfig, loadConfig } from './config.ts';
import { UsageError } from './process-error.ts';
import { sentenceOf } from './sentence.ts';

const COMMANDS: readonly Command[] = [runCommand, checkCommand, ...scheduleCommands, ...mailCommands, ...storeCommands];

const COMMON = {
  config: { type: 'string', short: 'c' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

const COMMON_USAGE = `  -c, --config <file>  the configuration (default: mailgrant.config.ts, .mts, .js or .mjs here)
      --json           JSON for programs instead of text for people
  -h, --help           show this`;

/** The surroundings of a command; everything a test replaces. */
export interface CommandLineOptions {
  /** How the command is called, for its help. @default 'mailgrant-worker' */
  readonly program?: string | undefined;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** Where `run` logs. Default: the process's standard output. */
  readonly logTo?: DestinationStream | undefined;
  readonly cwd: string;
  readonly onSignal: (listener: (signal: string) => void) => () => void;
  /** Ends the process without waiting for anything. */
  readonly leave: (exitCode: number) => void;
  readonly now?: (() => number) | undefined;
}

/**
 * Runs one command of the worker's process.
 * @returns the exit code: 0, 1 where something could not be done, 2 where the call was not understood
 */
export async function runWorkerCommand(args: readonly string[], options: CommandLineOptions): Promise<number> {
  const { program = 'mailgrant-worker', stdout, stderr } = options;
  const [name, ...rest] = args;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    (name === undefined ? stderr : stdout)(helpText(program));
    return name === undefined ? 2 : 0;
  }
  const command = COMMANDS.find((each) => each.name === name);
  if (command === undefined) {
    stderr(`${program}: there is no command "${name}". \`${program} --help\` lists them.\n`);
    return 2;
  }
  try {
    return await runParsed(command, rest, program, options);
  } catch (error) {
    const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
    stderr(`${program} ${name}: ${sentenceOf(error)}\n`);
    if (error instanceof UsageError) {
      stderr(`\`${program} ${name} --help\` says how it is used.\n`);
      return 2;
    }
    if (typeof code === 'string' && code.startsWith('ERR_')) {
      const page = /^ERR_(?:STORE|WORKER)_/.test(code) ? 'docs/worker-errors.md' : 'docs/errors.md';
      stderr(`(${code}; ${page} tells more)\n`);
    }
    return 1;
  }
}

async function runParsed(
  command: Command,
  args: readonly string[],
  program: string,
  { stdout, stderr, logTo, cwd, onSignal, leave, now = Date.now }: CommandLineOptions,
): Promise<number> {
  const { values, positionals } = parse(command, args);
  if (values['help'] === true) {
    stdout(`${program} ${command.usage}\n\n${COMMON_USAGE}\n`);
    return 0;
  }
  let loading: Promise<LoadedConfig> | undefined;
  let opening: Promise<Access> | undefined;
  const config = values['config'];
  const load = (): Promise<LoadedConfig> =>
    (loading ??= loadConfig(typeof config === 'string' ? config : undefined, cwd));
  const context: CommandContext = {
    values,
    positionals,
    cwd,
    print: stdout,
    note: stderr,
    logTo,
    json: values['json'] === true,
    now,
    load,
    access: () => (opening ??= load().then((loaded) => openAccess(loaded, now))),
    onSignal,
    leave,
  };
  try {
    return await command.run(context);
  } finally {
    // An opening that failed has told the command so.
    await opening?.then(
      (access) => access.close(),
      () => {},
    );
  }
}

function parse(command: Command, args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { ...command.options, ...COMMON },
      allowPositionals: true,
    });
    if (positionals.length > 0 && command.positionals !== true) {
      throw new UsageError(`It takes no ${JSON.stringify(positionals[0])}.`);
    }
    return { values: values as CommandContext['values'], positionals };
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function helpText(program: string): string {
  const most = Math.max(...COMMANDS.map(({ name }) => name.length));
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(most)}  ${summary}\n`).join('');
  return `${program} <command> [options]\n\n${lines}\n${COMMON_USAGE}\n`;
}
