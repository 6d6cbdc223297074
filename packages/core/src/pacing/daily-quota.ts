// At most so many recipients in any 24 hours, counted in pieces of a minute so that the memory stays small.

const DAY = 24 * 60 * 60_000;
const PIECE = 60_000;

export class DailyQuota {
  readonly #limit: number;
  #pieces: { readonly at: number; count: number }[] = [];
  #used = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get limit(): number {
    return this.#limit;
  }

  /** Recipients that may still be sent to at `now`. */
  left(now: number): number {
    this.#forget(now);
    return this.#limit - this.#used;
  }

  /** Counts recipients the server accepted. */
  count(recipients: number, now: number): void {
    const last = this.#pieces.at(-1);
    // A piece is dated to its end: it is forgotten late rather than early.
    if (last !== undefined && now <= last.at) last.count += recipients;
    else this.#pieces.push({ at: now + PIECE, count: recipients });
    this.#used += recipients;
  }

  /**
   * When at least this many recipients will be possible, if the `promised` others are sent to now; `undefined` when never,
   * because the limit is smaller.
   */
  possibleAt(recipients: number, now: number, promised = 0): number | undefined {
    if (recipients > this.#limit) return undefined;
    let left = this.left(now) - promised;
    let at = now;
    for (const piece of [...this.#pieces, { at: now + PIECE, count: promised }]) {
      if (left >= recipients) break;
      left += piece.count;
      at = piece.at + DAY;
    }
    return at;
  }

  #forget(now: number): void {
    let gone = 0;
    for (const piece of this.#pieces) {
      if (piece.at + DAY > now) break;
      this.#used -= piece.count;
      gone += 1;
    }
    if (gone > 0) this.#pieces = this.#pieces.slice(gone);
  }
}
