// Bytes to replies (RFC 5321 section 4.2). Knows nothing of sockets or commands; results do not depend on chunk boundaries.
import { ProtocolError } from '../errors.ts';
import type { Reply } from './reply.ts';

const CR = 0x0d;
const LF = 0x0a;
const ZERO = 0x30;
const STATUS = /^([245])\.\d{1,3}\.\d{1,3}(?= |$)/;
const PLAIN = /^[\x20-\x7e]*$/;
// oxlint-disable-next-line no-control-regex -- control characters are what this looks for
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]/g;

/** A reply longer than this (bytes) ends the connection; Exchange's longest with diagnostics are about 3 KB. */
export const MAX_REPLY_BYTES: number = 64 * 1024;

/** A server says the same few short lines for every message; so many are known by heart, up to so many characters each. */
const REMEMBERED = 16;
const REMEMBERED_LENGTH = 64;

/** Splits a byte stream into replies. */
export class ReplyParser {
  /** Replies of one line, and what they mean. Frozen: whoever gets the same answer gets the same object. */
  readonly #known: { readonly line: string; readonly reply: Reply }[] = [];
  #fragments: Uint8Array[] = [];
  #lines: string[] = [];
  #code = 0;
  #size = 0;
  #failure: ProtocolError | undefined;

  /** Whether bytes were received that do not yet form a reply. */
  get pending(): boolean {
    return this.#fragments.length > 0 || this.#lines.length > 0;
  }

  /** Why the stream is no SMTP any more. Replies completed before the fault were returned; nothing after it is read. */
  get failure(): ProtocolError | undefined {
    return this.#failure;
  }

  push(chunk: Uint8Array): Reply[] {
    const replies: Reply[] = [];
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    let start = 0;
    while (this.#failure === undefined && start < bytes.length) {
      const lineEnd = bytes.indexOf(LF, start);
      const end = lineEnd < 0 ? bytes.length : lineEnd;
      this.#size += end - start + (lineEnd < 0 ? 0 : 1);
      if (this.#size > MAX_REPLY_BYTES) {
        this.#failure = new ProtocolError(`a reply is longer than ${MAX_REPLY_BYTES} bytes`);
      } else if (lineEnd < 0) {
        this.#fragments.push(bytes.subarray(start));
      } else {
        const reply = this.#line(this.#text(bytes, start, end));
        if (reply !== undefined) replies.push(reply);
      }
      start = end + 1;
    }
    return replies;
  }

  /** The whole line that ends with these bytes, as text. */
  #text(bytes: Buffer, start: number, end: number): string {
    if (this.#fragments.length > 0) {
      const whole = Buffer.concat([...this.#fragments, bytes.subarray(start, end)]);
      this.#fragments = [];
      return this.#text(whole, 0, whole.length);
    }
    return bytes.toString('utf8', start, end > start && bytes[end - 1] === CR ? end - 1 : end);
  }

  #line(line: string): Reply | undefined {
    const known = this.#lines.length === 0 ? this.#known.find((each) => each.line === line) : undefined;
    if (known !== undefined) {
      this.#size = 0;
      return known.reply;
    }
    const code = replyCode(line);
    if (code === undefined) return this.#fail(`not a reply line: ${JSON.stringify(visible(line.slice(0, 80)))}`);
    if (this.#lines.length > 0 && code !== this.#code) {
      return this.#fail(`the reply code changed from ${this.#code} to ${code} within one reply`);
    }
    this.#code = code;
    this.#lines.push(visible(line.slice(4)));
    if (line[3] === '-') return undefined;
    const lines = this.#lines;
    this.#lines = [];
    this.#size = 0;
    const reply = { code, status: enhancedStatus(code, lines), lines };
    if (lines.length === 1 && line.length <= REMEMBERED_LENGTH && this.#known.length < REMEMBERED) {
      Object.freeze(lines);
      this.#known.push({ line, reply: Object.freeze(reply) });
    }
    return reply;
  }

  #fail(message: string): undefined {
    this.#failure = new ProtocolError(message);
    this.#lines = [];
  }
}

/** Three digits at the head of a line, then a blank, a hyphen or nothing (RFC 5321 section 4.2). */
function replyCode(line: string): number | undefined {
  if (line.length > 3 && line[3] !== ' ' && line[3] !== '-') return undefined;
  const hundreds = line.charCodeAt(0) - ZERO;
  const tens = line.charCodeAt(1) - ZERO;
  const ones = line.charCodeAt(2) - ZERO;
  const valid = hundreds >= 2 && hundreds <= 5 && tens >= 0 && tens <= 5 && ones >= 0 && ones <= 9;
  return valid ? hundreds * 100 + tens * 10 + ones : undefined;
}

/** RFC 2034 section 4: the status stands at the head of the text and agrees with the first digit of the code. */
function enhancedStatus(code: number, lines: readonly string[]): string | undefined {
  for (const line of lines) {
    if (line[1] !== '.' || line.charCodeAt(0) - ZERO !== Math.trunc(code / 100)) continue;
    const match = STATUS.exec(line);
    if (match !== null) return match[0];
  }
  return undefined;
}

/** A server chooses this text and people read it in terminals: control characters lose their power. */
function visible(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replace(CONTROL, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
