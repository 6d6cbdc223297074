// One JSON object a line, for whatever collects logs. Addresses stay out unless somebody wants them.
import { InputError, MailError } from '@mailgrant/core';
import { type DestinationStream, type Logger, pino } from 'pino';
import { withoutAddresses } from '../without-addresses.ts';

export interface LogOptions {
  /** @default 'info' */
  readonly level?: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent' | undefined;
  /** Mail addresses as they are, instead of `[address]`. @default false */
  readonly addresses?: boolean | undefined;
}

/** Shaped like addresses, but what one looks for when a mail is missed. */
const IDS: ReadonlySet<string> = new Set(['messageId', 'queueId']);

export function createLogger(
  { level = 'info', addresses = false }: LogOptions,
  destination?: DestinationStream,
): Logger {
  const clean = addresses ? <T>(value: T): T => value : cleaned;
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: {
        level: (label) => ({ level: label }),
        log: (entry) => clean(plainErrors(entry)) as Record<string, unknown>,
      },
      hooks: {
        logMethod(args, method) {
          method.apply(this, args.map((each) => (typeof each === 'string' ? clean(each) : each)) as typeof args);
        },
      },
    },
    ...(destination === undefined ? [] : [destination]),
  );
}

/** Errors become what can be told of them; their fields may hold whole replies and envelopes. */
function plainErrors(entry: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(entry).map(([key, value]) => [
      key,
      value instanceof Error ? errorFields(value) : (value as unknown),
    ]),
  );
}

function errorFields(error: Error): Record<string, unknown> {
  const known = error instanceof MailError || error instanceof InputError;
  const code: unknown = 'code' in error ? error.code : undefined;
  return {
    type: error.name,
    ...(code !== undefined && { code }),
    message: error.message,
    ...(error instanceof MailError && error.mayHaveBeenSent && { mayHaveBeenSent: true }),
    // Ours say in their message what is to be known; with others one has to see where they come from.
    ...(!known && { stack: error.stack }),
    ...(error.cause instanceof Error && { cause: errorFields(error.cause) }),
  };
}

function cleaned<T>(value: T): T {
  if (typeof value === 'string') return withoutAddresses(value) as T;
  if (Array.isArray(value)) return value.map(cleaned) as T;
  if (typeof value !== 'object' || value === null) return value;
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, IDS.has(key) ? each : cleaned(each)]),
  ) as T;
}
