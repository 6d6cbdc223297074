// Text chosen by a server on its way to an error, an event or a transcript: our secrets come out, control characters
// lose their power. Echoes are found in any encoding a server is likely to have put them into.
import { BLOCK, RUN, type SecretIndex, findRuns, hashNext, indexForms, isBlock, mayBeBlock } from './secret-index.ts';
import type { Secret } from './secret.ts';

/** Makes a text fit to print. */
export type Redactor = (text: string) => string;

const REDACTED = '[redacted]';
/** Shorter secrets are in every second word; nobody's secret is that short. */
const SHORTEST = 4;
/** So many short texts are known by heart, up to so many characters each. */
const KNOWN = 16;
const KNOWN_LENGTH = 64;
const PERCENT = 0x25;
const BACKSLASH = 0x5c;

/** What a secret or a text looks like to the comparison, and where in the original each character came from if it moved. */
interface Folded {
  readonly text: string;
  readonly starts?: readonly number[];
  readonly ends?: readonly number[];
}

/**
 * Returns a function that replaces every run of 12 or more characters of one of `secrets` by `[redacted]` (a secret shorter
 * than that only where it appears whole) and shows control characters as `\xNN`. An echo is recognised as it is, in upper
 * or lower case, in base64 and base64url (at any offset within something longer, such as an XOAUTH2 initial response),
 * percent- or form-encoded (RFC 3986 section 2.1), and with backslashes put in. The time it takes is linear in the text.
 */
export function createRedactor(secrets: readonly (string | Secret)[]): Redactor {
  let forms: Secrets | undefined;
  // What was looked through: servers say the same for every message, or change a number in it.
  const known: string[] = [];
  let long = '';
  return (text) => {
    if (known.includes(text)) return text;
    // Built at the first text: most redactors never see one.
    forms ??= formsOfAll(secrets.map((secret) => (typeof secret === 'string' ? secret : secret.reveal())));
    if (!isHarmless(forms, newPart(text, long))) return printableAround(text, findSecrets(forms, fold(text)));
    if (text.length > KNOWN_LENGTH) long = text;
    else if (known.length < KNOWN) known.push(text);
    return text;
  };
}

/**
 * Shows control characters as `\xNN`, and those that reorder or break lines in a terminal (U+200E, U+2028, U+202E and
 * their kin) as `\uNNNN`.
 */
export function printable(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  return text.replace(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, (character) => {
    const hex = character.charCodeAt(0).toString(16);
    return hex.length > 2 ? `\\u${hex.padStart(4, '0')}` : `\\x${hex.padStart(2, '0')}`;
  });
}

interface Secrets {
  readonly index: SecretIndex;
  /** Forms too short to have a run of RUN characters: found whole. */
  readonly short: readonly string[];
}

function formsOfAll(secrets: readonly string[]): Secrets {
  const forms = new Set(secrets.filter((secret) => secret.length >= SHORTEST).flatMap(formsOf));
  // What is shorter still had nothing but what folding takes away.
  const all = [...forms].filter((form) => form.length >= SHORTEST);
  const index = indexForms(all.filter((form) => form.length >= RUN));
  return { index, short: all.filter((form) => form.length < RUN) };
}

/** The secret itself, its base64, and the inner part of that at each offset it can have within longer bytes; all folded. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const inner = [0, 1, 2].map((offset) => {
    const base64 = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    // The first and the last characters also depend on the neighbours.
    return base64.slice(Math.ceil((offset * 4) / 3), Math.floor(((offset + bytes.length) * 4) / 3));
  });
  return [secret, bytes.toString('base64'), ...inner.filter((form) => form.length >= SHORTEST)].map(
    (form) => fold(form).text,
  );
}

/**
 * What of a text has to be looked through when one like it was. A run of a secret that reaches into neither end of this part
 * lies in what both texts have, so there is none.
 */
function newPart(text: string, harmless: string): string {
  const same = Math.min(text.length, harmless.length);
  let head = 0;
  while (head < same && text.charCodeAt(head) === harmless.charCodeAt(head)) head += 1;
  let tail = 1;
  while (tail <= same - head && text.charCodeAt(text.length - tail) === harmless.charCodeAt(harmless.length - tail))
    tail += 1;
  return text.slice(Math.max(0, head - RUN + 1), text.length - Math.max(0, tail - RUN));
}

/** Printable ASCII without an escape and without a block of a secret: almost every text, known without making another. */
function isHarmless({ index, short }: Secrets, text: string): boolean {
  if (short.length > 0) return false;
  let hash = 0;
  for (let next = 0; next < text.length; next += 1) {
    const folded = FOLDED[text.charCodeAt(next)] ?? 0;
    if (folded === 0) return false;
    const at = next + 1 - BLOCK;
    hash = hashNext(hash, folded, at > 0 ? (FOLDED[text.charCodeAt(at - 1)] ?? 0) : 0);
    if (at < 0 || !mayBeBlock(index, hash)) continue;
    if (isBlock(index, hash, foldAlphabet(text.slice(at, next + 1)))) return false;
  }
  return true;
}

/** What foldAlphabet() makes of each printable ASCII character; 0 for what needs a closer look. */
const FOLDED: Uint8Array = Uint8Array.from({ length: 0x7f }, (_, code) =>
  code < 0x20 || code === PERCENT || code === BACKSLASH ? 0 : foldAlphabet(String.fromCharCode(code)).charCodeAt(0),
);

/** Undoes what encodings do: UTF-8 bytes, percent signs resolved, no backslash, one case, one alphabet for both base64. */
function fold(text: string): Folded {
  // Almost every text: nothing moves.
  if (/^[\0-\x24\x26-\x5b\x5d-\x7f]*$/.test(text)) return { text: foldAlphabet(text) };
  const bytes: number[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  let end = 0;
  for (const character of text) {
    const start = end;
    end += character.length;
    for (const byte of character <= '\x7f' ? [character.charCodeAt(0)] : Buffer.from(character)) {
      if (byte === BACKSLASH) continue;
      bytes.push(byte);
      starts.push(start);
      ends.push(end);
      // Again after each step, so that %2541 ends where %41 and A do.
      for (let decoded = escapeAtEnd(bytes); decoded !== undefined; decoded = escapeAtEnd(bytes)) {
        bytes.splice(-3, 3, decoded);
        starts.length -= 2;
        ends.splice(-3, 3, end);
      }
    }
  }
  return { text: foldAlphabet(Buffer.from(bytes).toString('latin1')), starts, ends };
}

/** base64url's `-` and `_` are base64's `+` and `/`; a form writes a blank as `+`. */
function foldAlphabet(text: string): string {
  return text.toLowerCase().replaceAll('_', '/').replace(/[- ]/g, '+');
}

/** What the last three characters stand for, if they are a percent sign and two hexadecimal digits. */
function escapeAtEnd(bytes: readonly number[]): number | undefined {
  const at = bytes.length - 3;
  if (bytes[at] !== PERCENT) return undefined;
  const digits = String.fromCharCode(bytes[at + 1] ?? 0, bytes[at + 2] ?? 0);
  return /^[0-9a-f]{2}$/i.test(digits) ? Number.parseInt(digits, 16) : undefined;
}

/** The parts of the original text, in order and apart, that hold a secret. */
function findSecrets({ index, short }: Secrets, { text, starts, ends }: Folded): [start: number, end: number][] {
  const found = findRuns(index, text);
  for (const form of short) {
    for (let at = text.indexOf(form); at !== -1; at = text.indexOf(form, at + 1)) found.push([at, at + form.length]);
  }
  const merged: [start: number, end: number][] = [];
  for (const [from, to] of found.sort((a, b) => a[0] - b[0])) {
    const start = starts?.[from] ?? from;
    const end = ends?.[to - 1] ?? to;
    const last = merged.at(-1);
    if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end);
    else merged.push([start, end]);
  }
  return merged;
}

function printableAround(text: string, secrets: readonly [start: number, end: number][]): string {
  let result = '';
  let at = 0;
  for (const [start, end] of secrets) {
    result += printable(text.slice(at, start)) + REDACTED;
    at = end;
  }
  return result + printable(text.slice(at));
}
