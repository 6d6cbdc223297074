// How much of a conversation goes without waiting, step by step up, and down again for servers that do not stand it.

/**
 * How far round trips are saved, from none to all.
 * - `lock-step`: every command waits for its reply.
 * - `envelope`: MAIL and all RCPT in one flight (RFC 2920), then DATA.
 * - `data`: DATA rides with them.
 * - `grouped`: and all of it behind the body of the message before (RFC 2920 section 3.1).
 * - `chunked`: as `grouped`, the message counted with BDAT once its recipients are known (RFC 3030 section 2).
 * - `one-flight`: BDAT rides with MAIL and RCPT, beyond the wording of RFC 3030. One round trip a message.
 */
export type WireLevel = (typeof WIRE_LEVELS)[number];

export const WIRE_LEVELS = ['lock-step', 'envelope', 'data', 'grouped', 'chunked', 'one-flight'] as const;

const GROUPED: number = WIRE_LEVELS.indexOf('grouped');

/** What one server stands; remembered over its connections. */
export class WireLadder {
  #top: number;
  #proven = false;
  #groupingProven = false;

  constructor(top: WireLevel) {
    this.#top = WIRE_LEVELS.indexOf(top);
  }

  /** Grouping begins after the first message that went well: its failures are the hardest to read. */
  get level(): WireLevel {
    const step = this.#proven ? this.#top : Math.min(this.#top, this.#top >= GROUPED ? GROUPED - 1 : this.#top);
    return WIRE_LEVELS[step] ?? 'lock-step';
  }

  /** A message went well; `grouped`: its envelope had gone behind the message before. */
  prove(grouped: boolean): void {
    this.#proven = true;
    this.#groupingProven ||= grouped;
  }

  /**
   * The server hung up with a message unanswered and the next envelope behind it. Some do so at the first byte there; a
   * server that took that before has hung up for another reason.
   */
  doubtGrouping(): void {
    if (!this.#groupingProven) this.#top = Math.min(this.#top, GROUPED - 1);
  }

  /**
   * A server stumbled over a legal conversation at `level`. Where that is not `certain`, because silence may have other
   * reasons, a server that went along before is left where it is. Returns whether there is a step below.
   */
  demote(level: WireLevel, certain: boolean): boolean {
    const step = WIRE_LEVELS.indexOf(level);
    if (step === 0 || (!certain && this.#proven)) return false;
    this.#top = Math.min(this.#top, step - 1);
    return true;
  }
}
