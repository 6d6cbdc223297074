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
  /** RFC 3461 section 4.3. */
  readonly ret?: 'FULL' | 'HDRS' | undefined;
  /** RFC 3461 section 4.4, not encoded yet. */
  readonly envid?: string | undefined;
  /** RFC 8689 section 2. */
  readonly requireTls?: boolean | undefined;
}

/** What RCPT TO asks for (RFC 3461 sections 4.1 and 4.2). */
export interface RcptParameters {
  /** `NEVER`, or some of `SUCCESS`, `FAILURE`, `DELAY`. */
  readonly notify?: readonly string[] | undefined;
  readonly orcpt?: string | undefined;
}

export const ehlo = (name: string): Command => command('EHLO', `EHLO ${name}`);
export const startTls = (): Command => command('STARTTLS', 'STARTTLS');
export const data = (): Command => command('DATA', 'DATA');
export const rset = (): Command => command('RSET', 'RSET');
export const quit = (): Command => command('QUIT', 'QUIT');

/** Opens a transaction; `undefined` is the null reverse-path of notifications (RFC 5321 section 4.5.5). */
export function mail(from: Mailbox | undefined, parameters: MailParameters = {}): Command {
  const { size, body, utf8, ret, envid, requireTls } = parameters;
  let line = `MAIL FROM:<${from?.address ?? ''}>`;
  if (size !== undefined) line += ` SIZE=${size}`;
  if (body !== undefined) line += ` BODY=${body}`;
  if (utf8 === true) line += ' SMTPUTF8';
  if (ret !== undefined) line += ` RET=${ret}`;
  if (envid !== undefined) line += ` ENVID=${xtext(envid)}`;
  if (requireTls === true) line += ' REQUIRETLS';
  return command('MAIL', line);
}

export function rcpt(to: Mailbox, { notify, orcpt }: RcptParameters = {}): Command {
  let line = `RCPT TO:<${to.address}>`;
  if (notify !== undefined) line += ` NOTIFY=${notify.join(',')}`;
  if (orcpt !== undefined) line += ` ORCPT=rfc822;${xtext(orcpt)}`;
  return command('RCPT', line);
}

/** RFC 3461 section 4: what is not a plain visible character travels as `+` and two hexadecimal digits. */
function xtext(text: string): string {
  return text.replace(/[^\x21-\x2a\x2c-\x3c\x3e-\x7e]/g, (character) => {
    return `+${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  });
}

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
