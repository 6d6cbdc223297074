// How much may wait at a time, over all mailboxes of a mailer, and what happens to what is too much.
import { InputError, LimitError } from '../errors.ts';
import { JobQueue } from './job-queue.ts';
import type { Job } from './job.ts';

/** How much may wait, and what becomes of what comes on top. */
export interface QueueOptions {
  /** Messages. Default 100 000. */
  readonly messages?: number | undefined;
  /** Bytes of messages that were handed over whole. Default 256 MB. */
  readonly bytes?: number | undefined;
  /**
   * What `send` does when the queue is full: `'refuse'` (the default) rejects with LimitError `ERR_MAILER_QUEUE_FULL`,
   * `'wait'` waits for room first. Either way `ready()` tells when there is room.
   */
  readonly whenFull?: 'refuse' | 'wait' | undefined;
  /**
   * What becomes of messages while the server asks for a rest that passes by itself: `'wait'` (the default), or `'refuse'`, for
   * whoever has another way to send them: those that wait are rejected with what the server said, new ones with LimitError
   * `ERR_MAILER_SUSPENDED`.
   */
  readonly whenHeld?: 'wait' | 'refuse' | undefined;
}

export class Backlog {
  readonly #messages: number;
  readonly #bytes: number;
  readonly #wait: boolean;
  /** Where a message goes once it is in. */
  readonly #submit: (job: Job) => void;
  #lettingIn = false;
  #length = 0;
  #size = 0;
  /** Sends that wait for room, oldest first. */
  readonly #outside = new JobQueue();
  #ready: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;

  constructor(submit: (job: Job) => void, options: QueueOptions = {}) {
    const { messages = 100_000, bytes = 256_000_000, whenFull = 'refuse' } = options;
    if (!(Number.isInteger(messages) && messages > 0)) throw limitError('messages');
    if (!(Number.isInteger(bytes) && bytes > 0)) throw limitError('bytes');
    if (whenFull !== 'refuse' && whenFull !== 'wait') {
      throw new InputError('ERR_INPUT_OPTION', "queue.whenFull: expected 'refuse' or 'wait'");
    }
    if (options.whenHeld !== undefined && options.whenHeld !== 'wait' && options.whenHeld !== 'refuse') {
      throw new InputError('ERR_INPUT_OPTION', "queue.whenHeld: expected 'wait' or 'refuse'");
    }
    this.#submit = submit;
    this.#messages = messages;
    this.#bytes = bytes;
    this.#wait = whenFull === 'wait';
  }

  /** Messages that were let in and have not ended. */
  get length(): number {
    return this.#length;
  }

  /** Lets a message in, now or when there is room, or rejects it. */
  admit(job: Job): void {
    if (job.settled) return;
    if (this.#outside.length === 0 && this.#fits(job)) this.#enter(job);
    else if (this.#wait) this.#outside.push(job);
    else {
      const full = `${this.#length} messages wait (${Math.ceil(this.#size / 1e6)} MB); await ready() before sending more`;
      job.reject(new LimitError('ERR_MAILER_QUEUE_FULL', full));
    }
  }

  /** Resolves when there is room for another message. */
  async ready(): Promise<void> {
    while (this.#full) {
      if (this.#ready === undefined) {
        let resolve!: () => void;
        const promise = new Promise<void>((done) => {
          resolve = done;
        });
        this.#ready = { promise, resolve };
      }
      await this.#ready.promise;
    }
  }

  get #full(): boolean {
    return this.#length >= this.#messages || this.#size >= this.#bytes || this.#outside.length > 0;
  }

  /** A message larger than the whole queue goes when it is alone, else it would wait for ever. */
  #fits(job: Job): boolean {
    if (this.#length === 0) return true;
    return this.#length < this.#messages && this.#size + (job.content.bytes?.length ?? 0) <= this.#bytes;
  }

  #enter(job: Job): void {
    this.#length += 1;
    this.#size += job.content.bytes?.length ?? 0;
    job.onEnded = this.#onEnded;
    this.#submit(job);
  }

  readonly #onEnded = (job: Job): void => {
    this.#length -= 1;
    this.#size -= job.content.bytes?.length ?? 0;
    if (this.#outside.length > 0 || this.#ready !== undefined) this.#letIn();
  };

  /** One that is let in may end at once and come by here again: the loop goes on, it does not nest. */
  #letIn(): void {
    if (this.#lettingIn) return;
    this.#lettingIn = true;
    let next = this.#outside.shift();
    while (next !== undefined && this.#fits(next)) {
      this.#enter(next);
      next = this.#outside.shift();
    }
    if (next !== undefined) this.#outside.unshift(next);
    this.#lettingIn = false;
    if (this.#full) return;
    this.#ready?.resolve();
    this.#ready = undefined;
  }
}

const limitError = (name: string): InputError =>
  new InputError('ERR_INPUT_OPTION', `queue.${name}: expected a whole number above 0`);
