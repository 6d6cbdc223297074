// One message on its way through the pool: its promise, its deadline, its signal.
import { ConnectionError, LimitError, MailError, type Stage, mayHaveBeenSent } from '../errors.ts';
import type { Receipt } from '../receipt.ts';
import type { Run } from './channel.ts';
import { type Content, EMPTY } from './content.ts';
import type { CheckedEnvelope, CheckedRecipient, Delivery } from './envelope.ts';
import type { TransactionResult } from './transaction.ts';

export interface JobLimits {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for everything, waiting included. */
  readonly deadline?: number | undefined;
}

const NONE: readonly TransactionResult[] = [];
const NOBODY: readonly CheckedRecipient[] = [];

/** What a message waits for, and why it takes so long. */
export interface WaitingFor {
  readonly stage: Stage;
  readonly cause: unknown;
}

/** What becomes of a message once a connection had it. */
export class Progress {
  /** From `performance.now()`: when it left the queue for the first time. */
  readonly startedAt: number = performance.now();
  /** How often it was moved to a fresh connection because the old one turned out dead before anything was sent. */
  moves = 0;
  /** How often it was tried again because the server put it off. */
  attempts = 0;
  /** What became of those it was sent to so far. */
  parts: readonly TransactionResult[] = NONE;
  /** Flights that opened a connection for it. */
  openingRoundTrips = 0;
  /** Whom it was not tried for yet; a server takes only so many recipients at a time. */
  remaining: readonly CheckedRecipient[];
  /** How many of them the last transaction was for. */
  tried = 0;
  /** While its transaction is under way. */
  run: Run | undefined;
  /** Why it was to end, where somebody said so while it was under way. */
  cancelled: ConnectionError | undefined;

  constructor(to: readonly CheckedRecipient[]) {
    this.remaining = to;
  }

  /** The first `count` of those that remain have their answer. */
  add(part: TransactionResult, count: number): void {
    this.parts = this.parts.length === 0 ? [part] : [...this.parts, part];
    this.remaining = count === this.remaining.length ? NOBODY : this.remaining.slice(count);
  }
}

/** What ends a message from outside. */
interface Ends {
  readonly signal: AbortSignal | undefined;
  readonly onAbort: (() => void) | undefined;
  readonly timer: NodeJS.Timeout | undefined;
}

/** A hundred thousand of these may wait: what most do not need while they wait is made when it is needed. */
export class Job {
  readonly envelope: CheckedEnvelope;
  /** The mailbox it logs in as. */
  readonly login: string;
  /** Let go of when it is settled, though the job itself may stay in a queue. */
  content: Content;
  readonly binary: boolean;
  /** From `performance.now()`. */
  readonly submittedAt: number = performance.now();
  readonly promise: Promise<Receipt>;
  settled = false;
  /** Called once, with the number of recipients the server accepted. */
  onSettled: ((job: Job, accepted: number) => void) | undefined;
  /** Called once when it is settled, after `onSettled`. */
  onEnded: ((job: Job) => void) | undefined;
  /** What it waits for while no connection has it. */
  waitsFor: (() => WaitingFor) | undefined;
  /** Called when it is settled while it waits. */
  onLeftQueue: (() => void) | undefined;
  #resolve!: (outcome: Receipt | Promise<never>) => void;
  #progress: Progress | undefined;
  readonly #ends: Ends | undefined;

  constructor({ envelope, content, binary }: Delivery, login: string, { signal, deadline }: JobLimits = {}) {
    this.envelope = envelope;
    this.login = login;
    this.content = content;
    this.binary = binary;
    this.promise = new Promise((resolve) => {
      this.#resolve = resolve; // only this one is kept, to resolve and to reject: a hundred thousand may wait
    });
    if (signal === undefined && deadline === undefined) return;
    const onAbort = signal && ((): void => this.#onAbort(signal));
    const timer = deadline === undefined ? undefined : setTimeout(() => this.#onDeadline(deadline), deadline);
    this.#ends = { signal, onAbort, timer };
    if (signal === undefined || onAbort === undefined) return;
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  }

  get progress(): Progress {
    return (this.#progress ??= new Progress(this.envelope.to));
  }

  get #parts(): readonly TransactionResult[] {
    return this.#progress?.parts ?? NONE;
  }

  /** Whom it is from, as the server is told. */
  get sender(): string {
    return this.envelope.from?.address ?? '';
  }

  get recipients(): number {
    return this.envelope.to.length;
  }

  resolve(receipt: Receipt, accepted: number): void {
    if (!this.#settle(accepted)) return;
    this.content = EMPTY;
    this.#resolve(receipt);
  }

  reject(error: unknown): void {
    const accepted = this.#parts.reduce((sum, part) => sum + part.accepted.length, 0);
    // What may have been sent counts as sent: the server counted it before its answer was lost.
    if (!this.#settle(accepted + (mayHaveBeenSent(error) ? this.progress.tried : 0))) return;
    // Nobody will read what was not begun; an open file behind it must not stay open. What a limit held back comes again.
    if (!(error instanceof LimitError)) this.content.discard();
    this.content = EMPTY;
    this.#resolve(Promise.reject(this.#someHaveIt ? this.#partly(error) : error));
  }

  get #someHaveIt(): boolean {
    return this.#parts.some(({ accepted }) => accepted.length > 0);
  }

  /** Some recipients have the message: a repetition for all would double it for them. */
  #partly(error: unknown): unknown {
    if (!(error instanceof MailError)) return error;
    const all = this.envelope.to.length;
    const done = this.#parts.reduce((sum, { accepted }) => sum + accepted.length, 0);
    const message = `${error.message}; ${done} of ${all} recipients already have the message`;
    const { stage } = error;
    return new ConnectionError(error.code, message, { cause: error, mayHaveBeenSent: true, ...(stage && { stage }) });
  }

  /** Ends it from outside: the transaction, where one is under way, says what became of the message. */
  cancel(error: ConnectionError): void {
    const progress = this.#progress;
    if (progress !== undefined) progress.cancelled = error;
    if (progress?.run !== undefined) progress.run.cancel(error);
    else this.reject(error);
  }

  #onAbort(signal: AbortSignal): void {
    const facts = { cause: signal.reason, stage: this.#waiting.stage };
    this.cancel(new ConnectionError('ERR_SMTP_ABORTED', 'aborted by the caller', facts));
  }

  #onDeadline(deadline: number): void {
    const message = `the message was not accepted within its deadline of ${deadline} ms`;
    this.cancel(new ConnectionError('ERR_SMTP_DEADLINE', message, this.#waiting));
  }

  get #waiting(): WaitingFor {
    return this.waitsFor?.() ?? { stage: 'queue', cause: undefined };
  }

  #settle(accepted: number): boolean {
    if (this.settled) return false;
    this.settled = true;
    if (this.#ends !== undefined) letGo(this.#ends);
    this.onLeftQueue?.();
    this.onSettled?.(this, accepted);
    this.onEnded?.(this);
    return true;
  }
}

function letGo({ signal, onAbort, timer }: Ends): void {
  clearTimeout(timer);
  if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
}

/** The error of everything a mailer still held when it was closed. */
export function closedError(): MailError {
  return new ConnectionError('ERR_MAILER_CLOSED', 'the mailer was closed', { stage: 'queue' });
}
