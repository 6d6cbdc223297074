// When the next message of a mailbox may go: its limits, and whether it is to be left in peace.
import type { DiagnosisClass } from '../diagnosis/entry.ts';
import { LimitError, MailError } from '../errors.ts';
import { Breaker } from '../pacing/breaker.ts';
import { DailyQuota } from '../pacing/daily-quota.ts';
import { SlidingWindow, type Slot } from '../pacing/sliding-window.ts';
import type { ProviderLimits } from '../providers.ts';

export interface GateOptions {
  readonly limits: ProviderLimits;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
}

/** What a failure says, from the diagnosis. */
export interface Verdict {
  readonly class: DiagnosisClass;
  /** The refusal is about this sender address, not about the mailbox that logged in. */
  readonly aboutSender: boolean;
  /** Milliseconds the other side asked to wait. */
  readonly wait: number;
}

export interface Health {
  /** `degraded`: mail flows, slower or with a warning; `down`: nothing is sent at present. */
  readonly status: 'up' | 'degraded' | 'down';
  /** One sentence each. */
  readonly reasons: readonly string[];
}

const MINUTE = 60_000;
const FREE: Slot = { end() {}, refund() {} };

export class Gate {
  readonly #options: GateOptions;
  readonly #window: SlidingWindow | undefined;
  readonly #quota: DailyQuota | undefined;
  readonly #mailbox: Breaker;
  readonly #senders = new Map<string, Breaker>();
  /** Recipients of messages that wait or are under way. */
  #promised = 0;

  constructor(options: GateOptions) {
    const { messagesPerMinute, recipientsPerDay } = options.limits;
    this.#options = options;
    this.#mailbox = new Breaker(options.random);
    if (messagesPerMinute !== undefined) this.#window = new SlidingWindow(messagesPerMinute, MINUTE);
    if (recipientsPerDay !== undefined) this.#quota = new DailyQuota(recipientsPerDay);
  }

  /** Lets a message wait, or says why that has no sense. */
  enter(sender: string, recipients: number): LimitError | undefined {
    const now = this.#options.now();
    const suspended = this.#suspended(this.#mailbox, now) ?? this.refusal(sender);
    if (suspended !== undefined) return suspended;
    if (this.#quota !== undefined && this.#quota.left(now) - this.#promised < recipients) {
      const possibleAt = this.#quota.possibleAt(recipients + this.#promised, now);
      return new LimitError(
        'ERR_MAILER_DAILY_LIMIT',
        `${recipients} more recipients would exceed the ${this.#quota.limit} that this mailbox may send to in 24 hours`,
        { retryAfter: possibleAt === undefined ? undefined : possibleAt - now },
      );
    }
    this.#promised += recipients;
    return undefined;
  }

  /** Why nothing may be sent as this sender at present. It may have become so while the message waited. */
  refusal(sender: string): LimitError | undefined {
    const breaker = this.#senders.get(sender);
    return breaker && this.#suspended(breaker, this.#options.now());
  }

  /** The message that entered has ended; `accepted` recipients were taken by the server. */
  leave(recipients: number, accepted: number): void {
    this.#promised -= recipients;
    if (accepted > 0) this.#quota?.count(accepted, this.#options.now());
  }

  /** Its limits and its memory are those of a new one. */
  get untouched(): boolean {
    const now = this.#options.now();
    const closed = this.#mailbox.state(now).position === 'closed' && this.#senders.size === 0;
    return closed && this.#window?.empty(now) !== false && (this.#quota?.left(now) ?? 0) === (this.#quota?.limit ?? 0);
  }

  /** Whether connections may be opened and messages may start. */
  get open(): boolean {
    return this.#mailbox.state(this.#options.now()).position !== 'open';
  }

  /** A place for one message now, or `undefined`: look again at `nextAt`. */
  take(): Slot | undefined {
    const now = this.#options.now();
    if (this.#mailbox.state(now).position === 'open') return undefined;
    const slot = this.#window === undefined ? FREE : this.#window.take(now);
    if (slot !== undefined) this.#mailbox.admit(now);
    return slot;
  }

  /** Milliseconds until it is worth looking again; `undefined` when that depends on a message under way. */
  wait(): number | undefined {
    const now = this.#options.now();
    const { position, until } = this.#mailbox.state(now);
    if (position === 'open') return until > now ? until - now : undefined;
    const at = this.#window?.nextAt(now) ?? (this.#window === undefined ? now : undefined);
    return at === undefined ? undefined : at - now;
  }

  succeeded(sender: string | undefined): void {
    this.#mailbox.succeeded();
    if (sender !== undefined) this.#senders.delete(sender);
  }

  /** An attempt ended without a word about the mailbox. */
  abandoned(): void {
    this.#mailbox.abandoned();
  }

  /** Returns whether everything that waits should fail with this error: it would meet the same one. */
  failed(verdict: Verdict, error: unknown, sender?: string): boolean {
    const now = this.#options.now();
    if (verdict.aboutSender && sender !== undefined) {
      this.#mailbox.abandoned();
      const breaker = this.#senders.get(sender) ?? new Breaker(this.#options.random);
      this.#senders.set(sender, breaker);
      breaker.failed(verdict.class, error, now, verdict.wait);
      return false;
    }
    const opened = this.#mailbox.failed(verdict.class, error, now, verdict.wait);
    return opened && !holds(verdict.class);
  }

  health(): Health {
    const now = this.#options.now();
    const reasons: string[] = [];
    const { position, until, reason } = this.#mailbox.state(now);
    if (position !== 'closed') {
      const when = position === 'open' && until > now ? `next attempt in ${seconds(until - now)} s` : 'trying again';
      reasons.push(`sending is suspended, ${when}: ${messageOf(reason)}`);
    }
    const down = reasons.length > 0;
    for (const [sender, breaker] of this.#senders) {
      const state = breaker.state(now);
      if (state.position !== 'closed') reasons.push(`sending as ${sender} is suspended: ${messageOf(state.reason)}`);
    }
    if (this.#quota !== undefined && this.#quota.left(now) <= this.#quota.limit / 20) {
      reasons.push(`${this.#quota.left(now)} of ${this.#quota.limit} recipients are left of the last 24 hours`);
    }
    return { status: down ? 'down' : reasons.length > 0 ? 'degraded' : 'up', reasons };
  }

  #suspended(breaker: Breaker | undefined, now: number): LimitError | undefined {
    if (breaker === undefined) return undefined;
    const { position, until, reason } = breaker.state(now);
    if (position !== 'open' || until <= now || holdsFor(breaker)) return undefined;
    return new LimitError(
      'ERR_MAILER_SUSPENDED',
      `nothing is sent for another ${seconds(until - now)} s, because the last attempt failed: ${messageOf(reason)}`,
      { cause: reason, retryAfter: until - now },
    );
  }
}

/** These pass by themselves, and soon: what waits may go on waiting. */
export const holds = (kind: DiagnosisClass): boolean => kind === 'transient' || kind === 'slow-down';

const holdsFor = (breaker: Breaker | undefined): boolean => breaker?.kind !== undefined && holds(breaker.kind);

const seconds = (milliseconds: number): number => Math.ceil(milliseconds / 1000);

function messageOf(reason: unknown): string {
  return reason instanceof MailError ? reason.message : 'unknown';
}
