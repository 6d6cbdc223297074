// A command line taken apart (RFC 5321 section 4.1). Strict: what a careful server would refuse is refused here.

/** A command as it came: the verb in capitals, the rest untouched. */
export interface Command {
  readonly verb: string;
  readonly argument: string;
}

/** `MAIL FROM:<path> parameters` or `RCPT TO:<path> parameters`. */
export interface PathArgument {
  /** The address without brackets; empty for the null reverse-path. */
  readonly address: string;
  /** Parameter keywords in capitals. */
  readonly parameters: ReadonlyMap<string, string | undefined>;
}

/** Takes a line apart; `undefined` when it does not begin with a word. */
export function parseCommand(line: Buffer): Command | undefined {
  const match = /^([A-Za-z]{1,16})(?: (.*))?$/s.exec(line.toString('utf8'));
  if (match === null) return undefined;
  return { verb: (match[1] ?? '').toUpperCase(), argument: match[2] ?? '' };
}

const ATOM = String.raw`[^\s\x00-\x1f\x7f()<>[\]:;@\\,."]+`;
const QUOTED = String.raw`"(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*"`;
const LABEL = String.raw`[\p{L}\p{M}\p{N}](?:[\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?`;
const DOMAIN = String.raw`${LABEL}(?:\.${LABEL})*|\[[\x21-\x5a\x5e-\x7e]+\]`;
const PATH = new RegExp(String.raw`^<(?:(${ATOM}(?:\.${ATOM})*|${QUOTED})@(${DOMAIN}))?>((?: .*)?)$`, 'u');
const PARAMETER = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([^\s=\p{Cc}]+))?$/u;

/**
 * Takes the argument of MAIL or RCPT apart.
 * @returns `'syntax'` when the keyword or a parameter is malformed, `'address'` when the path is.
 */
export function parsePath(argument: string, keyword: 'FROM' | 'TO'): PathArgument | 'syntax' | 'address' {
  const prefix = `${keyword}:`;
  if (argument.slice(0, prefix.length).toUpperCase() !== prefix) return 'syntax';
  const match = PATH.exec(argument.slice(prefix.length));
  if (match === null) return 'address';
  const [, local, domain, rest = ''] = match;
  const parameters = new Map<string, string | undefined>();
  for (const word of rest === '' ? [] : rest.slice(1).split(' ')) {
    const parameter = PARAMETER.exec(word);
    const key = parameter?.[1]?.toUpperCase();
    if (key === undefined || parameters.has(key)) return 'syntax';
    parameters.set(key, parameter?.[2]);
  }
  return { address: local === undefined ? '' : `${local}@${domain ?? ''}`, parameters };
}

/** `BDAT size [LAST]` (RFC 3030 section 2). */
export function parseBdat(argument: string): { readonly size: number; readonly last: boolean } | undefined {
  const match = /^(\d{1,15})( LAST)?$/i.exec(argument);
  return match === null ? undefined : { size: Number(match[1]), last: match[2] !== undefined };
}

/** Whether an address needs SMTPUTF8 (RFC 6531). */
export const isInternational = (address: string): boolean => /[^\x00-\x7f]/.test(address); // oxlint-disable-line no-control-regex
