// Bytes to replies (RFC 5321 section 4.2). Knows nothing of sockets or commands; results do not depend on chunk boundaries.
import { ProtocolError } from '../errors.ts';
import type { Reply } from './reply.ts';

const LF = 0x0a;
const LINE = /^([2-5][0-5][0-9])(?:([ -])(.*))?$/s;
const STATUS = /^([245])\.\d{1,3}\.\d{1,3}(?= |$)/;
// oxlint-disable-next-line no-control-regex -- control characters are what this looks for
const CONTROL = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]/g;

/** A reply longer than this (bytes) ends the connection; Exchange's longest with diagnostics are about 3 KB. */
export const MAX_REPLY_BYTES: number = 64 * 1024;

/** Splits a byte stream into replies. */
export class ReplyParser {
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
    let start = 0;
    while (this.#failure === undefined && start < chunk.length) {
      const end = chunk.indexOf(LF, start);
      const piece = chunk.subarray(start, end < 0 ? chunk.length : end);
      this.#size += piece.length + 1;
      if (this.#size > MAX_REPLY_BYTES) {
        this.#failure = new ProtocolError(`a reply is longer than ${MAX_REPLY_BYTES} bytes`);
      } else if (end < 0) {
        this.#fragments.push(piece);
      } else {
        const reply = this.#line(this.#text(piece));
        if (reply !== undefined) replies.push(reply);
      }
      start += piece.length + 1;
    }
    return replies;
  }

  /** The whole line that ends with `piece`, as text. */
  #text(piece: Uint8Array): string {
    let bytes = piece;
    if (this.#fragments.length > 0) {
      bytes = Buffer.concat([...this.#fragments, piece]);
      this.#fragments = [];
    }
    const end = bytes.at(-1) === 0x0d ? bytes.length - 1 : bytes.length;
    return Buffer.from(bytes.buffer, bytes.byteOffset, end).toString('utf8');
  }

  #line(line: string): Reply | undefined {
    const match = LINE.exec(line);
    if (match === null) return this.#fail(`not a reply line: ${JSON.stringify(visible(line.slice(0, 80)))}`);
    const code = Number(match[1]);
    if (this.#lines.length > 0 && code !== this.#code) {
      return this.#fail(`the reply code changed from ${this.#code} to ${code} within one reply`);
    }
    this.#code = code;
    this.#lines.push(visible(match[3] ?? ''));
    if (match[2] === '-') return undefined;
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

/** RFC 2034 section 4: the status stands at the head of the text and agrees with the first digit of the code. */
function enhancedStatus(code: number, lines: readonly string[]): string | undefined {
  for (const line of lines) {
    const match = STATUS.exec(line);
    if (match !== null && match[1] === String(code)[0]) return match[0];
  }
  return undefined;
}

/** A server chooses this text and people read it in terminals: control characters lose their power. */
function visible(text: string): string {
  return text.replace(CONTROL, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
