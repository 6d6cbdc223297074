// Which message goes over which connection, and when one is opened. One pool serves one login name. When and whether a message
// may go at all is the gate's business, what a failure means the diagnosis's, how long a connection is kept open-connections.ts.
// Long, because what becomes of a message that failed depends on all who wait beside it.
import {
  AuthenticationError,
  ConnectionError,
  ProtocolError,
  ReplyError,
  type Stage,
  mayHaveBeenSent,
  abortError,
} from '../errors.ts';
import type { CachedTokenSource } from '../oauth/token-cache.ts';
import type { Connection, ConnectionFacts } from './connection.ts';
import { byDomain, firstGroup } from './envelope.ts';
import { connectionDied, isAboutRecipients, isStumble, isTimeout, isUnheard } from './failure.ts';
import { type Gate, type Health, type Turn, holds } from './gate.ts';
import { JobQueue } from './job-queue.ts';
import { allRefused, receiptOf, refusedPart, tooManyRecipients, unsentPart } from './job-receipt.ts';
import { type Job, type WaitingFor, closedError } from './job.ts';
import { type Inspect, Login, type LoginOptions } from './login.ts';
import { OpenConnections } from './open-connections.ts';
import type { TransactionResult } from './transaction.ts';
import { verdictOn } from './verdict.ts';
import type { WireLadder, WireLevel } from './wire-ladder.ts';

export interface PoolOptions {
  readonly connection: LoginOptions;
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
  readonly connection: Connection;
  readonly turn: Turn;
  /** It was the first on its connection. */
  readonly first: boolean;
  /** Its envelope went behind a message that was not answered yet. */
  readonly grouped: boolean;
  readonly level: WireLevel;
  /** Recipients of this transaction. */
  readonly count: number;
}

/** A connection that is being opened, for the queue and for those who verify. */
interface Construction {
  readonly controller: AbortController;
  readonly connection: Promise<Connection>;
  verifiers: number;
}

/** Messages may wait this many to a connection before another is opened: opening one costs seven round trips. */
const WAITING_PER_CONNECTION = 2;
/** Milliseconds in which none of them goes, because a slow message holds the connection: then one is opened all the same. */
const STANDSTILL = 1_000;
/** After an attempt to open one more connection failed: milliseconds until the next. */
const PAUSE_AFTER_FAILURE = 30_000;
/** How often a message may meet a connection that turns out dead. */
const MOVES = 2;
const LONGEST_DELAY = 15 * 60_000;

export class Pool {
  readonly #options: PoolOptions;
  readonly #login: Login;
  readonly #queue = new JobQueue();
  /** Messages that wait to be tried again. */
  readonly #later = new Map<Job, NodeJS.Timeout>();
  readonly #open: OpenConnections;
  #construction: Construction | undefined;
  #failedOpenings = 0;
  /** From `performance.now()`: no connection is opened before. */
  #openBefore = 0;
  /** The same for connections besides the first. */
  #noMoreBefore = 0;
  #underWay = 0;
  /** Failures of which it is not known yet what they say of the mailbox. */
  #judging = 0;
  #dispatching = false;
  /** No new messages. */
  #closing = false;
  /** Nothing at all any more. */
  #closed = false;
  #wake: NodeJS.Timeout | undefined;
  /** From `performance.now()`: when a message last left the queue. */
  #lastGone = 0;
  #lookAgain: NodeJS.Timeout | undefined;
  #drained: (() => void) | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#login = new Login(options.connection, options.token);
    const { idleTimeout, maxAge } = options;
    this.#open = new OpenConnections({ idleTimeout, maxAge, onChange: () => this.#dispatch() });
  }

  /** Nothing waits or is under way or open, and nothing was learnt that a new pool would have to learn again. */
  get forgettable(): boolean {
    return this.#atRest && this.#open.counted === 0 && this.#construction === undefined && this.#options.gate.untouched;
  }

  submit(job: Job): void {
    if (job.settled) return;
    const { gate } = this.#options;
    const refusal = this.#closing ? closedError() : gate.enter(job.sender, job.recipients, this.#open.size > 0);
    if (refusal !== undefined) {
      job.reject(refusal);
      return;
    }
    job.onSettled = this.#onJobSettled;
    job.waitsFor = this.#waitedFor;
    this.#queue.push(job);
    this.#dispatch();
  }

  /**
   * Opens a connection and logs in; it stays in the pool. Several who ask at once share it. A token that `inspect` rejects
   * is not presented.
   */
  async verify(signal: AbortSignal, inspect?: Inspect): Promise<ConnectionFacts> {
    if (this.#closing) throw closedError();
    if (signal.aborted) throw abortError(signal, 'queue');
    // Somebody asks whether it is well, every few seconds perhaps: that must not become the storm the breaker prevents.
    const refusal = this.#options.gate.loginRefusal();
    if (refusal !== undefined) throw refusal.cause instanceof Error ? refusal.cause : refusal;
    const full = (): boolean =>
      this.#open.counted >= this.#options.connections ||
      (this.#open.size > 0 && performance.now() < this.#noMoreBefore);
    while (this.#construction === undefined && full()) {
      // No more may be opened. One that is at work is proof enough; an idle one makes room, once it is gone.
      const { idle, any } = this.#open;
      if (idle !== undefined) void this.#open.retire(idle);
      else if (any !== undefined) return any.facts;
      await unlessAborted(this.#open.oneGone, signal, () => 'QUIT');
      if (this.#closing) throw closedError();
    }
    const construction = this.#construction ?? this.#construct(inspect);
    construction.verifiers += 1;
    try {
      const { facts } = await unlessAborted(construction.connection, signal, () => this.#login.stage);
      return facts;
    } catch (error) {
      throw this.#closed ? closedError() : error;
    } finally {
      construction.verifiers -= 1;
      this.#onQuiet();
    }
  }

  health(): Health {
    return this.#options.gate.health();
  }

  /** Tries at once what failures hold back. */
  resume(): void {
    this.#options.gate.resume();
    this.#openBefore = 0;
    this.#noMoreBefore = 0;
    this.#dispatch();
  }

  /** Lets what was accepted finish, at most `deadline` milliseconds; then closes everything. */
  async close(deadline: number): Promise<void> {
    this.#closing = true;
    if (!this.#atRest) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
        timer = setTimeout(resolve, deadline);
      });
      clearTimeout(timer);
    }
    this.#closed = true;
    this.#rejectAll(closedError());
    for (const job of this.#later.keys()) job.reject(closedError());
    this.#construction?.controller.abort(closedError());
    clearTimeout(this.#wake);
    clearTimeout(this.#lookAgain);
    await this.#open.close(closedError());
  }

  // ---- who goes next ----

  /** A message that is written at once frees its connection at once: the loop goes on, it does not nest. */
  #dispatch(): void {
    if (this.#dispatching) return;
    this.#dispatching = true;
    try {
      this.#sendWhatMay();
    } finally {
      this.#dispatching = false;
    }
    this.#openWhatIsNeeded();
  }

  #sendWhatMay(): void {
    const { gate } = this.#options;
    while (this.#queue.length > 0 && this.#judging === 0) {
      const connection = this.#open.free;
      if (connection === undefined) break;
      const turn = gate.take();
      if (turn === undefined) {
        this.#wakeIn(gate.wait());
        return;
      }
      const job = this.#queue.shift();
      const refusal = job && gate.refusal(job.sender);
      if (job !== undefined && refusal === undefined) this.#assign(job, connection, turn);
      else {
        turn.slot.refund();
        gate.abandoned(turn);
        job?.reject(refusal);
      }
    }
  }

  #openWhatIsNeeded(): void {
    const { gate } = this.#options;
    // One at a time: the first proves the token before another presents it.
    if (this.#queue.length === 0 || this.#construction !== undefined || this.#closed) return;
    if (this.#open.counted >= this.#options.connections) return; // the one that ends or leaves will come by
    const now = performance.now();
    const wait = Math.max(gate.loginWait(), this.#openBefore - now);
    if (this.#open.size > 0) {
      const crowded = this.#queue.length > this.#open.size * WAITING_PER_CONNECTION;
      const stuck = now >= this.#lastGone + STANDSTILL && gate.wait() <= 0;
      if ((crowded || stuck) && wait <= 0 && now >= this.#noMoreBefore) this.#construct();
      else this.#lookAgain ??= setTimeout(this.#onStandstill, STANDSTILL).unref();
    } else if (wait > 0 || gate.wait() > 0) this.#wakeIn(Math.max(wait, gate.wait()));
    else this.#construct();
  }

  readonly #onStandstill = (): void => {
    this.#lookAgain = undefined;
    this.#dispatch();
  };

  /** Nothing for `Infinity`: the end of a message under way will come by. */
  #wakeIn(wait: number): void {
    clearTimeout(this.#wake);
    if (wait < Infinity) this.#wake = setTimeout(() => this.#dispatch(), Math.min(wait + 1, 2 ** 31 - 1));
  }

  #assign(job: Job, connection: Connection, turn: Turn): void {
    const { progress } = job;
    const first = connection.transactions === 0;
    const idleSince = this.#open.use(connection);
    if (first && idleSince >= job.submittedAt) progress.openingRoundTrips = connection.facts.roundTrips;
    if (connection.domainLimit < progress.remaining.length) progress.remaining = byDomain(progress.remaining);
    const { remaining } = progress;
    const limit = Math.min(this.#options.recipients, connection.recipientLimit);
    const to = firstGroup(remaining, limit, connection.domainLimit);
    const { level } = this.#options.ladder;
    const attempt: Attempt = { connection, turn, first, grouped: !connection.idle, level, count: to.length };
    this.#underWay += 1;
    progress.tried = to.length;
    this.#lastGone = performance.now();
    try {
      if (to.length < remaining.length && !job.content.repeatable) throw tooManyRecipients(job, to.length);
      const envelope = to === job.envelope.to ? job.envelope : { ...job.envelope, to };
      const delivery = { envelope, content: job.content, binary: job.binary };
      progress.run = connection.send(delivery, level, (error, result) => {
        progress.run = undefined;
        this.#open.rest(connection);
        if (result !== undefined) this.#onSent(job, attempt, result);
        else this.#onFailure(job, attempt, error);
      });
    } catch (error) {
      // The server lacks what this message needs; the connection was not touched.
      this.#underWay -= 1;
      turn.slot.refund();
      this.#options.gate.abandoned(turn);
      this.#open.rest(connection);
      job.reject(error);
    }
  }

  #onSent(job: Job, { connection, turn, grouped, count }: Attempt, result: TransactionResult): void {
    this.#options.gate.ended(turn);
    this.#options.gate.succeeded(turn, job.sender);
    this.#options.ladder.prove(grouped);
    this.#onPart(job, connection, count, result);
  }

  /** One group of recipients has its answer. */
  #onPart(job: Job, connection: Connection, count: number, part: TransactionResult, error?: ReplyError): void {
    const { progress } = job;
    progress.add(part, count);
    if (progress.remaining.length > 0 && progress.cancelled === undefined) {
      this.#again(job);
      return;
    }
    this.#underWay -= 1;
    const someAccepted = progress.parts.some(({ accepted }) => accepted.length > 0);
    if (progress.remaining.length > 0) job.reject(progress.cancelled);
    else if (someAccepted || error === undefined) this.#finish(job, connection);
    else job.reject(allRefused(progress.parts, error));
    // What waits may wait for just this: a place in the window, or a connection that was too old to speak behind.
    if (this.#queue.length > 0) this.#dispatch();
  }

  #finish(job: Job, connection: Connection): void {
    const receipt = receiptOf(job, connection.facts.server);
    job.resolve(receipt, receipt.accepted.length);
  }

  // ---- when it goes wrong ----

  #onFailure(job: Job, attempt: Attempt, error: unknown): void {
    const { connection, turn, first, level, count } = attempt;
    const { gate, ladder } = this.#options;
    if (error instanceof ProtocolError) {
      const dropped = 'dropped after a breach of protocol';
      connection.destroy(new ConnectionError('ERR_SMTP_CLOSED', dropped, { cause: error }));
    }
    if (connectionDied(error)) {
      if (mayHaveBeenSent(error)) connection.lostAnswer = true;
      else if (attempt.grouped && connection.lostAnswer) ladder.doubtGrouping();
    }
    // A server that does not stand our pace gets the message again, one step slower. One that fell silent may, too, but
    // another wait would double the caller's: that is for the next message.
    const late = isTimeout(error);
    const vanished = !first && late && isUnheard(error);
    const stumbled = !vanished && isStumble(error) && ladder.demote(level, !late) && !late;
    // A connection that served before was closed under us, or went with a neighbour: that is not the message's failure.
    if (
      (stumbled || vanished || (!first && connectionDied(error))) &&
      repeatable(job, error) &&
      job.progress.moves < MOVES
    ) {
      job.progress.moves += 1;
      this.#open.dropIdle();
      // The server may count what it heard of; what it never heard it does not.
      if (vanished || (error instanceof ConnectionError && isUnheard(error))) turn.slot.refund();
      else gate.ended(turn);
      gate.abandoned(turn);
      this.#again(job);
      return;
    }
    gate.ended(turn);
    // Nobody in this group was accepted; the next group may be.
    if (
      isAboutRecipients(error) &&
      (job.progress.remaining.length > count || job.progress.parts.length > 0) &&
      !job.envelope.options.all
    ) {
      gate.abandoned(turn);
      this.#onPart(job, connection, count, refusedPart(error), error);
      return;
    }
    void this.#judge(job, attempt, error);
  }

  /** What the failure says of the mailbox may concern all that wait: until it is known none of them goes. */
  async #judge(job: Job, { connection, turn }: Attempt, error: unknown): Promise<void> {
    const { gate } = this.#options;
    this.#judging += 1;
    const verdict = await verdictOn(error).catch(() => undefined); // what cannot be explained is told as it is
    this.#judging -= 1;
    if (verdict === undefined) gate.abandoned(turn);
    else if (gate.failed(turn, verdict, error, job.sender)) this.#rejectAll(error);
    const passes = verdict !== undefined && holds(verdict.class) && error instanceof ReplyError;
    const putOff = passes && gate.refusal(job.sender) === undefined;
    if (putOff && !this.#closed && repeatable(job, error) && job.progress.attempts < this.#options.retries) {
      job.progress.attempts += 1;
      this.#tryLater(job, this.#retryDelay(job.progress.attempts));
    } else this.#giveUp(job, connection, error);
  }

  #giveUp(job: Job, connection: Connection, error: unknown): void {
    this.#underWay -= 1;
    const sentToSome = job.progress.parts.some(({ accepted }) => accepted.length > 0);
    if (sentToSome && error instanceof ReplyError && job.progress.cancelled === undefined) {
      job.progress.parts = [...job.progress.parts, unsentPart(job, error)];
      this.#finish(job, connection);
    } else {
      // Whoever ended it hears that it ended, and what the connection knows of the message.
      const { cancelled } = job.progress;
      const same = cancelled !== undefined && error instanceof ConnectionError && error.code === cancelled.code;
      job.reject(same || cancelled === undefined ? error : cancelled);
    }
    this.#onQuiet();
    this.#dispatch();
  }

  #tryLater(job: Job, delay: number): void {
    this.#underWay -= 1;
    const timer = setTimeout(() => {
      this.#later.delete(job);
      this.#underWay += 1;
      this.#again(job);
    }, delay);
    this.#later.set(job, timer);
    this.#dispatch(); // it may have been the one the others waited for
  }

  /** Back into the queue, at its front, unless that was emptied meanwhile because the mailbox is to be left alone. */
  #again(job: Job): void {
    this.#underWay -= 1;
    const refusal = this.#closed ? closedError() : this.#options.gate.refusal(job.sender);
    if (refusal !== undefined) job.reject(refusal);
    else if (!job.settled) this.#queue.unshift(job);
    this.#onQuiet();
    this.#dispatch();
  }

  #rejectAll(error: unknown): void {
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) job.reject(error);
  }

  #retryDelay(attempt: number): number {
    const delay = this.#options.retryDelay * 4 ** (attempt - 1) * (0.75 + Math.random() / 2);
    return Math.min(delay, LONGEST_DELAY);
  }

  readonly #onJobSettled = (job: Job, accepted: number): void => {
    if (this.#later.size > 0) {
      clearTimeout(this.#later.get(job));
      this.#later.delete(job);
    }
    this.#options.gate.leave(job.recipients, accepted);
    this.#onQuiet();
  };

  readonly #waitedFor = (): WaitingFor => ({
    stage: this.#open.size === 0 ? (this.#login.stage ?? 'queue') : 'queue',
    cause: this.#options.gate.reason,
  });

  get #atRest(): boolean {
    return this.#queue.length === 0 && this.#underWay === 0 && this.#later.size === 0;
  }

  #onQuiet(): void {
    if (this.#queue.length > 0) return;
    clearTimeout(this.#wake); // it would hold the process
    if (this.#atRest) this.#drained?.();
    // Nobody waits any more: what is being opened for them is not needed.
    const { verifiers, controller } = this.#construction ?? {};
    const unwanted = new ConnectionError('ERR_SMTP_ABORTED', 'nobody waits for this connection any more');
    if (verifiers !== 0) return;
    // Whoever comes next starts afresh instead of sharing what is being given up.
    this.#construction = undefined;
    controller?.abort(unwanted);
  }

  // ---- opening ----

  #construct(inspect?: Inspect): Construction {
    const controller = new AbortController();
    const construction = { controller, verifiers: 0, connection: this.#opened(controller, inspect) };
    construction.connection.catch(() => {}); // those who wait in the queue are told one by one
    this.#construction = construction;
    return construction;
  }

  /** Settles when everything that follows from the outcome is done. */
  async #opened(controller: AbortController, inspect: Inspect | undefined): Promise<Connection> {
    try {
      const connection = await this.#login.open(controller.signal, inspect);
      this.#constructed(controller);
      this.#failedOpenings = 0;
      this.#options.gate.loginSucceeded();
      this.#add(connection);
      return connection;
    } catch (error) {
      await this.#onOpeningFailed(controller, error);
      throw error;
    }
  }

  /** Unless it was given up before, and another is being made already. */
  #constructed(controller: AbortController): void {
    if (this.#construction?.controller === controller) this.#construction = undefined;
  }

  async #onOpeningFailed(controller: AbortController, error: unknown): Promise<void> {
    const unwanted = controller.signal.aborted;
    const verdict = unwanted ? undefined : await verdictOn(error);
    this.#constructed(controller);
    if (!unwanted && verdict === undefined) {
      // Not an error of the wire or the token endpoint: the caller's own source or settings. It would come again at once.
      this.#rejectAll(error);
    } else if (verdict !== undefined) {
      const now = performance.now();
      this.#noMoreBefore = now + PAUSE_AFTER_FAILURE;
      // One connection more than the server likes is no reason to rest those at work.
      const spare = this.#open.size > 0 && holds(verdict.class);
      const stop = !spare && this.#options.gate.loginFailed(verdict, error);
      this.#failedOpenings += 1;
      const asked = error instanceof ReplyError || error instanceof AuthenticationError;
      if (this.#open.size > 0) this.#failedOpenings = 0;
      // "Come back later" is an answer to come back to; a dead network is the caller's to know now.
      else if (!stop && asked && holds(verdict.class) && this.#failedOpenings <= this.#options.retries) {
        this.#openBefore = now + this.#retryDelay(this.#failedOpenings);
      } else {
        this.#failedOpenings = 0;
        // They all waited for this connection; trying again for each would be a storm of the same failure.
        this.#rejectAll(error);
      }
    }
    this.#dispatch();
  }

  #add(connection: Connection): void {
    if (this.#closed) {
      void connection.close(closedError());
      return;
    }
    this.#open.add(connection);
    this.#dispatch();
  }
}

/** Waits for something others wait for as well; this wait ends with its signal. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal, stage: () => Stage | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(abortError(signal, stage()));
    const done = (): void => signal.removeEventListener('abort', abort);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    promise.then(resolve, reject).finally(done);
  });
}

/** Sending it again can neither double it nor send half of it. */
function repeatable(job: Job, error: unknown): boolean {
  return !job.settled && job.progress.cancelled === undefined && !mayHaveBeenSent(error) && job.content.readable;
}
