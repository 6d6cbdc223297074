// base64 in lines of 76 characters (RFC 2045 section 6.8), piece by piece, as nodemailer's encoder makes it: whole lines at a
// time, so that what comes after needs not look for line ends that were cut in two. Straight into the memory that is sent:
// Buffer's own encoder makes strings, which a message of 25 MB leaves behind by the megabyte.

/** Bytes in a line. */
export const LINE = 57;
/** Pairs of characters in a line, its CRLF included: an even number of bytes, so that each line begins with a whole pair. */
const PAIRS = 39;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** For each value of twelve bits its two characters, in the order in which this machine keeps the bytes of a number. */
const CHARACTERS = pairsOf(Array.from(ALPHABET, (high) => Array.from(ALPHABET, (low) => high + low).join('')).join(''));
const [CRLF = 0] = pairsOf('\r\n');

function pairsOf(text: string): Uint16Array {
  const pairs = new Uint16Array(text.length / 2);
  Buffer.from(pairs.buffer).write(text, 'latin1');
  return pairs;
}

/** Encodes one content. The result does not depend on where it is cut; only its last line has no CRLF behind it. */
export class Base64Encoder {
  /** What makes no line yet, or the last line. */
  readonly #rest = Buffer.alloc(LINE);
  #length = 0;
  /** The last result, whose memory is used again. */
  #out = new Uint16Array();

  /** Whole lines, good until the next call. Keeps nothing of `chunk`. */
  encode(chunk: Buffer): Buffer {
    const at = Math.min(LINE - this.#length, chunk.length);
    chunk.copy(this.#rest, this.#length, 0, at);
    this.#length += at;
    if (at === chunk.length) return NOTHING;
    // A line is written when something follows it: the last one must not end with CRLF.
    const lines = Math.floor((chunk.length - at - 1) / LINE);
    const length = (1 + lines) * PAIRS;
    if (this.#out.length < length) this.#out = new Uint16Array(length);
    encodeLines(this.#rest, 0, 1, this.#out, 0);
    encodeLines(chunk, at, lines, this.#out, PAIRS);
    this.#length = chunk.copy(this.#rest, 0, at + lines * LINE);
    return Buffer.from(this.#out.buffer, 0, length * 2);
  }

  /** The last line. */
  end(): string {
    return this.#rest.toString('base64', 0, this.#length);
  }
}

function encodeLines(bytes: Buffer, from: number, lines: number, out: Uint16Array, to: number): void {
  let at = from;
  for (let line = 0; line < lines; line += 1) {
    for (const end = at + LINE; at < end; at += 3) {
      const three = (byteAt(bytes, at) << 16) | (byteAt(bytes, at + 1) << 8) | byteAt(bytes, at + 2);
      out[to++] = CHARACTERS[three >> 12] ?? 0;
      out[to++] = CHARACTERS[three & 0xfff] ?? 0;
    }
    out[to++] = CRLF;
  }
}

const byteAt = (bytes: Buffer, at: number): number => bytes[at] ?? 0;

const NOTHING = Buffer.alloc(0);
