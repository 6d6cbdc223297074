// base64 in lines of 76 characters (RFC 2045 section 6.8), piece by piece, as nodemailer's encoder makes it: whole lines at a
// time, so that what comes after needs not look for line ends that were cut in two.

/** Bytes in a line, and characters. */
export const LINE = 57;
const CHARACTERS = 76;
const CRLF = 2;
/** Lines encoded at a time: what they take on the way stays small. */
const GROUP = 256;

/** Encodes one content. The result does not depend on where it is cut; only its last line has no CRLF behind it. */
export class Base64Encoder {
  /** What makes no line yet, or the last line. */
  readonly #rest = Buffer.alloc(LINE);
  #length = 0;
  #group: Buffer | undefined;

  /** Whole lines. Keeps nothing of `chunk`. */
  encode(chunk: Buffer): Buffer {
    const at = Math.min(LINE - this.#length, chunk.length);
    chunk.copy(this.#rest, this.#length, 0, at);
    this.#length += at;
    if (at === chunk.length) return NOTHING;
    // A line is written when something follows it: the last one must not end with CRLF.
    const lines = Math.floor((chunk.length - at - 1) / LINE);
    const out = Buffer.allocUnsafe((1 + lines) * (CHARACTERS + CRLF));
    this.#encodeLines(this.#rest, 0, 1, out, 0);
    this.#encodeLines(chunk, at, lines, out, CHARACTERS + CRLF);
    this.#length = chunk.copy(this.#rest, 0, at + lines * LINE);
    return out;
  }

  /** The last line. */
  end(): string {
    return this.#rest.toString('base64', 0, this.#length);
  }

  #encodeLines(bytes: Buffer, from: number, lines: number, out: Buffer, to: number): void {
    const group = (this.#group ??= Buffer.allocUnsafe(GROUP * CHARACTERS));
    for (let line = 0; line < lines; line += GROUP) {
      const start = from + line * LINE;
      const count = Math.min(GROUP, lines - line);
      group.write(bytes.toString('base64', start, start + count * LINE), 'latin1');
      for (let at = 0; at < count * CHARACTERS; at += CHARACTERS) {
        to += group.copy(out, to, at, at + CHARACTERS);
        out[to++] = 0x0d;
        out[to++] = 0x0a;
      }
    }
  }
}

const NOTHING = Buffer.alloc(0);
