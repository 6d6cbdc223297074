// The commands of SMTP, one function each. Every line is made by command(), the only place that could be tricked into making two.
import { InputError, type Stage } from '../errors.ts';
import type { Mailbox } from './mailbox.ts';

/** One command line without its CRLF. */
export interface Command {
  readonly line: string;
  /** What transcripts show where the line carries a secret. */
  readonly log?: string;
  readonly stage: Stage;
}

/** What MAIL FROM declares of the message to come. */
export interface MailParameters {
  /** Bytes (RFC 1870 section 6). */
  readonly size?: number | undefined;
  /** RFC 6152 section 3, RFC 3030 section 3. */
  readonly body?: '8BITMIME' | 'BINARYMIME' | undefined;
  /** RFC 6531 section 3.4. */
  readonly utf8?: boolean | undefined;
}

export const ehlo = (name: string): Command => command('EHLO', `EHLO ${name}`);
export const startTls = (): Command => command('STARTTLS', 'STARTTLS');
export const data = (): Command => command('DATA', 'DATA');
export const rset = (): Command => command('RSET', 'RSET');
export const noop = (): Command => command('NOOP', 'NOOP');
export const quit = (): Command => command('QUIT', 'QUIT');

/** Opens a transaction; `undefined` is the null reverse-path of notifications (RFC 5321 section 4.5.5). */
export function mail(from: Mailbox | undefined, { size, body, utf8 }: MailParameters = {}): Command {
  let line = `MAIL FROM:<${from?.address ?? ''}>`;
  if (size !== undefined) line += ` SIZE=${size}`;
  if (body !== undefined) line += ` BODY=${body}`;
  if (utf8 === true) line += ' SMTPUTF8';
  return command('MAIL', line);
}

export const rcpt = (to: Mailbox): Command => command('RCPT', `RCPT TO:<${to.address}>`);

/** RFC 4954 section 4; with an initial response, or without for the two-step form. */
export function auth(mechanism: string, initialResponse?: string): Command {
  if (initialResponse === undefined) return command('AUTH', `AUTH ${mechanism}`);
  return { ...command('AUTH', `AUTH ${mechanism} ${initialResponse}`), log: `AUTH ${mechanism} [redacted]` };
}

/** The answer to a 334 challenge. */
export function authResponse(response: string): Command {
  return { ...command('AUTH', response), log: response === '' ? '' : '[redacted]' };
}

/** Takes back an AUTH exchange (RFC 4954 section 4). */
export const authCancel = (): Command => command('AUTH', '*');

function command(stage: Stage, line: string): Command {
  // oxlint-disable-next-line no-control-regex -- these are what would end the line or the string early
  if (/[\r\n\0]/.test(line)) {
    throw new InputError('ERR_INPUT_LINE', `${stage}: a command may not contain CR, LF or NUL`);
  }
  return { line, stage };
}
