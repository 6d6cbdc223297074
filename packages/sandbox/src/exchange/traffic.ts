// What a mailbox has sent and how, and the limits Exchange sets to it. By the sandbox's clock.

/** Kinds of error whose repetition Exchange punishes, with the code it then gives (`550 5.2.25x`). */
export type RepeatedError =
  | 'mailbox full'
  | 'send as denied'
  | 'invalid license'
  | 'too many recipients'
  | 'invalid recipients';

/** Limits of one mailbox. `Infinity` sets none. */
export interface ExchangeLimits {
  /** Connections at once that may authenticate; further ones get 432 4.3.2. */
  readonly connections: number;
  /** Messages in any 60 seconds. */
  readonly messagesPerMinute: number;
  /** What becomes of further messages: their reply waits for the next minute, or is 432 4.3.2. */
  readonly overRate: 'delay' | 'refuse';
  /** Recipients in any 24 hours; then 554 5.2.0. */
  readonly recipientsPerDay: number;
  /** Errors of one kind in a row after which the mailbox is throttled: 550 5.2.251 to 5.2.255. */
  readonly repeatedErrors: number;
  /** Milliseconds a throttled mailbox stays so. */
  readonly throttleTime: number;
  /** Milliseconds without a command after which a session ends with 421 4.4.2. */
  readonly idleTime: number;
  /** Milliseconds after which a session ends with its next command, 421 4.4.1. */
  readonly sessionTime: number;
  /** Milliseconds a reply to a bad command is held back, once more for each bad one before. 0: none. */
  readonly tarpit: number;
}

/** All of Exchange Online's limits, as far as they are known (2026-11). */
export const EXCHANGE_LIMITS: ExchangeLimits = {
  connections: 3,
  messagesPerMinute: 30,
  overRate: 'delay',
  recipientsPerDay: 10_000,
  repeatedErrors: 20,
  throttleTime: 3_600_000,
  idleTime: 300_000,
  sessionTime: 1_255_000,
  tarpit: 5000,
};

/** What a sandbox sets without being told: those limits that cost a test no time. */
export const DEFAULT_LIMITS: ExchangeLimits = {
  ...EXCHANGE_LIMITS,
  messagesPerMinute: Infinity,
  repeatedErrors: Infinity,
  idleTime: Infinity,
  sessionTime: Infinity,
  tarpit: 0,
};

/** How a mailbox was used so far. */
export interface MailboxTraffic {
  /** Connections authenticated for it now. */
  readonly connections: number;
  /** Most connections that wanted to be authenticated for it at once, those refused included. */
  readonly maxConnections: number;
  /** When messages were accepted, epoch milliseconds by the sandbox's clock. */
  readonly messages: readonly number[];
  /** Most messages accepted in any stretch of this many milliseconds. */
  maxMessagesIn(milliseconds: number): number;
}

const MINUTE = 60_000;
const DAY = 86_400_000;

export class Traffic implements MailboxTraffic {
  connections = 0;
  maxConnections = 0;
  /** Pushed to before the reply goes out, so that no two messages share a place. */
  readonly messages: number[] = [];
  /** Bytes in Sent Items. */
  stored = 0;
  #recipients: { readonly at: number; readonly count: number }[] = [];
  #errors: { readonly kind: RepeatedError; count: number } | undefined;
  #throttled: { readonly kind: RepeatedError; readonly until: number } | undefined;

  maxMessagesIn(milliseconds: number): number {
    return Math.max(
      0,
      ...this.messages.map((from) => this.messages.filter((at) => at >= from && at < from + milliseconds).length),
    );
  }

  /** When the next message may be accepted. */
  nextMessageAt(now: number, perMinute: number): number {
    if (perMinute === Infinity) return now;
    const recent = this.messages.filter((at) => at > now - MINUTE);
    return recent.length < perMinute ? now : (recent[recent.length - perMinute] ?? now) + MINUTE;
  }

  recipientsToday(now: number): number {
    this.#recipients = this.#recipients.filter(({ at }) => at > now - DAY);
    return this.#recipients.reduce((sum, { count }) => sum + count, 0);
  }

  delivered(now: number, recipients: number, bytes: number): void {
    this.#recipients.push({ at: now, count: recipients });
    this.stored += bytes;
    this.#errors = undefined;
  }

  /** Counts an error; after `limit` of a kind in a row the mailbox is throttled. */
  failed(kind: RepeatedError, now: number, { repeatedErrors, throttleTime }: ExchangeLimits): void {
    const count = this.#errors?.kind === kind ? this.#errors.count + 1 : 1;
    this.#errors = { kind, count };
    if (count >= repeatedErrors) this.#throttled = { kind, until: now + throttleTime };
  }

  throttledBy(now: number): RepeatedError | undefined {
    return this.#throttled !== undefined && this.#throttled.until > now ? this.#throttled.kind : undefined;
  }
}

/** The traffic of every mailbox, by primary address. */
export class TrafficBook {
  readonly #traffic = new Map<string, Traffic>();

  of(address: string): Traffic {
    const key = address.toLowerCase();
    const traffic = this.#traffic.get(key) ?? new Traffic();
    this.#traffic.set(key, traffic);
    return traffic;
  }
}
