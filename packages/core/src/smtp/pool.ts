// Which message goes over which connection, and when one is opened or let go. One pool serves one login name.
// Over 300 lines because opening, sending and letting go decide on the same few sets; when and whether a message may go
// at all is the gate's business, what a failure means the diagnosis's.
import {
  AuthenticationError,
  CapabilityError,
  ConnectionError,
  ProtocolError,
  ReplyError,
  type Stage,
  TokenError,
  mayHaveBeenSent,
} from '../errors.ts';
import type { CachedTokenSource } from '../oauth/token-cache.ts';
import type { AccessToken } from '../oauth/token-source.ts';
import type { Slot } from '../pacing/sliding-window.ts';
import type { Secret } from '../secret.ts';
import { type Receipt, queueId } from '../receipt.ts';
import type { Connection, ConnectionFacts } from './connection.ts';
import { type Gate, type Health, holds } from './gate.ts';
import { JobQueue } from './job-queue.ts';
import { type Job, closedError } from './job.ts';
import { type ConnectionOptions, Opening } from './opening.ts';
import type { TransactionResult } from './transaction.ts';
import { verdictOn } from './verdict.ts';
import type { WireLadder, WireLevel } from './wire-ladder.ts';

export interface PoolOptions {
  readonly connection: Omit<ConnectionOptions, 'shortAuthLines' | 'refused'>;
  readonly token: CachedTokenSource;
  readonly gate: Gate;
  /** Connections at a time. */
  readonly connections: number;
  /** Recipients of one transaction; more are sent to in several. */
  readonly recipients: number;
  /** What the server stands; shared by all pools of one server. */
  readonly ladder: WireLadder;
  /** Milliseconds an idle connection is kept. */
  readonly idleTimeout: number;
  /** Milliseconds after which a connection takes no more messages. */
  readonly maxAge: number;
  /** How often a message the server put off (4yz) is tried again here. */
  readonly retries: number;
  /** Milliseconds before the first retry. */
  readonly retryDelay: number;
}

/** How a message was tried. */
interface Attempt {
  /** It was the first on its connection. */
  readonly first: boolean;
  readonly level: WireLevel;
}

/** Messages may wait this many to a connection before another is opened: opening one costs seven round trips. */
const WAITING_PER_CONNECTION = 2;
/** After an attempt to open one more connection failed: milliseconds until the next. */
const PAUSE_AFTER_FAILURE = 30_000;
/** Stages whose commands share a flight. */
const IN_FLIGHT: ReadonlySet<Stage | undefined> = new Set<Stage>(['MAIL', 'RCPT', 'DATA', 'RSET']);
/** A connection is let go this many milliseconds before the token it logged in with ends. */
const TOKEN_END = 30_000;
/** How often a message may meet a connection that turns out dead. */
const MOVES = 2;

export class Pool {
  readonly #options: PoolOptions;
  readonly #queue = new JobQueue();
  readonly #open = new Set<Connection>();
  readonly #idleSince = new Map<Connection, number>();
  #opening: AbortController | undefined;
  /** The attempt that is being made. */
  #attempt: Opening | undefined;
  /** The last tokens this server refused. */
  #refused: Secret[] = [];
  #failedOpenings = 0;
  #underWay = 0;
  #shortAuthLines = false;
  #noMoreBefore = 0;
  /** No new messages. */
  #closing = false;
  /** Nothing at all any more. */
  #closed = false;
  #sweeper: NodeJS.Timeout | undefined;
  #wake: NodeJS.Timeout | undefined;
  #drained: (() => void) | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Nothing waits or is under way or open, and nothing was learnt that a new pool would have to learn again. */
  get forgettable(): boolean {
    const atRest = this.#queue.length === 0 && this.#underWay === 0;
    return atRest && this.#open.size === 0 && this.#opening === undefined && this.#options.gate.untouched;
  }

  submit(job: Job): void {
    if (job.settled) return;
    const refusal = this.#closing ? closedError() : this.#options.gate.enter(job.sender, job.recipients);
    if (refusal !== undefined) {
      job.reject(refusal);
      return;
    }
    job.onSettled = this.#onJobSettled;
    job.waitsFor = this.#waitedFor;
    this.#queue.push(job);
    this.#dispatch();
  }

  readonly #onJobSettled = (job: Job, accepted: number): void => {
    this.#options.gate.leave(job.recipients, accepted);
    this.#onSettled();
  };

  readonly #waitedFor = (): Stage => (this.#open.size === 0 ? (this.#attempt?.stage ?? 'queue') : 'queue');

  /** Opens a connection and logs in; it stays in the pool. */
  async verify(signal: AbortSignal): Promise<ConnectionFacts> {
    if (this.#open.size >= this.#options.connections) {
      // No more may be opened. One that is at work is proof enough; an idle one makes room.
      const [idle] = [...this.#open].filter((connection) => connection.idle);
      if (idle === undefined) for (const connection of this.#open) return connection.facts;
      else this.#retire(idle);
    }
    const connection = await this.#openAuthenticated(signal);
    if (this.#closing) {
      await connection.close(closedError());
      throw closedError();
    }
    this.#add(connection);
    return connection.facts;
  }

  health(): Health {
    return this.#options.gate.health();
  }

  /** Lets what was accepted finish, at most `deadline` milliseconds; then closes everything. */
  async close(deadline: number): Promise<void> {
    this.#closing = true;
    if (this.#queue.length > 0 || this.#underWay > 0) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
        timer = setTimeout(resolve, deadline);
      });
      clearTimeout(timer);
    }
    this.#closed = true;
    this.#rejectAll(closedError());
    this.#opening?.abort(closedError());
    clearTimeout(this.#sweeper);
    clearTimeout(this.#wake);
    await Promise.all([...this.#open].map((connection) => connection.close(closedError())));
  }

  // ---- who goes next ----

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const connection = this.#freeConnection();
      if (connection === undefined) break;
      const slot = this.#options.gate.take();
      if (slot === undefined) {
        this.#wakeLater();
        return;
      }
      const job = this.#queue.shift();
      const refusal = job && this.#options.gate.refusal(job.sender);
      if (job !== undefined && refusal === undefined) this.#assign(job, connection, slot);
      else {
        slot.refund();
        this.#options.gate.abandoned();
        job?.reject(refusal);
      }
    }
    if (this.#queue.length === 0) return;
    if (!this.#options.gate.open) this.#wakeLater();
    else if (this.#wantsConnection()) this.#openOne();
  }

  #wakeLater(): void {
    const wait = this.#options.gate.wait();
    if (wait === undefined) return; // the end of a message under way will come by here
    clearTimeout(this.#wake);
    this.#wake = setTimeout(() => this.#dispatch(), Math.min(wait + 1, 2 ** 31 - 1));
  }

  /** An idle connection, else one that still waits for a reply but may be spoken behind. */
  #freeConnection(): Connection | undefined {
    let behind: Connection | undefined;
    for (const connection of this.#open) {
      if (!connection.free) continue;
      if (this.#outlived(connection)) {
        if (connection.idle) this.#retire(connection);
      } else if (connection.idle) return connection;
      else behind ??= connection;
    }
    return behind;
  }

  #assign(job: Job, connection: Connection, slot: Slot): void {
    const first = connection.transactions === 0;
    if (first && (this.#idleSince.get(connection) ?? 0) >= job.submittedAt) {
      job.openingRoundTrips = connection.facts.roundTrips;
    }
    if (job.startedAt === 0) job.startedAt = performance.now();
    this.#idleSince.delete(connection);
    this.#underWay += 1;
    const limit = Math.min(this.#options.recipients, connection.recipientLimit);
    const to = job.remaining.length <= limit ? job.remaining : job.remaining.slice(0, limit);
    try {
      if (to.length < job.remaining.length && !job.content.repeatable) throw tooManyRecipients(job, limit);
      const envelope = to === job.envelope.to ? job.envelope : { ...job.envelope, to };
      const delivery = { envelope, content: job.content, binary: job.binary };
      const { level } = this.#options.ladder;
      job.run = connection.send(delivery, level, (error, result) => {
        job.run = undefined;
        slot.end(Date.now());
        if (connection.idle) this.#rest(connection);
        if (result !== undefined) this.#onSent(job, connection, to.length, result);
        else this.#onFailure(job, connection, { first, level }, error);
      });
    } catch (error) {
      // The server lacks what this message needs; the connection was not touched.
      this.#underWay -= 1;
      slot.refund();
      this.#options.gate.abandoned();
      this.#rest(connection);
      job.reject(error);
    }
  }

  #onSent(job: Job, connection: Connection, count: number, result: TransactionResult): void {
    this.#options.gate.succeeded(job.sender);
    this.#options.ladder.prove();
    job.parts = [...job.parts, result];
    job.remaining = job.remaining.slice(count);
    if (job.remaining.length > 0) {
      this.#again(job);
      return;
    }
    this.#underWay -= 1;
    finish(job, connection);
    // What waits may wait for just this: a place in the window, or a connection that was too old to speak behind.
    if (this.#queue.length > 0) this.#dispatch();
  }

  // ---- when it goes wrong ----

  #onFailure(job: Job, connection: Connection, { first, level }: Attempt, error: unknown): void {
    if (error instanceof ProtocolError) {
      connection.destroy(
        new ConnectionError('ERR_SMTP_CLOSED', 'dropped after a breach of protocol', { cause: error }),
      );
    }
    // A server that does not stand our pace gets the message again, one step slower. One that fell silent may, too, but
    // another wait would double the caller's: that is for the next message.
    const stumbled = isStumble(error) && this.#options.ladder.demote(level) && !isTimeout(error);
    // A connection that served before was closed under us, or went with a neighbour: that is not the message's failure.
    if ((stumbled || (!first && connectionDied(error))) && repeatable(job, error) && job.moves < MOVES) {
      job.moves += 1;
      for (const other of this.#open) {
        if (other.idle) other.destroy(new ConnectionError('ERR_SMTP_CLOSED', 'idle beside a connection found dead'));
      }
      this.#options.gate.abandoned();
      this.#again(job);
      return;
    }
    verdictOn(error).then(
      (verdict) => {
        if (verdict === undefined) this.#options.gate.abandoned();
        else if (this.#options.gate.failed(verdict, error, job.sender)) this.#rejectAll(error);
        const putOff = verdict !== undefined && holds(verdict.class) && error instanceof ReplyError;
        if (putOff && !this.#closing && repeatable(job, error) && job.attempts < this.#options.retries) {
          job.attempts += 1;
          setTimeout(() => this.#again(job), this.#retryDelay(job.attempts));
          return;
        }
        this.#underWay -= 1;
        if (job.parts.length > 0 && error instanceof ReplyError) finishEarly(job, connection, error);
        else job.reject(error);
        this.#onSettled();
        this.#dispatch();
      },
      (fault: unknown) => {
        this.#underWay -= 1;
        job.reject(error ?? fault);
        this.#onSettled();
      },
    );
  }

  /** Back into the queue, at its front. */
  #again(job: Job): void {
    this.#underWay -= 1;
    if (this.#closed) job.reject(closedError());
    else if (!job.settled) this.#queue.unshift(job);
    this.#onSettled();
    this.#dispatch();
  }

  #rejectAll(error: unknown): void {
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) job.reject(error);
  }

  #onSettled(): void {
    if (this.#queue.length > 0) return;
    if (this.#underWay === 0) this.#drained?.();
    // Nobody waits any more: what is being opened for them is not needed.
    this.#opening?.abort(new ConnectionError('ERR_SMTP_ABORTED', 'nobody waits for this connection any more'));
  }

  #retryDelay(attempt: number): number {
    return this.#options.retryDelay * 4 ** (attempt - 1) * (0.75 + Math.random() / 2);
  }

  // ---- opening ----

  #wantsConnection(): boolean {
    const size = this.#open.size;
    // One at a time: the first proves the token before another presents it.
    if (this.#opening !== undefined || size >= this.#options.connections) return false;
    return (
      size === 0 || (this.#queue.length > size * WAITING_PER_CONNECTION && performance.now() >= this.#noMoreBefore)
    );
  }

  #openOne(): void {
    const opening = new AbortController();
    this.#opening = opening;
    this.#openAuthenticated(opening.signal)
      .then(
        (connection) => {
          this.#opening = undefined;
          this.#failedOpenings = 0;
          this.#add(connection);
        },
        async (error: unknown) => {
          const verdict = opening.signal.aborted ? undefined : await verdictOn(error);
          this.#opening = undefined;
          this.#noMoreBefore = performance.now() + PAUSE_AFTER_FAILURE;
          // One connection more than the server likes is no reason to rest those at work.
          const spare = this.#open.size > 0 && (verdict === undefined || holds(verdict.class));
          if (verdict === undefined || spare) this.#options.gate.abandoned();
          else this.#onOpeningFailed(verdict.class, this.#options.gate.failed(verdict, error), error);
          this.#dispatch();
        },
      )
      .catch((fault: unknown) => this.#rejectAll(fault));
  }

  #onOpeningFailed(kind: Parameters<typeof holds>[0], opened: boolean, error: unknown): void {
    // With another connection at work there is no need for this one.
    if (this.#open.size > 0 && !opened) return;
    this.#failedOpenings += 1;
    const asked = error instanceof ReplyError || error instanceof AuthenticationError;
    // "Come back later" is an answer to come back to; a dead network is the caller's to know now.
    if (asked && holds(kind) && this.#failedOpenings <= this.#options.retries) {
      this.#underWay += 1;
      setTimeout(() => {
        this.#underWay -= 1;
        this.#dispatch();
      }, this.#retryDelay(this.#failedOpenings));
      return;
    }
    this.#failedOpenings = 0;
    // They all waited for this connection; trying again for each would be a storm of the same failure.
    this.#rejectAll(error);
  }

  /** A refused token is renewed once, on a fresh connection; it is never presented twice. */
  async #openAuthenticated(signal: AbortSignal): Promise<Connection> {
    const { connection: options, token } = this.#options;
    let refusal: AuthenticationError | undefined;
    for (;;) {
      let used: AccessToken | undefined;
      const take = async (): Promise<AccessToken> => {
        used = await token({ signal });
        return used;
      };
      try {
        const shortAuthLines = this.#shortAuthLines;
        this.#attempt = new Opening({ ...options, shortAuthLines, refused: this.#refused });
        const connection = await this.#attempt.connection(take, signal);
        if (options.provider.longAuthLines && !connection.facts.inlineAuth) this.#shortAuthLines = true;
        this.#options.gate.succeeded(undefined);
        return connection;
      } catch (error) {
        // What the server refused is the news; that no better token could be had is why it stays so.
        if (refusal !== undefined && error instanceof TokenError) throw refusedAgain(refusal, error);
        const refused = error instanceof AuthenticationError && error.reply.code === 535 && error.tokenSent;
        if (!refused || used === undefined) throw error;
        token.reject(used);
        this.#refused = [...this.#refused.slice(-1), used.value];
        if (refusal !== undefined) throw error;
        refusal = error;
      } finally {
        this.#attempt = undefined;
      }
    }
  }

  #add(connection: Connection): void {
    if (!connection.closed) this.#open.add(connection);
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
    const now = performance.now();
    const idle = now - (this.#idleSince.get(connection) ?? now);
    // One that has not served yet is not too old, however short its life: replacing it would never end.
    const old =
      now - connection.openedAt >= this.#options.maxAge || Date.now() >= connection.token.expiresAt - TOKEN_END;
    return idle >= this.#options.idleTimeout || (old && connection.transactions > 0);
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
    this.#idleSince.delete(connection);
    void connection.close(new ConnectionError('ERR_SMTP_CLOSED', 'let go after its time'));
  }
}

function refusedAgain({ mechanism, reply, challenge }: AuthenticationError, cause: TokenError): AuthenticationError {
  return new AuthenticationError(mechanism, reply, { challenge, cause });
}

function connectionDied(error: unknown): boolean {
  if (error instanceof ConnectionError) return error.code === 'ERR_SMTP_CLOSED';
  return error instanceof ReplyError && error.reply.code === 421 && error.code !== 'ERR_SMTP_MESSAGE_REFUSED';
}

/** What a server says or does that cannot follow a legal command: it lost count of a flight. */
function isStumble(error: unknown): boolean {
  if (error instanceof ProtocolError) return IN_FLIGHT.has(error.stage);
  if (error instanceof ConnectionError) return isTimeout(error) && IN_FLIGHT.has(error.stage);
  if (!(error instanceof ReplyError)) return false;
  return (error.reply.code === 500 || error.reply.code === 503) && IN_FLIGHT.has(error.stage);
}

function isTimeout(error: unknown): boolean {
  return error instanceof ConnectionError && error.code === 'ERR_SMTP_TIMEOUT';
}

/** Sending it again can neither double it nor send half of it. */
function repeatable(job: Job, error: unknown): boolean {
  return !job.settled && !mayHaveBeenSent(error) && job.content.readable;
}

function finish(job: Job, connection: Connection): void {
  const now = performance.now();
  const { facts } = connection;
  const ids = job.parts.flatMap(({ reply }) => queueId(reply) ?? []);
  const { reply, accepted, deferred, refused, roundTrips } = joined(job.parts);
  const receipt: Receipt = {
    queueId: ids[0],
    queueIds: ids,
    reply,
    accepted,
    deferred,
    refused,
    server: facts.server,
    roundTrips: roundTrips + job.openingRoundTrips,
    timings: {
      queue: job.startedAt - job.submittedAt,
      transaction: now - job.startedAt,
      total: now - job.submittedAt,
    },
  };
  job.resolve(receipt, accepted.length);
}

/** What several groups of recipients got, as one. */
function joined(parts: readonly TransactionResult[]): TransactionResult {
  const last = parts.at(-1);
  if (last === undefined) throw new Error('a message was finished without an answer');
  if (parts.length === 1) return last;
  return {
    reply: last.reply,
    accepted: parts.flatMap((part) => part.accepted),
    deferred: parts.flatMap((part) => part.deferred),
    refused: parts.flatMap((part) => part.refused),
    roundTrips: parts.reduce((sum, part) => sum + part.roundTrips, 0),
  };
}

/** Some recipients have the message, the next group was refused: its recipients get the server's words as their own. */
function finishEarly(job: Job, connection: Connection, { reply }: ReplyError): void {
  const results = job.remaining.map(({ address }) => ({ address, reply }));
  const later = reply.code < 500;
  const refusal = { accepted: [], deferred: later ? results : [], refused: later ? [] : results, reply, roundTrips: 2 };
  job.parts = [...job.parts, refusal];
  finish(job, connection);
}

function tooManyRecipients(job: Job, limit: number): CapabilityError {
  return new CapabilityError(
    'ERR_SMTP_RECIPIENT_LIMIT',
    `${job.envelope.to.length} recipients, the server takes ${limit} at a time, and a stream can be sent only once: ` +
      'hand the message over as bytes, or send it to fewer recipients',
    { stage: 'RCPT' },
  );
}
