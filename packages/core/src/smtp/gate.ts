// When the next message of a mailbox may go: its limits, and whether it is to be left in peace.
import type { DiagnosisClass } from '../diagnosis/entry.ts';
import { LimitError, MailError } from '../errors.ts';
import { Breaker } from '../pacing/breaker.ts';
import { DailyQuota } from '../pacing/daily-quota.ts';
import { SlidingWindow, type Slot } from '../pacing/sliding-window.ts';
import type { ProviderLimits } from '../providers.ts';

export interface GateOptions {
  readonly limits: ProviderLimits;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
  /** Messages wait while the server asks for a rest that passes by itself; else they are refused. Default `true`. */
  readonly patient?: boolean;
}

/** What a failure says, from the diagnosis. */
export interface Verdict {
  readonly class: DiagnosisClass;
  /** The refusal is about this sender address, not about the mailbox that logged in. */
  readonly aboutSender: boolean;
  /** Milliseconds the other side asked to wait. */
  readonly wait: number;
}

/** A message's turn: its place in the minute, and whether it is the one that finds out if the mailbox works again. */
export interface Turn {
  readonly slot: Slot;
  readonly probe: boolean;
}

/** How a mailbox stands, from what happened so far. */
export interface Health {
  /** `degraded`: mail flows, slower or with a warning; `down`: nothing is sent at present. */
  readonly status: 'up' | 'degraded' | 'down';
  /** One sentence each. */
  readonly reasons: readonly string[];
  /** Epoch milliseconds before which nothing is tried, because the last attempt was refused. `undefined`: nothing holds mail back. */
  readonly suspendedUntil?: number | undefined;
}

const MINUTE = 60_000;
const MANY_SENDERS = 100;
const FREE: Slot = { end() {}, refund() {} };

export class Gate {
  readonly #options: GateOptions;
  readonly #window: SlidingWindow | undefined;
  readonly #quota: DailyQuota | undefined;
  /** Fed by messages. A login proves little: rights are checked after the message. */
  readonly #mailbox: Breaker;
  /** Fed by attempts to open a connection. */
  readonly #login: Breaker;
  readonly #senders = new Map<string, Breaker>();
  /** Recipients of messages that wait or are under way. */
  #promised = 0;

  constructor(options: GateOptions) {
    const { messagesPerMinute, recipientsPerDay } = options.limits;
    this.#options = options;
    this.#mailbox = new Breaker(options.random);
    this.#login = new Breaker(options.random);
    if (messagesPerMinute !== undefined) this.#window = new SlidingWindow(messagesPerMinute, MINUTE);
    if (recipientsPerDay !== undefined) this.#quota = new DailyQuota(recipientsPerDay);
  }

  /** Lets a message wait, or says why that has no sense. `connected`: there is a connection that could serve it. */
  enter(sender: string, recipients: number, connected: boolean): LimitError | undefined {
    const now = this.#options.now();
    const login = connected ? undefined : this.#suspended(this.#login, now);
    const suspended = login ?? this.refusal(sender);
    if (suspended !== undefined) return suspended;
    if (this.#quota !== undefined && this.#quota.left(now) - this.#promised < recipients) {
      const possibleAt = this.#quota.possibleAt(recipients, now, this.#promised);
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
    if (this.#mailbox.kind === undefined && this.#senders.size === 0) return undefined; // as it is nearly always
    const now = this.#options.now();
    return this.#suspended(this.#mailbox, now) ?? this.#suspended(this.#senders.get(sender), now);
  }

  /** The message that entered has ended; `accepted` recipients were taken by the server. */
  leave(recipients: number, accepted: number): void {
    this.#promised -= recipients;
    if (accepted > 0) this.#quota?.count(accepted, this.#options.now());
  }

  /** Its limits and its memory are those of a new one. */
  get untouched(): boolean {
    const now = this.#options.now();
    const breakers = [this.#mailbox, this.#login, ...this.#senders.values()];
    const closed = breakers.every((breaker) => breaker.state(now).position === 'closed');
    return closed && this.#window?.empty(now) !== false && (this.#quota?.left(now) ?? 0) === (this.#quota?.limit ?? 0);
  }

  /** What holds everything back at present. */
  get reason(): unknown {
    const now = this.#options.now();
    return this.#login.state(now).reason ?? this.#mailbox.state(now).reason;
  }

  /** A turn for one message now, or `undefined`: look again after `wait()`. */
  take(): Turn | undefined {
    const now = this.#options.now();
    if (this.#mailbox.state(now).position === 'open') return undefined;
    const slot = this.#window === undefined ? FREE : this.#window.take(now);
    return slot && { slot, probe: this.#mailbox.admit(now) === 'probe' };
  }

  /** Milliseconds until a message may go; `Infinity` when that depends on one under way. */
  wait(): number {
    const now = this.#options.now();
    const { position, until } = this.#mailbox.state(now);
    if (position === 'open') return until > now ? until - now : Infinity;
    if (this.#window === undefined) return 0;
    return (this.#window.nextAt(now) ?? Infinity) - now;
  }

  /** Why nobody may log in just to look at present: a look does not wait, so what passes by itself refuses it too. */
  loginRefusal(): LimitError | undefined {
    return this.#resting(this.#login, this.#options.now());
  }

  /** Milliseconds until a connection may be opened. */
  loginWait(): number {
    return Math.max(0, this.#login.state(this.#options.now()).until - this.#options.now());
  }

  /** The server may have counted the message: from now on a window has to pass. */
  ended({ slot }: Turn): void {
    slot.end(this.#options.now());
  }

  succeeded(turn: Turn, sender: string): void {
    this.#mailbox.succeeded(turn.probe);
    this.#senders.delete(sender);
  }

  /** An attempt ended without a word about the mailbox. */
  abandoned(turn: Turn): void {
    this.#mailbox.abandoned(turn.probe);
  }

  /** Returns whether everything that waits should fail with this error: it would meet the same one. */
  failed(turn: Turn, verdict: Verdict, error: unknown, sender: string): boolean {
    const now = this.#options.now();
    if (verdict.aboutSender) {
      this.#mailbox.abandoned(turn.probe);
      const breaker = this.#senders.get(sender) ?? new Breaker(this.#options.random);
      if (this.#senders.size >= MANY_SENDERS) this.#forgetSenders(now);
      this.#senders.set(sender, breaker);
      breaker.failed(verdict.class, error, now, breaker.state(now).position === 'half-open', verdict.wait);
      return false;
    }
    const opened = this.#mailbox.failed(verdict.class, error, now, turn.probe, verdict.wait);
    return opened && !this.#waitsFor(verdict.class);
  }

  /** Those whose time is over, else the one refused first: the next refusal is remembered again. */
  #forgetSenders(now: number): void {
    for (const [sender, breaker] of this.#senders) {
      if (breaker.state(now).position !== 'open') this.#senders.delete(sender);
    }
    const [oldest] = this.#senders.keys();
    if (this.#senders.size >= MANY_SENDERS && oldest !== undefined) this.#senders.delete(oldest);
  }

  /** Forgets the failures; the limits stay. */
  resume(): void {
    this.#mailbox.close();
    this.#login.close();
    this.#senders.clear();
  }

  loginSucceeded(): void {
    this.#login.succeeded(true);
  }

  /** Logins are made one at a time, so each of them finds out. Returns as `failed` does. */
  loginFailed(verdict: Verdict, error: unknown): boolean {
    const opened = this.#login.failed(verdict.class, error, this.#options.now(), true, verdict.wait);
    return opened && !this.#waitsFor(verdict.class);
  }

  health(): Health {
    const now = this.#options.now();
    const reasons: string[] = [];
    let suspendedUntil: number | undefined;
    for (const breaker of [this.#login, this.#mailbox]) {
      const { position, until, reason } = breaker.state(now);
      if (position === 'closed') continue;
      if (until > now) suspendedUntil = Math.max(until, suspendedUntil ?? 0);
      const when = until > now ? `next attempt in ${seconds(until - now)} s` : 'trying again';
      reasons.push(`sending is suspended, ${when}: ${messageOf(reason)}`);
    }
    const down = reasons.length > 0;
    for (const [sender, breaker] of this.#senders) {
      const state = breaker.state(now);
      if (state.position === 'open') reasons.push(`sending as ${sender} is suspended: ${messageOf(state.reason)}`);
    }
    if (this.#quota !== undefined && this.#quota.left(now) <= this.#quota.limit / 20) {
      reasons.push(`${this.#quota.left(now)} of ${this.#quota.limit} recipients are left of the last 24 hours`);
    }
    const status = down ? 'down' : reasons.length > 0 ? 'degraded' : 'up';
    return { status, reasons, ...(suspendedUntil !== undefined && { suspendedUntil }) };
  }

  #waitsFor(kind: DiagnosisClass | undefined): boolean {
    return this.#options.patient !== false && kind !== undefined && holds(kind);
  }

  #suspended(breaker: Breaker | undefined, now: number): LimitError | undefined {
    return breaker === undefined || this.#waitsFor(breaker.kind) ? undefined : this.#resting(breaker, now);
  }

  #resting(breaker: Breaker, now: number): LimitError | undefined {
    const { position, until, reason } = breaker.state(now);
    if (position !== 'open' || until <= now) return undefined;
    return new LimitError(
      'ERR_MAILER_SUSPENDED',
      `nothing is sent for another ${seconds(until - now)} s, because the last attempt failed: ${messageOf(reason)}`,
      { cause: reason, retryAfter: until - now },
    );
  }
}

/** These pass by themselves, and soon: what waits may go on waiting. */
export const holds = (kind: DiagnosisClass): boolean => kind === 'transient' || kind === 'slow-down';

const seconds = (milliseconds: number): number => Math.ceil(milliseconds / 1000);

function messageOf(reason: unknown): string {
  return reason instanceof MailError ? reason.message : 'unknown';
}
