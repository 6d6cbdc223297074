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

/** What a message waits for, and why it takes so long. */
export interface WaitingFor {
  readonly stage: Stage;
  readonly cause: unknown;
}

export class Job {
  readonly envelope: CheckedEnvelope;
  /** Let go of when it is settled, though the job itself may stay in a queue. */
  content: Content;
  readonly binary: boolean;
  /** From `performance.now()`. */
  readonly submittedAt: number = performance.now();
  readonly promise: Promise<Receipt>;
  startedAt = 0;
  /** How often it was moved to a fresh connection because the old one turned out dead before anything was sent. */
  moves = 0;
  /** How often it was tried again because the server put it off. */
  attempts = 0;
  /** Whom it was not tried for yet; a server takes only so many recipients at a time. */
  remaining: readonly CheckedRecipient[];
  /** What became of those it was sent to so far. */
  parts: readonly TransactionResult[] = NONE;
  /** Flights that opened a connection for it. */
  openingRoundTrips = 0;
  settled = false;
  /** Why it was to end, where somebody said so while it was under way. */
  cancelled: ConnectionError | undefined;
  /** While its transaction is under way. */
  run: Run | undefined;
  /** Called once, with the number of recipients the server accepted. */
  onSettled: ((job: Job, accepted: number) => void) | undefined;
  /** Called once when it is settled, after `onSettled`. */
  onEnded: ((job: Job) => void) | undefined;
  /** What it waits for while no connection has it. */
  waitsFor: (() => WaitingFor) | undefined;
  /** Called when it is settled while it waits. */
  onLeftQueue: (() => void) | undefined;
  #resolve!: (outcome: Receipt | Promise<never>) => void;
  readonly #signal: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  /** Made only where there is a signal to listen to: a hundred thousand messages may wait. */
  readonly #onAbort: (() => void) | undefined;

  constructor({ envelope, content, binary }: Delivery, { signal, deadline }: JobLimits) {
    this.envelope = envelope;
    this.remaining = envelope.to;
    this.content = content;
    this.binary = binary;
    this.promise = new Promise((resolve) => {
      this.#resolve = resolve; // only this one is kept, to resolve and to reject: a hundred thousand may wait
    });
    this.#signal = signal;
    if (deadline !== undefined) this.#timer = setTimeout(() => this.#onDeadline(deadline), deadline);
    if (signal === undefined) return;
    this.#onAbort = (): void => {
      const facts = { cause: signal.reason, stage: this.#waiting.stage };
      this.cancel(new ConnectionError('ERR_SMTP_ABORTED', 'aborted by the caller', facts));
    };
    signal.addEventListener('abort', this.#onAbort, { once: true });
    if (signal.aborted) this.#onAbort();
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
    const accepted = this.parts.reduce((sum, part) => sum + part.accepted.length, 0);
    // What may have been sent counts as sent: the server counted it before its answer was lost.
    if (!this.#settle(accepted + (mayHaveBeenSent(error) ? this.remaining.length : 0))) return;
    // Nobody will read what was not begun; an open file behind it must not stay open. What a limit held back comes again.
    if (!(error instanceof LimitError)) this.content.discard();
    this.content = EMPTY;
    this.#resolve(Promise.reject(this.#someHaveIt ? this.#partly(error) : error));
  }

  get #someHaveIt(): boolean {
    return this.parts.some(({ accepted }) => accepted.length > 0);
  }

  /** Some recipients have the message: a repetition for all would double it for them. */
  #partly(error: unknown): unknown {
    if (!(error instanceof MailError)) return error;
    const all = this.envelope.to.length;
    const done = this.parts.reduce((sum, { accepted }) => sum + accepted.length, 0);
    const message = `${error.message}; ${done} of ${all} recipients already have the message`;
    const { stage } = error;
    return new ConnectionError(error.code, message, { cause: error, mayHaveBeenSent: true, ...(stage && { stage }) });
  }

  /** Ends it from outside: the transaction, where one is under way, says what became of the message. */
  cancel(error: ConnectionError): void {
    this.cancelled = error;
    if (this.run !== undefined) this.run.cancel(error);
    else this.reject(error);
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
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    if (this.#onAbort !== undefined) this.#signal?.removeEventListener('abort', this.#onAbort);
    this.onLeftQueue?.();
    this.onSettled?.(this, accepted);
    this.onEnded?.(this);
    return true;
  }
}

/** The error of everything a mailer still held when it was closed. */
export function closedError(): MailError {
  return new ConnectionError('ERR_MAILER_CLOSED', 'the mailer was closed', { stage: 'queue' });
}
