// The text after DATA: finds CRLF.CRLF and takes the transparency dots away (RFC 5321 section 4.5.2). Nothing else is touched.

const CR = 0x0d;
const LF = 0x0a;
const CRLF = Buffer.from('\r\n');

/** Decodes one message; feed it pieces of any length. */
export class DotDecoder {
  readonly #emit: (piece: Buffer) => void;
  // What may be the beginning of CRLF.CRLF is held back. The text begins at the start of a line: as after a CRLF.
  #held: Buffer = CRLF;
  #notText = CRLF.length;

  /** `emit` gets the message's bytes. */
  constructor(emit: (piece: Buffer) => void) {
    this.#emit = emit;
  }

  /** Takes a piece; returns what follows the end of the message once the end has come. */
  push(chunk: Buffer): Buffer | undefined {
    const data = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    let from = 0;
    for (;;) {
      const at = data.indexOf('\r\n.', from);
      if (at === -1) break;
      const [first, second] = [data[at + 3], data[at + 4]];
      if (first === undefined || (first === CR && second === undefined)) {
        this.#pass(data.subarray(from, at));
        this.#held = data.subarray(at);
        return undefined;
      }
      this.#pass(data.subarray(from, at + 2));
      if (first === CR && second === LF) return data.subarray(at + 5);
      from = at + 3;
    }
    const end = data.length - heldBack(data);
    this.#pass(data.subarray(from, end));
    this.#held = data.subarray(end);
    return undefined;
  }

  #pass(piece: Buffer): void {
    const text = piece.subarray(this.#notText);
    this.#notText -= Math.min(this.#notText, piece.length);
    if (text.length > 0) this.#emit(text);
  }
}

const heldBack = (data: Buffer): number => {
  const last = data[data.length - 1];
  if (last === CR) return 1;
  return last === LF && data[data.length - 2] === CR ? 2 : 0;
};

/** The first line end in `bytes` that is not CRLF, if there is one (RFC 5321 section 2.3.8). */
export function bareLineEnd(bytes: Uint8Array): 'CR' | 'LF' | undefined {
  let before = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === LF && before !== CR) return 'LF';
    if (before === CR && byte !== LF) return 'CR';
    before = byte;
  }
  return before === CR ? 'CR' : undefined;
}
