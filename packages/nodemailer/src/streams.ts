// Messages that are composed while they are read, as fast as they are read. Nothing is opened before, and nothing is left
// open when the reader goes.
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { lentPieces } from '@mailgrant/core';
import type { QuotedPrintable } from './encoders.ts';
import { LineEnds } from './line-ends.ts';
import { type MimeNode, nodesOf, releaseStreams, sourceOf } from './mime-tree.ts';
import { piecesOf } from './pieces.ts';
import { SLICE, slicesOf } from './slices.ts';
import { chunksOf } from './sources.ts';

/** Bytes of each stream so far. */
const lengths = new WeakMap<object, number>();

/** How long a message from here has become; its length, when it has been read to its end. */
export const lengthOf = (message: object): number => lengths.get(message) ?? 0;

const count = (stream: Readable, piece: Uint8Array): void => void lengths.set(stream, lengthOf(stream) + piece.length);

/** Who reads a message. Its pieces are made once: what one has taken the other would miss. */
type Reader = 'stream' | 'mailer';

/** The message piece by piece. Whoever reads the stream may keep what came; to core the pieces are lent. */
export function streamOfPieces(root: MimeNode, QuotedPrintableStream: QuotedPrintable): Readable {
  const pieces = readPieces(root, QuotedPrintableStream);
  let reader: Reader | undefined;
  const stream = new Readable({
    read() {
      if (reader === 'mailer') {
        stream.destroy(readBefore());
        return;
      }
      reader = 'stream';
      inATurnOfItsOwn(stream, () => {
        pieces.next().then(
          ({ done, value }) => {
            if (done !== true) count(stream, value);
            stream.push(done === true ? null : Buffer.from(value));
          },
          (error: Error) => stream.destroy(error),
        );
      });
    },
    destroy(error, done) {
      releaseStreams(root);
      pieces.return().catch(() => undefined); // whoever lets go of a message does not wait for how its sources end
      done(error);
    },
  });
  async function* lend(): AsyncGenerator<Buffer, void> {
    if (reader !== undefined || stream.destroyed) throw stream.errored ?? readBefore();
    reader = 'mailer';
    let turnAt = performance.now();
    try {
      for await (const piece of pieces) {
        count(stream, piece);
        yield piece;
        if (performance.now() - turnAt < LONG) continue;
        await nextTurn();
        turnAt = performance.now();
      }
      // Let go of in the middle, the pieces end as they do at the end of the message.
      if (stream.destroyed) throw stream.errored ?? new Error('a composed message was let go of before its end');
    } finally {
      stream.destroy();
    }
  }
  return Object.assign(stream, { [lentPieces]: lend });
}

const readBefore = (): Error => new Error('a composed message can be read once');

/** Each is good until the next. */
async function* readPieces(root: MimeNode, QuotedPrintableStream: QuotedPrintable): AsyncGenerator<Buffer, void> {
  for (const piece of piecesOf(root, QuotedPrintableStream)) {
    if (piece instanceof Uint8Array) {
      if (piece.length > 0) yield piece;
      continue;
    }
    for await (const chunk of chunksOf(piece.source)) {
      const encoded = piece.encode(chunk);
      if (encoded.length > 0) yield encoded;
    }
  }
}

/** The message as nodemailer streams it. */
export function streamByNodemailer(root: MimeNode): Readable {
  let source: Readable | undefined;
  const lineEnds = new LineEnds();
  const stream = new Readable({
    read() {
      inATurnOfItsOwn(stream, () => {
        source ??= compose();
        source.resume();
      });
    },
    destroy(error, done) {
      source?.destroy();
      releaseStreams(root);
      done(error);
    },
  });
  function compose(): Readable {
    readInSlices(root);
    const composing = root.createReadStream();
    composing.on('data', (piece: Buffer) => {
      const repaired = lineEnds.repair(piece);
      count(stream, repaired);
      if (!stream.push(repaired)) composing.pause();
    });
    composing.once('end', () => stream.push(null));
    composing.once('error', (error) => stream.destroy(error));
    return composing;
  }
  return stream;
}

/** Milliseconds that keep others waiting: several pieces may be composed before the mailer waits for the network. */
const LONG = 5;

/**
 * Composing a piece takes long enough to keep others waiting, and the memory of the pieces before is not freed within one
 * turn (measured for 20 MB: 45 MB more instead of 8).
 */
function inATurnOfItsOwn(stream: Readable, work: () => void): void {
  setImmediate(() => {
    if (!stream.destroyed) work();
  });
}

/**
 * Lets nodemailer read files and large attachments in slices: before version 10 it leaves a file open when the message is
 * not read to its end, and large content is in memory several times while it is encoded.
 */
function readInSlices(root: MimeNode): void {
  for (const node of nodesOf(root)) {
    const source = sourceOf(node);
    if (source.kind === 'file') {
      const content = Readable.from(fileStream(source.path), { objectMode: false });
      if (node._raw) node.setRaw(content);
      else node.setContent(content);
    } else if (source.kind === 'ready' && !node._raw && mayBeSliced(node, source.content)) {
      node.setContent(Readable.from(slicesOf(source.content), { objectMode: false }));
    }
  }
}

/** Not where nodemailer looks into the content for its headers: to choose an encoding, or the charset of plain text. */
function mayBeSliced(node: MimeNode, content: string | Uint8Array): boolean {
  if (content.length <= SLICE || !/^base64$/i.test(String(node.getHeader('Content-Transfer-Encoding')))) return false;
  return typeof content !== 'string' || !/^text\/plain\b/i.test(String(node.getHeader('Content-Type')));
}

/** Opens the file when the first chunk is asked for, closes it when no more are. */
async function* fileStream(path: string): AsyncGenerator<Uint8Array, void> {
  yield* createReadStream(path);
}
