// One connection of a mailbox and the messages that go over it, one after another, for as long as it has its place.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Mailer, mayHaveBeenSent, MailError, type Receipt, ReplyError } from '@mailgrant/core';
import type { Claim } from '../engine.ts';
import { type Asked, type Attempt, begin, type InDoubtAnswer, type MailInHand } from './begin.ts';
import { type Context, mailFacts } from './context.ts';
import { NoMailer } from './failure.ts';
import { Fenced, markDot } from './mark.ts';
import { outgoing } from './message.ts';
import type { Pace } from './pace.ts';
import { settleDoubt, settleFailed, settleReleased, settleTaken } from './settle.ts';
import { releaseSlot } from './slots.ts';

export interface LaneOptions {
  readonly mailbox: string;
  readonly slot: number;
  /** Names this lane and no other, ever: it holds the place and signs the attempts. */
  readonly holder: string;
  readonly mailer: () => Mailer;
  readonly pace: Pace | undefined;
  readonly recipientsPerMessage: number;
  /** Milliseconds a lane without mail keeps its connection and its place. */
  readonly idleTime: number;
}

/** Milliseconds one message may take, its turn included: long enough for the slowest answer RFC 5321 section 4.5.3.2 allows. */
const MESSAGE_TIME = 30 * 60_000;

export class Lane {
  readonly mailbox: string;
  readonly slot: number;
  readonly holder: string;
  /** Resolves when the lane has ended and its place is free. */
  readonly ended: Promise<void>;
  /** The claim in hand, for whoever keeps claims alive. */
  claim: Claim | undefined;
  /** It is at a message, not waiting for one or for its turn. */
  busy = false;
  /** Its message is at its last bytes, or known to be taken or not. */
  #past = false;
  readonly #context: Context;
  readonly #options: LaneOptions;
  /** No further message. */
  readonly #stopping = new AbortController();
  /** Not this one either. */
  readonly #aborting = new AbortController();
  #mailer: Mailer | undefined;
  #wake: (() => void) | undefined;

  constructor(context: Context, options: LaneOptions) {
    this.#context = context;
    this.#options = options;
    this.mailbox = options.mailbox;
    this.slot = options.slot;
    this.holder = options.holder;
    this.ended = this.#run().catch(context.onProblem);
  }

  /** There may be mail. */
  wake(): void {
    this.#wake?.();
  }

  /** Ends after the message in hand; one that has not begun is given back. */
  stop(): void {
    this.#stopping.abort();
    this.#wake?.();
  }

  /** Ends now: what is not at its last bytes is given back, what is there is in doubt. */
  abort(): void {
    this.stop();
    this.#aborting.abort();
  }

  /** This claim has ended: the mail may be in other hands by now. What is not at its last bytes ends here. */
  lose(claim: Claim): void {
    if (this.claim === claim && !this.#past) this.abort();
  }

  async #run(): Promise<void> {
    const { mailbox, slot, holder } = this.#options;
    try {
      await this.#work();
    } finally {
      this.claim = undefined;
      await this.#mailer?.close({ deadline: 2_000 }).catch(this.#context.onProblem);
      // The place is free only when the connection is gone: the server counts connections.
      await releaseSlot(this.#context.store.db, mailbox, slot, holder);
    }
  }

  async #work(): Promise<void> {
    let asked: Asked | undefined;
    while (!this.#stopping.signal.aborted) {
      const beginning = await begin(this.#context, this.#options, asked);
      if (beginning.kind === 'held') return;
      if (beginning.kind === 'none' && !(await this.#woken())) return;
      if (beginning.kind === 'wait') {
        await this.#pause(beginning.wait);
        continue; // with the answer, if there is one
      }
      asked = undefined;
      this.claim = undefined;
      if (beginning.kind === 'ask') {
        const { claim, mail, n } = beginning;
        asked = { claim, n, says: await this.#holding(claim, () => this.#ask(mail)) };
        // The answer may have to wait for the mailbox's turn, and nobody else is to ask meanwhile.
        this.claim = claim;
      }
      if (beginning.kind === 'send') {
        const { attempt } = beginning;
        if (!(await this.#holding(attempt.claim, () => this.#send(attempt)))) return;
      }
    }
    if (asked !== undefined) await this.#context.engine.release(asked.claim);
  }

  /** Whoever keeps claims alive sees this one while `run` goes on. */
  async #holding<T>(claim: Claim, run: () => Promise<T>): Promise<T> {
    this.claim = claim;
    this.busy = true;
    this.#past = false;
    try {
      return await run();
    } finally {
      this.claim = undefined;
      this.busy = false;
    }
  }

  async #pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.#stopping.signal }).catch(() => {
      // Stopping is no failure.
    });
  }

  /** Waits for mail; `false` when there was none for long enough. */
  #woken(): Promise<boolean> {
    if (this.#stopping.signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const end = (woken: boolean): void => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve(woken);
      };
      const timer = setTimeout(end, this.#options.idleTime, false);
      this.#wake = () => end(true);
    });
  }

  #aborted(): Promise<'unknown'> {
    const { signal } = this.#aborting;
    return new Promise((resolve) => {
      if (signal.aborted) resolve('unknown');
      signal.addEventListener('abort', () => resolve('unknown'), { once: true });
    });
  }

  async #ask(mail: MailInHand): Promise<InDoubtAnswer> {
    const { onInDoubt, onProblem, store } = this.#context;
    if (typeof onInDoubt !== 'function') return 'unknown';
    const recipients = await store.db
      .selectFrom('mail_recipient')
      .select('address')
      .where('mail_id', '=', mail.id)
      .where('state', '=', 'pending')
      .orderBy('position')
      .execute();
    const last = await store.db
      .selectFrom('mail_attempt')
      .select('dot_at')
      .where('mail_id', '=', mail.id)
      .where('n', '=', mail.attempts)
      .executeTakeFirst();
    try {
      const at = last?.dot_at?.getTime() ?? 0;
      const asked = { ...mailFacts(mail), recipients: recipients.map(({ address }) => address), at };
      // Whoever is stopped does not wait for somebody else's server; the next worker asks again.
      const answer = await Promise.race([onInDoubt(asked), this.#aborted()]);
      return answer === 'sent' || answer === 'not-sent' ? answer : 'unknown';
    } catch (error) {
      onProblem(error);
      return 'unknown';
    }
  }

  /** Whether the lane may go on. */
  async #send(attempt: Attempt): Promise<boolean> {
    const { receipt, error } = await this.#transfer(attempt);
    if (receipt !== undefined) {
      await this.#persist(() => settleTaken(this.#context, attempt, receipt));
      return true;
    }
    if (mayHaveBeenSent(error)) {
      await this.#persist(() => settleDoubt(this.#context, attempt, error));
      return true;
    }
    if (isRelease(error)) {
      await this.#persist(() => settleReleased(this.#context, attempt));
      // The lane may have lost its place, or the database is away: another lane begins afresh.
      return false;
    }
    const recipients = error instanceof ReplyError ? error.recipients : [];
    const failure = await this.#persist(() => settleFailed(this.#context, attempt, error, recipients));
    // What is about this message alone says nothing of the next one. Else the connection ends here, and with it what the
    // mailer remembers of the failure: how long to rest is decided for all workers together.
    return failure === 'message' || failure === 'recipient';
  }

  async #transfer(
    attempt: Attempt,
  ): Promise<
    | { readonly receipt: Receipt; readonly error?: undefined }
    | { readonly receipt?: undefined; readonly error: unknown }
  > {
    const signal = this.#aborting.signal;
    const { pace } = this.#options;
    try {
      const mailer = this.#openMailer();
      const beforeCommit = async (): Promise<void> => {
        await markDot(this.#context, attempt, { pace, signal });
        this.#past = true;
      };
      const mail = outgoing(this.#context, attempt);
      return { receipt: await mailer.send(mail, { signal, deadline: MESSAGE_TIME, beforeCommit }) };
    } catch (error) {
      return { error };
    } finally {
      this.#past = true;
    }
  }

  #openMailer(): Mailer {
    try {
      return (this.#mailer ??= this.#options.mailer());
    } catch (error) {
      this.#context.onProblem(error);
      throw new NoMailer('the mailer of this mailbox could not be made', { cause: error });
    }
  }

  /** What is known must be written down: the database may be away for a moment. */
  async #persist<T>(write: () => Promise<T>): Promise<T> {
    for (const pause of [100, 500, 1_000, 2_000, 5_000, 10_000, 20_000]) {
      try {
        return await write();
      } catch (error) {
        this.#context.onProblem(error);
        if (this.#aborting.signal.aborted && pause > 1_000) break;
        await sleep(pause);
      }
    }
    return write();
  }
}

/** It ended on this side before the last bytes, and not for what the message is. */
function isRelease(error: unknown): boolean {
  if (!(error instanceof MailError)) return error instanceof Fenced;
  return ['ERR_SMTP_HELD', 'ERR_SMTP_ABORTED', 'ERR_MAILER_CLOSED'].includes(error.code);
}
