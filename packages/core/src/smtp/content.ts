// A message body as the caller gave it, made uniform: ready bytes, or pieces that can be read once.
import { isAscii } from 'node:buffer';
import { isUint8Array } from 'node:util/types';
import { InputError } from '../errors.ts';
import { type MessageBody, lentPieces } from '../message.ts';

/** A body on its way; `started` says that reading began, so that one-time pieces cannot be sent again. */
export interface Content {
  /** The whole body, where it was handed over whole. */
  readonly bytes: Uint8Array | undefined;
  /** Bytes, where known. */
  readonly size: number | undefined;
  /** Holds bytes above 127; `true` where that is not known. */
  readonly eightBit: boolean;
  /** Reads the pieces, of which some may be empty and each is good until the next; for one-time bodies this can be called once. */
  pieces(): AsyncIterable<Uint8Array>;
  /** Whether the body can (still) be read from its start. */
  readonly readable: boolean;
  /** Whether it can be read more than once. */
  readonly repeatable: boolean;
  /** Lets go of what the body holds, such as an open file. */
  discard(): void;
  /** What has to be done before the last bytes go: until then nothing is sent, from then on it may be. */
  readonly beforeEnd: (() => Promise<void>) | undefined;
}

/**
 * Makes a body uniform.
 * @throws TypeError `ERR_INPUT_MESSAGE` when it is none of the accepted forms.
 */
export function toContent(message: MessageBody, declaredSize?: number): Content {
  if (declaredSize !== undefined && !(Number.isSafeInteger(declaredSize) && declaredSize >= 0)) {
    throw new InputError('ERR_INPUT_MESSAGE', 'size: the size of a message is a whole number of bytes');
  }
  if (typeof message === 'string') return new ReadyContent(Buffer.from(message));
  if (isUint8Array(message)) return new ReadyContent(message);
  if (typeof message === 'object' && message !== null && isIterable(message))
    return new PiecedContent(message, declaredSize);
  throw new InputError(
    'ERR_INPUT_MESSAGE',
    'message: expected a string, a Uint8Array, or an iterable of these such as a Readable',
  );
}

class ReadyContent implements Content {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get size(): number {
    return this.bytes.length;
  }

  get eightBit(): boolean {
    return !isAscii(this.bytes);
  }

  get readable(): boolean {
    return true;
  }

  get repeatable(): boolean {
    return true;
  }

  pieces(): AsyncIterable<Uint8Array> {
    return slices(this.bytes);
  }

  discard(): void {}

  get beforeEnd(): undefined {
    return undefined;
  }
}

/** The same body, with something to be done before its end. */
export class HeldContent implements Content {
  readonly beforeEnd: () => Promise<void>;
  readonly #content: Content;

  constructor(content: Content, beforeEnd: () => Promise<void>) {
    this.#content = content;
    this.beforeEnd = beforeEnd;
  }

  get bytes(): Uint8Array | undefined {
    return this.#content.bytes;
  }

  get size(): number | undefined {
    return this.#content.size;
  }

  get eightBit(): boolean {
    return this.#content.eightBit;
  }

  get readable(): boolean {
    return this.#content.readable;
  }

  get repeatable(): boolean {
    return this.#content.repeatable;
  }

  pieces(): AsyncIterable<Uint8Array> {
    return this.#content.pieces();
  }

  discard(): void {
    this.#content.discard();
  }
}

const NOTHING = new Uint8Array();
/** No message at all. */
export const EMPTY: Content = new ReadyContent(NOTHING);

/** How long the server may take for a piece is one time for all of it: it must not depend on what the caller put into one. */
const SLICE = 64 * 1024;

async function* slices(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += SLICE) yield bytes.subarray(at, at + SLICE);
}

type Pieces = Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>;

class PiecedContent implements Content {
  readonly bytes: undefined;
  readonly size: number | undefined;
  readonly eightBit = true;
  readonly #source: Pieces;
  readonly repeatable: boolean;
  #started = false;

  constructor(source: Pieces, size: number | undefined) {
    this.#source = source;
    this.repeatable = Array.isArray(source);
    this.size = size;
    // A stream that fails while it waits for its turn says so when it is read; unheard it would end the process.
    if (isEmitter(source)) source.on('error', () => {});
  }

  get readable(): boolean {
    return this.repeatable || !this.#started;
  }

  async *pieces(): AsyncIterable<Uint8Array> {
    this.#started = true;
    let cut = ''; // the first half of a character whose second half comes with the next string
    for await (const piece of piecesOf(this.#source)) {
      if (typeof piece !== 'string' && !isUint8Array(piece)) {
        throw new InputError('ERR_INPUT_MESSAGE', 'message: every piece is a string or a Uint8Array');
      }
      if (piece.length === 0) yield NOTHING;
      else if (typeof piece === 'string') {
        const text = cut + piece;
        cut = /[\ud800-\udbff]$/.test(text) ? text.slice(-1) : '';
        yield* slices(Buffer.from(cut === '' ? text : text.slice(0, -1)));
      } else {
        if (cut !== '') yield Buffer.from(cut);
        cut = '';
        yield* slices(piece);
      }
    }
    if (cut !== '') yield Buffer.from(cut);
  }

  discard(): void {
    const source: { destroy?: unknown } = this.#source as object;
    if (typeof source.destroy === 'function') source.destroy();
  }

  get beforeEnd(): undefined {
    return undefined;
  }
}

function piecesOf(source: Pieces & { [lentPieces]?: () => Pieces }): Pieces {
  return source[lentPieces]?.() ?? source;
}

function isEmitter(value: object): value is { on(event: 'error', listener: () => void): unknown } {
  return 'on' in value && typeof value.on === 'function';
}

function isIterable(value: object): value is Pieces {
  return Symbol.asyncIterator in value || Symbol.iterator in value;
}
