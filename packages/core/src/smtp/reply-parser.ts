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

/** A server says the same few short lines for every message; so many are known by heart, up to so many bytes each. */
const KNOWN = 16;
const KNOWN_LENGTH = 64;

interface KnownReply {
  /** Its one line, without LF. */
  readonly line: Uint8Array;
  readonly reply: Reply;
}

/** Splits a byte stream into replies. */
export class ReplyParser {
  readonly #known: KnownReply[] = [];
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
      const known = this.pending || lineEnd < 0 ? undefined : this.#knownReply(bytes, start, end);
      const reply = known ?? this.#read(bytes, start, end, lineEnd >= 0);
      if (reply !== undefined) replies.push(reply);
      start = end + 1;
    }
    return replies;
  }

  /** Takes a line, or the beginning of one. */
  #read(bytes: Buffer, start: number, end: number, whole: boolean): Reply | undefined {
    this.#size += end - start + (whole ? 1 : 0);
    if (this.#size > MAX_REPLY_BYTES) {
      this.#failure = new ProtocolError(`a reply is longer than ${MAX_REPLY_BYTES} bytes`);
      return undefined;
    }
    if (!whole) {
      this.#fragments.push(bytes.subarray(start));
      return undefined;
    }
    const alone = !this.pending;
    const reply = this.#line(this.#text(bytes, start, end));
    if (alone && reply !== undefined) this.#remember(bytes.subarray(start, end), reply);
    return reply;
  }

  #knownReply(bytes: Uint8Array, start: number, end: number): Reply | undefined {
    for (const { line, reply } of this.#known) if (isAt(line, bytes, start, end)) return reply;
    return undefined;
  }

  /** Frozen: whoever gets the same answer gets the same object. */
  #remember(line: Uint8Array, reply: Reply): void {
    if (line.length > KNOWN_LENGTH || this.#known.length === KNOWN) return;
    Object.freeze(reply.lines);
    this.#known.push({ line: new Uint8Array(line), reply: Object.freeze(reply) });
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
    return { code, status: enhancedStatus(code, lines), lines };
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

/** Whether exactly these bytes stand there. */
function isAt(line: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (line.length !== end - start) return false;
  for (let at = 0; at < line.length; at += 1) if (line[at] !== bytes[start + at]) return false;
  return true;
}
