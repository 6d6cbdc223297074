// The connections of one login: which of them may take the next message, how long each is kept, and how it goes.
import { ConnectionError, type MailError } from '../errors.ts';
import type { Connection } from './connection.ts';

export interface OpenConnectionsOptions {
  /** Milliseconds an idle connection is kept. */
  readonly idleTimeout: number;
  /** Milliseconds after which a connection takes no more messages. */
  readonly maxAge: number;
  /** A connection may take a message, or is gone: there may be room for another. */
  readonly onChange: () => void;
}

/** A connection is let go this many milliseconds before the token it logged in with ends. */
const TOKEN_END = 30_000;

export class OpenConnections {
  readonly #options: OpenConnectionsOptions;
  readonly #open = new Set<Connection>();
  /** Connections that say goodbye; the server still counts them. */
  readonly #leaving = new Set<Promise<void>>();
  /** From `performance.now()`. */
  readonly #idleSince = new Map<Connection, number>();
  #sweeper: NodeJS.Timeout | undefined;
  /** From `performance.now()`: when idle connections are looked at next. */
  #sweepAt = Infinity;

  constructor(options: OpenConnectionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#open.size;
  }

  /** How many the server counts: those that say goodbye as well. */
  get counted(): number {
    return this.#open.size + this.#leaving.size;
  }

  get any(): Connection | undefined {
    return this.#open.values().next().value;
  }

  get idle(): Connection | undefined {
    for (const connection of this.#open) if (connection.idle) return connection;
    return undefined;
  }

  /** An idle connection, else one that still waits for a reply but may be spoken behind. */
  get free(): Connection | undefined {
    let behind: Connection | undefined;
    for (const connection of this.#open) {
      if (!connection.free) continue;
      if (this.#timeLeft(connection) <= 0) {
        if (connection.idle) void this.retire(connection);
      } else if (connection.idle) return connection;
      else behind ??= connection;
    }
    return behind;
  }

  /** Resolves when one of those that say goodbye is gone. Only while there are some. */
  get oneGone(): Promise<void> {
    return Promise.race(this.#leaving);
  }

  add(connection: Connection): void {
    if (!connection.closed) this.#open.add(connection);
    connection.onClose = () => {
      this.#forget(connection);
      this.#options.onChange();
    };
    connection.onFree = () => this.#options.onChange();
    this.rest(connection);
  }

  /** A message is about to go over it. Since when it was idle, from `performance.now()`; 0: it was not. */
  use(connection: Connection): number {
    const since = this.#idleSince.get(connection) ?? 0;
    this.#idleSince.delete(connection);
    return since;
  }

  /** Keeps it for later if nothing is under way on it. */
  rest(connection: Connection): void {
    if (connection.closed || !connection.idle) return;
    this.#idleSince.set(connection, performance.now());
    connection.rest();
    this.#sweepIn(this.#timeLeft(connection));
  }

  /** Says goodbye to one that is idle. */
  async retire(connection: Connection): Promise<void> {
    this.#forget(connection);
    const gone = connection.close(new ConnectionError('ERR_SMTP_CLOSED', 'let go after its time'));
    this.#leaving.add(gone);
    await gone;
    this.#leaving.delete(gone);
    this.#options.onChange();
  }

  /** Whoever closed one connection has closed those that were idle beside it, as a rule. */
  dropIdle(): void {
    for (const connection of this.#open) {
      if (!connection.idle) continue;
      connection.destroy(new ConnectionError('ERR_SMTP_CLOSED', 'idle beside a connection found dead'));
    }
  }

  /** Says goodbye to all; what is under way on them ends with `reason`. Resolves when they are gone. */
  async close(reason: MailError): Promise<void> {
    clearTimeout(this.#sweeper);
    const goodbyes = [...this.#open].map((connection) => connection.close(reason));
    await Promise.all([...goodbyes, ...this.#leaving]);
  }

  /** Milliseconds until a connection is let go, if nothing uses it until then. */
  #timeLeft(connection: Connection): number {
    const { idleTimeout, maxAge } = this.#options;
    const now = performance.now();
    if (connection.transactions >= connection.transactionLimit) return 0;
    const idle = idleTimeout - (now - (this.#idleSince.get(connection) ?? now));
    // One that has not served yet is not too old, however short its life: replacing it would never end.
    if (connection.transactions === 0) return idle;
    const token = connection.token.expiresAt - TOKEN_END - Date.now();
    return Math.min(idle, connection.openedAt + maxAge - now, token);
  }

  #sweepIn(wait: number): void {
    const now = performance.now();
    if (this.#sweepAt <= now + wait) return;
    this.#sweepAt = now + wait;
    clearTimeout(this.#sweeper);
    this.#sweeper = setTimeout(() => this.#sweep(), Math.max(1, wait)).unref();
  }

  #sweep(): void {
    this.#sweepAt = Infinity;
    for (const connection of this.#open) {
      if (!connection.idle) continue;
      const left = this.#timeLeft(connection);
      if (left <= 0) void this.retire(connection);
      else this.#sweepIn(left);
    }
  }

  #forget(connection: Connection): void {
    this.#open.delete(connection);
    this.#idleSince.delete(connection);
  }
}
