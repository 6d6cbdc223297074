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

  /** Lets an attempt begin at `now`, or not. `probe`: the one attempt that finds out, in the half-open position. */
  admit(now: number): 'free' | 'probe' | undefined {
    const { position } = this.state(now);
    if (position === 'open') return undefined;
    if (position === 'closed') return 'free';
    this.#probing = true;
    return 'probe';
  }

  /** Forgets what opened it. */
  close(): void {
    this.succeeded(true);
  }

  /** An attempt that was under way before it opened says nothing about now: only the probe closes it. */
  succeeded(probe: boolean): void {
    if (this.#until !== 0 && !probe) return;
    this.#failures = 0;
    this.#openings = 0;
    this.#until = 0;
    this.#reason = undefined;
    this.#kind = undefined;
    this.#probing = false;
  }

  /** The attempt ended without telling anything about the mailbox, such as by being cancelled. */
  abandoned(probe: boolean): void {
    if (probe) this.#probing = false;
  }

  /** Returns whether this failure opened it. `wait`: milliseconds the other side asked for. */
  failed(kind: DiagnosisClass, reason: unknown, now: number, probe: boolean, wait = 0): boolean {
    this.abandoned(probe);
    // What was under way when it opened says the same again; that is no new reason to wait longer.
    if (this.#until !== 0 && !probe) return false;
    const pause = PAUSES[kind];
    if (pause === undefined) return false;
    this.#failures += 1;
    if (this.#failures < pause.after && this.#until === 0) return false;
    const base = Math.min(pause.first * 2 ** this.#openings, pause.longest);
    this.#openings += 1;
    this.#until = now + Math.max(wait, base * (1 + this.#random() / 4));
    this.#reason = reason;
    this.#kind = kind;
    return true;
  }
}
