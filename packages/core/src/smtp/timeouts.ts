// How long each step may take. One deadline per reply: bytes that drip in do not extend it. Shorter than the five minutes of
// RFC 5321 section 4.5.3.2 where nothing was sent yet: those are for relays with a queue of days, while here somebody waits and
// another connection may answer at once. For the answer to the message the RFC's ten minutes stay.
import { InputError, type Stage } from '../errors.ts';

/** How long each step may take, in milliseconds. One deadline for each reply: bytes that drip in do not extend it. */
export interface Timeouts {
  /** Name look-up and TCP, all addresses together. Default 20 s. */
  readonly connect: number;
  /** The TLS handshake. Default 20 s. */
  readonly tls: number;
  /** From the connection to the greeting. Default 60 s. */
  readonly greeting: number;
  /** A reply to any command but DATA. Default 60 s; Exchange tarpits mistakes for 5 s each. */
  readonly command: number;
  /** The reply to DATA. Default 120 s. */
  readonly data: number;
  /** Progress while the message is sent: the server has to take some of it this often. Default 180 s. */
  readonly block: number;
  /** The reply to the message. Default 600 s: giving up early is what makes duplicates. */
  readonly message: number;
}

/** What holds where an account names no time. Milliseconds. */
export const DEFAULT_TIMEOUTS: Timeouts = {
  connect: 20_000,
  tls: 20_000,
  greeting: 60_000,
  command: 60_000,
  data: 120_000,
  block: 180_000,
  message: 600_000,
};

/** Fills in the defaults. Throws a TypeError `ERR_INPUT_OPTION` for what is no time. */
export function completeTimeouts(timeouts: Partial<Timeouts> = {}): Timeouts {
  for (const [name, value] of Object.entries(timeouts)) {
    if (!(name in DEFAULT_TIMEOUTS))
      throw new InputError('ERR_INPUT_OPTION', `timeouts.${name}: there is no such phase`);
    if (value !== undefined && !(value > 0 && value <= 2 ** 31 - 1)) {
      throw new InputError('ERR_INPUT_OPTION', `timeouts.${name}: expected milliseconds above 0, got ${String(value)}`);
    }
  }
  const given = Object.fromEntries(Object.entries(timeouts).filter(([, value]) => value !== undefined));
  return { ...DEFAULT_TIMEOUTS, ...given };
}

/** The time-out that governs waiting for a reply at this stage. */
export function replyTimeout(timeouts: Timeouts, stage: Stage): number {
  switch (stage) {
    case 'greeting':
      return timeouts.greeting;
    case 'DATA':
      return timeouts.data;
    case 'message':
      return timeouts.message;
    default:
      return timeouts.command;
  }
}
