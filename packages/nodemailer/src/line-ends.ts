// Every line of a message ends with CRLF (RFC 5322 section 2.3); composers pass a lone CR or LF in unencoded text through.

const CR = 0x0d;
const LF = 0x0a;

/**
 * Returns a function that completes lone CR and LF to CRLF, piece by piece. The result does not depend on where the
 * message is cut, and a piece that needs nothing is handed back as it is.
 */
export function createLineEndRepair(): (piece: Buffer) => Buffer {
  let previous = LF;
  return (piece) => {
    const inserts: [at: number, byte: number][] = [];
    if (previous === CR && piece.length > 0 && piece[0] !== LF) inserts.push([0, LF]);
    for (let lf = piece.indexOf(LF); lf >= 0; lf = piece.indexOf(LF, lf + 1)) {
      if ((lf > 0 ? piece[lf - 1] : previous) !== CR) inserts.push([lf, CR]);
    }
    for (let cr = piece.indexOf(CR); cr >= 0; cr = piece.indexOf(CR, cr + 1)) {
      if (cr + 1 < piece.length && piece[cr + 1] !== LF) inserts.push([cr + 1, LF]);
    }
    previous = piece.at(-1) ?? previous;
    return inserts.length === 0 ? piece : insert(piece, inserts);
  };
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
