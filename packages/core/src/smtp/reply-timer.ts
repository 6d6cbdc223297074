// How long the server may still take. One timer for all replies of a connection, moved only forward: a timer for each reply
// would cost more than the reply.

export class ReplyTimer {
  readonly #onLate: () => void;
  /** From `performance.now()`; `Infinity`: nobody waits. */
  #deadline = Infinity;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = 0;

  constructor(onLate: () => void) {
    this.#onLate = onLate;
  }

  /** Counts anew from now. Milliseconds; `Infinity` waits for nothing. */
  set(timeout: number): void {
    this.#deadline = performance.now() + timeout;
    if (timeout === Infinity || (this.#timer !== undefined && this.#timerAt <= this.#deadline)) return;
    clearTimeout(this.#timer);
    this.#timerAt = this.#deadline;
    this.#timer = setTimeout(() => this.#onTimer(), timeout).unref(); // the socket holds the process, if anything
  }

  stop(): void {
    this.#deadline = Infinity;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #onTimer(): void {
    this.#timer = undefined;
    if (this.#deadline === Infinity) return;
    const left = this.#deadline - performance.now();
    if (left > 0) this.set(left);
    else this.#onLate();
  }
}
