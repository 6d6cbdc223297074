// The bytes of a message as they come in, chunk by chunk.

/** Keeps bytes up to a limit and counts them all. */
export class Collector {
  readonly #limit: number;
  #pieces: Buffer[] = [];
  size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get tooLarge(): boolean {
    return this.size > this.#limit;
  }

  readonly add = (piece: Buffer): void => {
    this.size += piece.length;
    if (this.tooLarge) this.#pieces = [];
    else this.#pieces.push(piece);
  };

  bytes(): Buffer {
    return Buffer.concat(this.#pieces);
  }
}
