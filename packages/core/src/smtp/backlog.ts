// How much may wait at a time, over all mailboxes of a mailer, and what happens to what is too much.
import { InputError, LimitError } from '../errors.ts';
import type { Job } from './job.ts';

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
}

/** Where a message goes once it is in. */
interface Destination {
  submit(job: Job): void;
}

interface Waiting {
  readonly job: Job;
  readonly to: Destination;
}

export class Backlog {
  readonly #messages: number;
  readonly #bytes: number;
  readonly #wait: boolean;
  #length = 0;
  #size = 0;
  /** Sends that wait for room, oldest first. */
  #outside: Waiting[] = [];
  #ready: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;

  constructor({ messages = 100_000, bytes = 256_000_000, whenFull = 'refuse' }: QueueOptions = {}) {
    if (!(Number.isInteger(messages) && messages > 0)) throw limitError('messages');
    if (!(Number.isInteger(bytes) && bytes > 0)) throw limitError('bytes');
    if (whenFull !== 'refuse' && whenFull !== 'wait') {
      throw new InputError('ERR_INPUT_OPTION', "queue.whenFull: expected 'refuse' or 'wait'");
    }
    this.#messages = messages;
    this.#bytes = bytes;
    this.#wait = whenFull === 'wait';
  }

  /** Messages that were let in and have not ended. */
  get length(): number {
    return this.#length;
  }

  /** Lets a message in, now or when there is room, or rejects it. */
  admit(job: Job, to: Destination): void {
    if (job.settled) return;
    if (this.#outside.length === 0 && this.#fits(job)) this.#enter(job, to);
    else if (this.#wait) this.#outside.push({ job, to });
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

  #enter(job: Job, to: Destination): void {
    this.#length += 1;
    this.#size += job.content.bytes?.length ?? 0;
    job.onEnded = this.#onEnded;
    to.submit(job);
  }

  readonly #onEnded = (job: Job): void => {
    this.#length -= 1;
    this.#size -= job.content.bytes?.length ?? 0;
    if (this.#outside.length > 0 || this.#ready !== undefined) this.#letIn();
  };

  #letIn(): void {
    for (let next = this.#outside[0]; next !== undefined; next = this.#outside[0]) {
      if (!next.job.settled && !this.#fits(next.job)) return;
      this.#outside.shift();
      if (!next.job.settled) this.#enter(next.job, next.to);
    }
    if (this.#full) return;
    this.#ready?.resolve();
    this.#ready = undefined;
  }
}

const limitError = (name: string): InputError =>
  new InputError('ERR_INPUT_OPTION', `queue.${name}: expected a whole number above 0`);
