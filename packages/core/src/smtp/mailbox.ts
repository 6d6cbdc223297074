// One address of an envelope, checked and made fit for the wire. Nothing is repaired: what is not one address is refused.
import { domainToASCII } from 'node:url';
import { InputError } from '../errors.ts';

/** An address as it goes into MAIL FROM or RCPT TO: domain in A-labels (RFC 5891). */
export interface Mailbox {
  readonly address: string;
  /** The local part needs SMTPUTF8 (RFC 6531). */
  readonly utf8: boolean;
}

// RFC 5321 section 4.1.2 with RFC 6531 section 3.3; "<" and ">" are refused even where quoting would allow them.
const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\u00a1-\\u{10ffff}-]+";
const LOCAL = new RegExp(
  `^(?:${ATOM}(?:\\.${ATOM})*|"(?:[\\x20\\x21\\x23-\\x3b\\x3d\\x3f-\\x5b\\x5d-\\x7e\\u00a1-\\u{10ffff}]|\\\\[\\x20-\\x3b\\x3d\\x3f-\\x7e])+")$`,
  'u',
);
const DOMAIN = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62}))*\.?$/;
const LITERAL = /^\[(?:IPv6:[0-9A-Fa-f:.]{2,45}|[0-9.]{7,15})\]$/;
const UNICODE_DOMAIN = /^[A-Za-z0-9._\u00a1-\u{10ffff}-]+$/u;
// Separators and invisible characters that JavaScript or other software treats as line ends, spaces or nothing.
// oxlint-disable-next-line no-control-regex -- control characters are what this looks for
const HIDDEN = /[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff\ud800-\udfff]/u;

/**
 * Checks one address.
 * @throws TypeError `ERR_INPUT_ADDRESS` naming `what` and what is wrong with it.
 */
export function parseMailbox(text: string, what: string): Mailbox {
  const refuse = (why: string): never => {
    throw new InputError('ERR_INPUT_ADDRESS', `${what}: ${why}: ${JSON.stringify(shown(text))}`);
  };
  if (typeof text !== 'string') return refuse('an address is a string');
  if (HIDDEN.test(text)) return refuse('an address holds no control or invisible characters');
  const at = text.lastIndexOf('@');
  if (at < 1) return refuse('an address has the form local-part@domain');
  const local = text.slice(0, at);
  if (!LOCAL.test(local)) return refuse('not one plain address (no list, no name, no angle brackets)');
  const domain = asciiDomain(text.slice(at + 1));
  if (domain === undefined) return refuse('not a domain name');
  const address = domain === text.slice(at + 1) ? text : `${local}@${domain}`;
  if (Buffer.byteLength(address) > 320) return refuse('an address is at most 320 bytes long');
  // oxlint-disable-next-line no-control-regex -- ASCII is what this looks for
  return { address, utf8: !/^[\x00-\x7f]*$/.test(local) };
}

/** The domain in ASCII, or `undefined` where it is none. */
function asciiDomain(domain: string): string | undefined {
  if (domain.length > 255) return undefined;
  if (DOMAIN.test(domain) || LITERAL.test(domain)) return domain;
  if (!UNICODE_DOMAIN.test(domain)) return undefined;
  const ascii = domainToASCII(domain);
  return DOMAIN.test(ascii) ? ascii : undefined;
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : typeof value;
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
