// What a client sends, taken piece by piece: lines, counted bytes, dotted text. How the network cut it makes no difference.

/** The client is gone; the conversation ends here. */
export class Disconnected extends Error {
  override readonly name = 'Disconnected';
}

const CR = 0x0d;
const LF = 0x0a;

/** Bytes in order of arrival. One reader at a time. */
export class Input {
  #chunks: Buffer[] = [];
  #size = 0;
  #ended = false;
  #wake: (() => void) | undefined;
  readonly #onWait: () => void;
  readonly #onTaken: () => void;

  /** `onWait` runs when the reader has to wait for the client, `onTaken` whenever bytes were taken. */
  constructor(onWait: () => void, onTaken: () => void = () => {}) {
    this.#onWait = onWait;
    this.#onTaken = onTaken;
  }

  /** Bytes that arrived and were not taken yet. */
  get size(): number {
    return this.#size;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    this.#wakeUp();
  }

  /** No more will come. What is there can still be read. */
  end(): void {
    this.#ended = true;
    this.#wakeUp();
  }

  /** Throws away what has arrived; returns how much it was. */
  discard(): number {
    const size = this.#size;
    this.#chunks = [];
    this.#size = 0;
    return size;
  }

  /** The next piece, whatever its length. @throws Disconnected */
  async chunk(): Promise<Buffer> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#size -= chunk.length;
        this.#onTaken();
        return chunk;
      }
      if (this.#ended) throw new Disconnected();
      this.#onWait();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Puts the rest of a piece back, to be read next. */
  unread(rest: Buffer): void {
    if (rest.length === 0) return;
    this.#chunks.unshift(rest);
    this.#size += rest.length;
  }

  /**
   * The bytes up to the next CRLF, without it; a lone CR or LF does not end a line.
   * @returns `undefined` when the line is longer than `limit` bytes; it is read to its end all the same.
   * @throws Disconnected
   */
  async line(limit: number): Promise<Buffer | undefined> {
    const pieces: Buffer[] = [];
    let length = 0;
    for (let crBefore = false; ;) {
      const chunk = await this.chunk();
      const end = crBefore && chunk[0] === LF ? 1 : afterCrlf(chunk);
      const piece = end === -1 ? chunk : chunk.subarray(0, end);
      length += piece.length;
      if (length <= limit + 2) pieces.push(piece);
      if (end !== -1) {
        this.unread(chunk.subarray(end));
        return length > limit + 2 ? undefined : Buffer.concat(pieces, length - 2);
      }
      crBefore = chunk[chunk.length - 1] === CR;
    }
  }

  /** Hands exactly `count` bytes to `take`, in pieces. @throws Disconnected */
  async exactly(count: number, take: (piece: Buffer) => void): Promise<void> {
    for (let left = count; left > 0;) {
      const chunk = await this.chunk();
      const piece = chunk.subarray(0, left);
      this.unread(chunk.subarray(piece.length));
      left -= piece.length;
      take(piece);
    }
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}

const afterCrlf = (chunk: Buffer): number => {
  const at = chunk.indexOf('\r\n');
  return at === -1 ? -1 : at + 2;
};
