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
const DOMAIN = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62}))*$/;
/** No top-level domain is a number (RFC 3696 section 2): this is an IP address without its brackets. */
const NUMERIC_END = /(?:^|\.)[0-9]+$/;
const LITERAL = /^\[(?:IPv6:[0-9A-Fa-f:.]{2,45}|[0-9.]{7,15})\]$/;
/** Almost every address, in one look: nothing in it needs more than these. */
const PLAIN =
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[A-Za-z0-9_][A-Za-z0-9_-]{0,62}\.)+[A-Za-z][A-Za-z0-9-]{0,62}$/;
const UNICODE_DOMAIN = /^[A-Za-z0-9._\u00a1-\u{10ffff}-]+$/u;
// Separators and invisible characters that JavaScript or other software treats as line ends, spaces or nothing.
// Variation selectors stay: they belong to many emoji.
const HIDDEN =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\ufff9-\uffff]|(?! )\p{Zs}|(?![\ufe00-\ufe0f])\p{Default_Ignorable_Code_Point}/u;
/** What structures an address; look-alikes such as U+FF20 become these where software folds them (NFKC). */
const SPECIAL = /[ "(),:;<>@[\\\]]/;

/** 64 for the local part, 255 for the domain (RFC 5321 section 4.5.3.1). */
const MAX_BYTES = 320;
/** Too short for a part of it to be too long. */
const PLAIN_LENGTH = 255;

/**
 * Checks one address.
 * @throws TypeError `ERR_INPUT_ADDRESS` naming `what` and what is wrong with it.
 */
export function parseMailbox(text: string, what: string): Mailbox {
  const refuse = (why: string): never => {
    throw new InputError('ERR_INPUT_ADDRESS', `${what}: ${why}: ${JSON.stringify(shown(text))}`);
  };
  if (typeof text !== 'string') return refuse('an address is a string');
  if (text.length <= PLAIN_LENGTH && PLAIN.test(text)) return { address: text, utf8: false };
  if (text.length > MAX_BYTES) return refuse(`an address is at most ${MAX_BYTES} bytes long`);
  if (HIDDEN.test(text)) return refuse('an address holds no control or invisible characters');
  const at = text.lastIndexOf('@');
  if (at < 1) return refuse('an address has the form local-part@domain');
  const local = text.slice(0, at);
  if (!LOCAL.test(local)) return refuse('not one plain address (no list, no name, no angle brackets)');
  // oxlint-disable-next-line no-control-regex -- ASCII is what this looks for
  const utf8 = !/^[\x00-\x7f]*$/.test(local);
  if (utf8 && hidesSpecial(local)) return refuse('a character other software may take for an @, a comma or a bracket');
  const domain = asciiDomain(text.slice(at + 1));
  if (domain === undefined) return refuse('not a domain name');
  const address = domain === text.slice(at + 1) ? text : `${local}@${domain}`;
  if ((utf8 ? Buffer.byteLength(address) : address.length) > MAX_BYTES)
    return refuse(`an address is at most ${MAX_BYTES} bytes long`);
  return { address, utf8 };
}

function hidesSpecial(local: string): boolean {
  // oxlint-disable-next-line no-control-regex -- ASCII is what this leaves out
  return SPECIAL.test(local.replace(/[\x00-\x7f]+/g, '').normalize('NFKC'));
}

/** The domain in ASCII, or `undefined` where it is none. */
function asciiDomain(domain: string): string | undefined {
  if (domain.length > 255) return undefined;
  if (LITERAL.test(domain)) return domain;
  if (DOMAIN.test(domain)) return NUMERIC_END.test(domain) ? undefined : domain;
  // Letters of another width and the like would be folded into another name than the one that was written.
  if (!UNICODE_DOMAIN.test(domain) || domain.normalize('NFKC') !== domain.normalize('NFC')) return undefined;
  const ascii = domainToASCII(domain);
  const labels = (name: string): number => name.split('.').length;
  return DOMAIN.test(ascii) && !NUMERIC_END.test(ascii) && labels(ascii) === labels(domain) ? ascii : undefined;
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : typeof value;
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
