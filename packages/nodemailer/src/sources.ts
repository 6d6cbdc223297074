// Content read from where it is: nothing is opened before the first chunk is asked for, nothing left open after the last.
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { Source } from './mime-tree.ts';
import { SLICE } from './slices.ts';

/** Where content has to be read from. */
export type Unread = Extract<Source, { readonly kind: 'file' | 'stream' }>;

/** Chunks that are good until the next one is asked for. */
export function chunksOf(source: Unread): AsyncGenerator<Buffer, void> {
  return source.kind === 'file' ? readFile(source.path) : readStream(source.stream);
}

async function* readFile(path: string): AsyncGenerator<Buffer, void> {
  const file = await open(path);
  let [buffer, other] = [Buffer.allocUnsafeSlow(SLICE), Buffer.allocUnsafeSlow(SLICE)];
  let ahead: ReturnType<typeof file.read> | undefined;
  try {
    // A pipe may have nothing to read for as long as it likes, and whoever lets go of the message would wait for that.
    const readsAhead = (await file.stat()).isFile();
    for (;;) {
      const { bytesRead } = await (ahead ?? file.read(buffer, 0, SLICE));
      if (bytesRead === 0) return;
      const chunk = buffer.subarray(0, bytesRead);
      [buffer, other] = [other, buffer];
      // To the disk and back takes as long as to encode a slice: the next one comes while this one is sent.
      if (readsAhead) ahead = file.read(buffer, 0, SLICE);
      ahead?.catch(() => {}); // told when it is its turn
      yield chunk;
    }
  } finally {
    await ahead?.catch(() => {});
    await file.close();
  }
}

/** Bytes of a stream worth a chunk of their own: a stream of rows or words would make as many pieces of the message. */
const ENOUGH = 16 * 1024;

async function* readStream(stream: object): AsyncGenerator<Buffer, void> {
  if ('readableEnded' in stream && stream.readableEnded === true) {
    throw new Error('a stream in the mail has been read before');
  }
  const chunks = Symbol.asyncIterator in stream ? stream : new Readable().wrap(stream as NodeJS.ReadableStream);
  let gathered: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks as AsyncIterable<unknown>) {
    const bytes = toBytes(chunk);
    gathered.push(bytes);
    length += bytes.length;
    if (length < ENOUGH) continue;
    yield gathered.length === 1 ? bytes : Buffer.concat(gathered);
    gathered = [];
    length = 0;
  }
  yield Buffer.concat(gathered);
}

function toBytes(chunk: unknown): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk);
  if (chunk instanceof Uint8Array) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
  throw new TypeError(`a stream in the mail gave neither text nor bytes but ${typeof chunk}`);
}
