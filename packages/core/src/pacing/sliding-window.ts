// At most `limit` messages in any `length` milliseconds, wherever the window is laid.

/** A place in the window, from the moment a message may start to its end. */
export interface Slot {
  /** The message has ended, sent or not: its place is free `length` milliseconds from now. */
  end(now: number): void;
  /** Nothing of it ever reached the server: its place is free at once. */
  refund(): void;
}

/**
 * A server counts a message at some moment between its start and its end here, which one is not known. So a place stays
 * taken from the start until one window after the end: whatever moment the server took, its window never holds more.
 */
export class SlidingWindow {
  readonly #limit: number;
  readonly #length: number;
  #underWay = 0;
  /** When the ended ones ended, oldest first. */
  #ends: number[] = [];
  #head = 0;

  constructor(limit: number, length: number) {
    this.#limit = limit;
    this.#length = length;
  }

  /** A slot, or `undefined` when the window is full at `now`. */
  take(now: number): Slot | undefined {
    this.#forget(now);
    if (this.#underWay + this.#ends.length - this.#head >= this.#limit) return undefined;
    this.#underWay += 1;
    let open = true;
    const close = (): boolean => {
      const was = open;
      open = false;
      if (was) this.#underWay -= 1;
      return was;
    };
    return {
      end: (at) => {
        if (close()) this.#ends.push(at);
      },
      refund: () => void close(),
    };
  }

  /** No place is taken. */
  empty(now: number): boolean {
    this.#forget(now);
    return this.#underWay === 0 && this.#ends.length === this.#head;
  }

  /** When a place becomes free; `undefined` while that depends on a message still under way. */
  nextAt(now: number): number | undefined {
    this.#forget(now);
    const taken = this.#ends.length - this.#head;
    if (this.#underWay + taken < this.#limit) return now;
    const oldest = this.#ends[this.#head];
    return oldest === undefined ? undefined : oldest + this.#length;
  }

  #forget(now: number): void {
    while (this.#head < this.#ends.length && (this.#ends[this.#head] ?? 0) + this.#length <= now) this.#head += 1;
    if (this.#head > 256 && this.#head * 2 > this.#ends.length) {
      this.#ends = this.#ends.slice(this.#head);
      this.#head = 0;
    }
  }
}
