// Which message goes over which connection, and when one is opened or let go. One pool serves one login name.
import { AuthenticationError, ConnectionError, ProtocolError, ReplyError, mayHaveBeenSent } from '../errors.ts';
import type { CachedTokenSource } from '../oauth/token-cache.ts';
import type { AccessToken } from '../oauth/token-source.ts';
import { type Receipt, queueId } from '../receipt.ts';
import { Connection, type ConnectionFacts, type ConnectionOptions } from './connection.ts';
import { type Job, closedError } from './job.ts';
import { JobQueue } from './job-queue.ts';
import type { TransactionResult } from './transaction.ts';

export interface PoolOptions {
  readonly connection: Omit<ConnectionOptions, 'shortAuthLines'>;
  readonly token: CachedTokenSource;
  /** Connections at a time. */
  readonly connections: number;
  /** Milliseconds an idle connection is kept. */
  readonly idleTimeout: number;
}

/** Messages may wait this many to a connection before another is opened: opening one costs seven round trips. */
const WAITING_PER_CONNECTION = 2;
/** After an attempt to open one more connection failed: milliseconds until the next. */
const PAUSE_AFTER_FAILURE = 30_000;
const MOVES = 2;

export class Pool {
  readonly #options: PoolOptions;
  readonly #queue = new JobQueue();
  readonly #open = new Set<Connection>();
  readonly #idleSince = new Map<Connection, number>();
  #opening: AbortController | undefined;
  #underWay = 0;
  #shortAuthLines = false;
  #noMoreBefore = 0;
  #closing = false;
  #sweeper: NodeJS.Timeout | undefined;
  #empty: (() => void) | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Nothing waits, nothing is under way, nothing is open. */
  get unused(): boolean {
    return this.#queue.length === 0 && this.#underWay === 0 && this.#open.size === 0 && this.#opening === undefined;
  }

  submit(job: Job): void {
    if (job.settled) return;
    if (this.#closing) {
      job.reject(closedError());
      return;
    }
    this.#queue.push(job);
    job.promise.then(this.#onSettled, this.#onSettled);
    this.#dispatch();
  }

  /** Makes sure a connection is open and logged in; it stays in the pool. */
  async verify(signal: AbortSignal): Promise<ConnectionFacts> {
    const connection = await this.#openAuthenticated(signal);
    this.#add(connection);
    return connection.facts;
  }

  /** Lets what was accepted finish, at most `deadline` milliseconds; then closes everything. */
  async close(deadline: number): Promise<void> {
    this.#closing = true;
    if (this.#queue.length > 0 || this.#underWay > 0) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#empty = resolve;
        timer = setTimeout(resolve, deadline);
      });
      clearTimeout(timer);
    }
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) job.reject(closedError());
    this.#opening?.abort(closedError());
    clearTimeout(this.#sweeper);
    await Promise.all([...this.#open].map((connection) => connection.close()));
  }

  // ---- who goes next ----

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const connection = this.#freeConnection();
      if (connection === undefined) break;
      const job = this.#queue.shift();
      if (job !== undefined) this.#assign(job, connection);
    }
    if (this.#wantsConnection()) this.#openOne();
  }

  /** An idle connection, else one that still waits for a reply but may be spoken behind. */
  #freeConnection(): Connection | undefined {
    let behind: Connection | undefined;
    for (const connection of this.#open) {
      if (!connection.free) continue;
      if (!connection.idle) behind ??= connection;
      else if (this.#outlived(connection)) this.#retire(connection);
      else return connection;
    }
    return behind;
  }

  #assign(job: Job, connection: Connection): void {
    const first = connection.transactions === 0;
    const opened = first && (this.#idleSince.get(connection) ?? 0) >= job.submittedAt;
    job.startedAt = performance.now();
    this.#idleSince.delete(connection);
    this.#underWay += 1;
    try {
      job.run = connection.send(job.envelope, job.content, (error, result) => {
        job.run = undefined;
        this.#underWay -= 1;
        if (connection.idle) this.#rest(connection);
        if (result !== undefined) job.resolve(receiptOf(job, connection, result, opened));
        else this.#onFailure(job, connection, first, error);
      });
    } catch (error) {
      // The server lacks what this message needs; the connection was not touched.
      this.#underWay -= 1;
      this.#rest(connection);
      job.reject(error);
    }
  }

  #onFailure(job: Job, connection: Connection, first: boolean, error: unknown): void {
    if (error instanceof ProtocolError) {
      connection.destroy(
        new ConnectionError('ERR_SMTP_CLOSED', 'dropped after a breach of protocol', { cause: error }),
      );
    }
    const connectionDied =
      (error instanceof ConnectionError && error.code === 'ERR_SMTP_CLOSED') ||
      (error instanceof ReplyError && error.reply.code === 421 && error.code !== 'ERR_SMTP_MESSAGE_REFUSED');
    // A connection that served before was closed under us, or went with a neighbour: that is not the message's failure.
    if (connectionDied && !first && !mayHaveBeenSent(error) && job.content.readable && job.moves < MOVES) {
      job.moves += 1;
      for (const other of this.#open) {
        if (other.idle) other.destroy(new ConnectionError('ERR_SMTP_CLOSED', 'idle beside a connection found dead'));
      }
      this.#queue.unshift(job);
      this.#dispatch();
      return;
    }
    job.reject(error);
  }

  readonly #onSettled = (): void => {
    if (this.#queue.length > 0) return;
    // Nobody waits any more: what is being opened for them is not needed.
    if (this.#underWay === 0) this.#empty?.();
    this.#opening?.abort(new ConnectionError('ERR_SMTP_ABORTED', 'nobody waits for this connection any more'));
  };

  // ---- opening ----

  #wantsConnection(): boolean {
    const { connections } = this.#options;
    const size = this.#open.size;
    // One at a time: the first proves the token before another presents it.
    if (this.#queue.length === 0 || this.#opening !== undefined || size >= connections) return false;
    return (
      size === 0 || (this.#queue.length > size * WAITING_PER_CONNECTION && performance.now() >= this.#noMoreBefore)
    );
  }

  #openOne(): void {
    const opening = new AbortController();
    this.#opening = opening;
    this.#openAuthenticated(opening.signal).then(
      (connection) => {
        this.#opening = undefined;
        this.#add(connection);
      },
      (error: unknown) => {
        this.#opening = undefined;
        this.#noMoreBefore = performance.now() + PAUSE_AFTER_FAILURE;
        if (this.#open.size > 0 || opening.signal.aborted) {
          this.#dispatch();
          return;
        }
        // They all waited for this connection; trying again for each would be a storm of the same failure.
        for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) job.reject(error);
      },
    );
  }

  /** A refused token is renewed once, on a fresh connection; it is never presented twice. */
  async #openAuthenticated(signal: AbortSignal): Promise<Connection> {
    const { connection: options, token } = this.#options;
    for (let renewed = false; ; renewed = true) {
      let used: AccessToken | undefined;
      const take = async (): Promise<AccessToken> => {
        used = await token({ signal });
        return used;
      };
      try {
        const connection = await Connection.open({ ...options, shortAuthLines: this.#shortAuthLines }, take, signal);
        if (options.provider.longAuthLines && !connection.facts.inlineAuth) this.#shortAuthLines = true;
        return connection;
      } catch (error) {
        if (!(error instanceof AuthenticationError) || error.reply.code < 500 || used === undefined) throw error;
        token.reject(used);
        if (renewed) throw error;
      }
    }
  }

  #add(connection: Connection): void {
    this.#open.add(connection);
    connection.onClose = () => {
      this.#open.delete(connection);
      this.#idleSince.delete(connection);
      if (this.#queue.length > 0) this.#dispatch();
    };
    connection.onFree = () => this.#dispatch();
    this.#rest(connection);
    this.#dispatch();
  }

  // ---- letting go ----

  #rest(connection: Connection): void {
    if (connection.closed) return;
    this.#idleSince.set(connection, performance.now());
    connection.rest();
    this.#sweeper ??= setTimeout(() => this.#sweep(), this.#options.idleTimeout).unref();
  }

  #outlived(connection: Connection): boolean {
    const idle = performance.now() - (this.#idleSince.get(connection) ?? Infinity);
    return idle >= this.#options.idleTimeout || Date.now() >= connection.token.expiresAt;
  }

  #sweep(): void {
    this.#sweeper = undefined;
    let next = Infinity;
    for (const connection of this.#open) {
      if (!connection.idle) continue;
      if (this.#outlived(connection)) this.#retire(connection);
      else next = Math.min(next, (this.#idleSince.get(connection) ?? 0) + this.#options.idleTimeout);
    }
    if (next < Infinity) {
      this.#sweeper = setTimeout(() => this.#sweep(), Math.max(1, next - performance.now())).unref();
    }
  }

  #retire(connection: Connection): void {
    this.#open.delete(connection);
    void connection.close();
  }
}

function receiptOf(job: Job, connection: Connection, result: TransactionResult, opened: boolean): Receipt {
  const now = performance.now();
  const { facts } = connection;
  return {
    ...result,
    queueId: queueId(result.reply),
    server: facts.server,
    roundTrips: result.roundTrips + (opened ? facts.roundTrips : 0),
    timings: {
      queue: job.startedAt - job.submittedAt,
      transaction: now - job.startedAt,
      total: now - job.submittedAt,
    },
  };
}
