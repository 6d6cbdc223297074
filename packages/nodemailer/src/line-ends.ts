// Every line of a message ends with CRLF (RFC 5322 section 2.3); composers pass a lone CR or LF in unencoded text through.

const CR = 0x0d;
const LF = 0x0a;

/** The line ends of one message, piece by piece. The result does not depend on where the message is cut. */
export class LineEnds {
  #previous: number | undefined;

  /** Completes lone CR and LF to CRLF; a piece that needs nothing is handed back as it is. */
  repair(piece: Buffer): Buffer {
    const before = this.#previous ?? LF;
    const inserts: [at: number, byte: number][] = [];
    if (before === CR && piece.length > 0 && piece[0] !== LF) inserts.push([0, LF]);
    for (let lf = piece.indexOf(LF); lf >= 0; lf = piece.indexOf(LF, lf + 1)) {
      if ((lf > 0 ? piece[lf - 1] : before) !== CR) inserts.push([lf, CR]);
    }
    for (let cr = piece.indexOf(CR); cr >= 0; cr = piece.indexOf(CR, cr + 1)) {
      if (cr + 1 < piece.length && piece[cr + 1] !== LF) inserts.push([cr + 1, LF]);
    }
    this.pass(piece);
    return inserts.length === 0 ? piece : insert(piece, inserts);
  }

  /** Takes note of a piece that is known to need nothing. */
  pass(piece: Buffer): void {
    this.#previous = piece.at(-1) ?? this.#previous;
  }

  /** What is missing at the end of the message: its last line ends, too. */
  end(): string {
    if (this.#previous === LF) return '';
    return this.#previous === CR ? '\n' : '\r\n';
  }
}

function insert(piece: Buffer, inserts: [at: number, byte: number][]): Buffer {
  const out = Buffer.allocUnsafe(piece.length + inserts.length);
  let from = 0;
  let to = 0;
  for (const [at, byte] of inserts.sort(([a], [b]) => a - b)) {
    to += piece.copy(out, to, from, at);
    out[to++] = byte;
    from = at;
  }
  piece.copy(out, to, from);
  return out;
}
