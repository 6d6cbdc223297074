// Transfer encodings (RFC 2045 section 6), piece by piece.
import { Base64Encoder } from './base64.ts';
import type { LineEnds } from './line-ends.ts';

/** Encodes the content of one part; every line ends with CRLF, but for the last. */
export interface Encoder {
  /** Good until the next call. May hand back the chunk itself, but keeps nothing of it. */
  encode(chunk: Buffer): Buffer;
  /** What is still to come when all was given: ASCII. */
  end(): string;
}

/** What is used of nodemailer's encoder for quoted-printable, a transform stream. */
export type QuotedPrintable = new (options: { readonly binary: boolean }) => {
  push(piece: Buffer | string): boolean;
  _transform(chunk: Buffer, encoding: BufferEncoding, done: () => void): void;
  _flush(done: () => void): void;
};

/** @param binary the content is no text: a lone CR or LF in it is data */
export function encoderFor(
  encoding: unknown,
  binary: boolean,
  lineEnds: LineEnds,
  QuotedPrintableStream: QuotedPrintable,
): Encoder {
  if (encoding === 'base64') return base64(lineEnds);
  if (encoding === 'quoted-printable') return quotedPrintable(new QuotedPrintableStream({ binary }), lineEnds);
  return { encode: (chunk) => lineEnds.repair(chunk), end: () => '' };
}

function base64(lineEnds: LineEnds): Encoder {
  const encoder = new Base64Encoder();
  return {
    encode(chunk) {
      const encoded = encoder.encode(chunk);
      lineEnds.pass(encoded);
      return encoded;
    },
    end: () => encoder.end(),
  };
}

/** What a stream is told of pieces that are bytes; its types do not know it. */
const BYTES = 'buffer' as BufferEncoding;

/** nodemailer's encoder without the stream machinery around it, which costs more than encoding a usual text. */
function quotedPrintable(stream: InstanceType<QuotedPrintable>, lineEnds: LineEnds): Encoder {
  let encoded = '';
  stream.push = (piece) => {
    encoded += piece.toString('latin1');
    return true;
  };
  const take = (): string => {
    const taken = encoded;
    encoded = '';
    return taken;
  };
  return {
    encode(chunk) {
      stream._transform(chunk, BYTES, () => {});
      return lineEnds.repair(Buffer.from(take(), 'latin1'));
    },
    end() {
      stream._flush(() => {});
      return take();
    },
  };
}
