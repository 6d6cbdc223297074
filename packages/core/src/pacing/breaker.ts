// When to leave a mailbox alone. Exchange Online answers stubborn retries by throttling the whole mailbox (550 5.2.251 to
// 5.2.255), good messages included, and nobody can lift it: whoever is refused for a reason that stays must stop asking.
import type { DiagnosisClass } from '../diagnosis/entry.ts';

export interface BreakerState {
  /** `closed`: mail flows; `open`: nothing is tried before `until`; `half-open`: one attempt finds out. */
  readonly position: 'closed' | 'open' | 'half-open';
  /** Epoch milliseconds of the next attempt; 0 when closed. */
  readonly until: number;
  /** What opened it. */
  readonly reason: unknown;
}

interface Pause {
  /** Failures in a row before it opens. */
  readonly after: number;
  /** Milliseconds it stays open at first; doubled each time the attempt after it fails, up to `longest`. */
  readonly first: number;
  readonly longest: number;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

const PAUSES: Readonly<Record<DiagnosisClass, Pause | undefined>> = {
  transient: { after: 5, first: 30 * SECOND, longest: 15 * MINUTE },
  'slow-down': { after: 1, first: 10 * SECOND, longest: 15 * MINUTE },
  // Permissions take up to two hours to arrive (measured by others: 30 to 90 minutes).
  propagation: { after: 1, first: 5 * MINUTE, longest: 30 * MINUTE },
  admin: { after: 1, first: 15 * MINUTE, longest: 60 * MINUTE },
  token: { after: 1, first: 5 * MINUTE, longest: 60 * MINUTE },
  blocked: { after: 1, first: 60 * MINUTE, longest: 240 * MINUTE },
  message: undefined,
  recipient: undefined,
};

const CLOSED: BreakerState = { position: 'closed', until: 0, reason: undefined };

export class Breaker {
  #failures = 0;
  #openings = 0;
  #until = 0;
  #reason: unknown;
  #kind: DiagnosisClass | undefined;
  #probing = false;
  readonly #random: () => number;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** What kind of failure opened it; `undefined` when closed. */
  get kind(): DiagnosisClass | undefined {
    return this.#kind;
  }

  state(now: number): BreakerState {
    if (this.#until === 0) return CLOSED;
    const position = now < this.#until || this.#probing ? 'open' : 'half-open';
    return { position, until: this.#until, reason: this.#reason };
  }

  /** Whether one more attempt may be made at `now`; in the half-open position that is one until its outcome is known. */
  admit(now: number): boolean {
    const { position } = this.state(now);
    if (position === 'half-open') this.#probing = true;
    return position !== 'open';
  }

  succeeded(): void {
    this.#failures = 0;
    this.#openings = 0;
    this.#until = 0;
    this.#reason = undefined;
    this.#kind = undefined;
    this.#probing = false;
  }

  /** The attempt ended without telling anything about the mailbox, such as by being cancelled. */
  abandoned(): void {
    this.#probing = false;
  }

  /** Returns whether this failure opened it. `wait`: milliseconds the other side asked for. */
  failed(kind: DiagnosisClass, reason: unknown, now: number, wait = 0): boolean {
    this.#probing = false;
    const pause = PAUSES[kind];
    if (pause === undefined) return false;
    this.#failures += 1;
    // Messages that were under way when it opened say the same again; that is no new reason to wait longer.
    if (now < this.#until) return false;
    if (this.#failures < pause.after && this.#until === 0) return false;
    const base = Math.min(pause.first * 2 ** this.#openings, pause.longest);
    this.#openings += 1;
    this.#until = now + Math.max(wait, base * (1 + this.#random() / 4));
    this.#reason = reason;
    this.#kind = kind;
    return true;
  }
}
