// What is to happen when what arrived was read: what is to be said goes out, then those who wait are told, so that the next
// message is on its way before the receipt of the last is made. With several connections that is at the end of the turn of the
// event loop, for all of them together: the server is woken once (measured with three: half as often).

/** What one connection does at the end of a turn. */
export interface Part {
  write(): void;
  tell(): void;
}

export class Turn {
  #connections = 0;
  #parts: Part[] = [];

  /** One more connection is read. */
  join(): void {
    this.#connections += 1;
  }

  leave(): void {
    this.#connections -= 1;
  }

  /** For a connection that was read: at once if it is the only one, else once, before anything is read in the next turn. */
  atEnd(part: Part): void {
    if (this.#connections === 1) {
      part.write();
      part.tell();
      return;
    }
    if (this.#parts.length === 0) setImmediate(() => this.#end()); // follows the reading of sockets
    if (!this.#parts.includes(part)) this.#parts.push(part);
  }

  #end(): void {
    const parts = this.#parts;
    this.#parts = [];
    for (const part of parts) part.write();
    for (const part of parts) part.tell();
  }
}
