// What the demo is asked to do: its arguments, and the account in the environment where there is one.
import { parseArgs } from 'node:util';
import { Secret } from '@mailgrant/core';
import { FAILURES, type FailureName, isFailureName } from './failures.ts';

/** An application in Microsoft Entra ID and the mailbox it sends from. */
export interface Account {
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: Secret;
  /** The mailbox to send from. */
  readonly user: string;
  readonly to: readonly string[];
}

export interface Settings {
  /** Stop after the sends. */
  readonly once: boolean;
  /** Show the SMTP conversation. */
  readonly verbose: boolean;
  /** Show the worker, which takes a while. */
  readonly worker: boolean;
  /** Absent: send to the sandbox. */
  readonly account: Account | undefined;
  /** What to get wrong on purpose. */
  readonly failure: FailureName | undefined;
}

/** The demo was called in a way it does not understand: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const VARIABLES = [
  'MAILGRANT_TENANT_ID',
  'MAILGRANT_CLIENT_ID',
  'MAILGRANT_CLIENT_SECRET',
  'MAILGRANT_USER',
  'MAILGRANT_TO',
] as const;

export const USAGE = `\
npm run demo                        send three mails, then keep the inbox open
npm run demo -- --once              stop after the sends
npm run demo -- --verbose           show the SMTP conversation
npm run demo -- --no-worker         leave out the worker, which takes a while
npm run demo -- --fail <mistake>    make a mistake and see it explained:
${Object.entries(FAILURES)
  .map(([name, { what }]) => `    ${name.padEnd(32)}${what}`)
  .join('\n')}

To send through smtp.office365.com instead, set in the environment:
    MAILGRANT_TENANT_ID             directory (tenant) id
    MAILGRANT_CLIENT_ID             application (client) id
    MAILGRANT_CLIENT_SECRET         value of a client secret of that application
    MAILGRANT_USER                  mailbox to send from
    MAILGRANT_TO                    recipient; several with commas between them`;

/**
 * Reads arguments and environment; `undefined` when only help is wanted.
 * @throws UsageError for unknown arguments, or when only a part of the account is set.
 */
export function readSettings(args: readonly string[], env: NodeJS.ProcessEnv): Settings | undefined {
  const { once, verbose, fail, help, worker } = parse(args);
  if (help) return undefined;
  if (fail !== undefined && !isFailureName(fail)) {
    throw new UsageError(
      `--fail ${fail}: there is no such mistake; choose one of ${Object.keys(FAILURES).join(', ')}.`,
    );
  }
  const account = readAccount(env);
  if (account !== undefined && fail !== undefined) {
    throw new UsageError('--fail is for the sandbox: unset the MAILGRANT_… variables first.');
  }
  return { once, verbose, worker, account, failure: fail };
}

function parse(args: readonly string[]) {
  const options = {
    once: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    worker: { type: 'boolean', default: true },
    help: { type: 'boolean', short: 'h', default: false },
    fail: { type: 'string' },
  } as const;
  try {
    return parseArgs({ args: [...args], options, allowNegative: true }).values;
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function readAccount(env: NodeJS.ProcessEnv): Account | undefined {
  const values = VARIABLES.map((name) => env[name]?.trim() ?? '');
  const missing = VARIABLES.filter((_, i) => values[i] === '');
  if (missing.length === VARIABLES.length) return undefined;
  if (missing.length > 0) {
    throw new UsageError(
      `Sending through Microsoft 365 needs all five settings of the account. Missing: ${missing.join(', ')}.`,
    );
  }
  const [tenantId = '', clientId = '', clientSecret = '', user = '', to = ''] = values;
  const recipients = to.split(',').map((address) => address.trim());
  return { tenantId, clientId, clientSecret: new Secret(clientSecret), user, to: recipients.filter(Boolean) };
}
