// Delivered mail, in order of arrival, and ways to wait for it.
import { createMessage, type Delivery, type InboxMessage } from './message.ts';

export interface WaitOptions {
  /** Milliseconds; default 5000. */
  readonly timeout?: number;
}

/** What happens to an inbox. */
export type InboxEvent = { readonly type: 'message'; readonly message: InboxMessage } | { readonly type: 'removed' };

interface Waiter {
  readonly look: () => boolean;
  readonly fail: (error: Error) => void;
}

/** The inbox of every mailbox and every other recipient: whatever the sandbox accepted is here. */
export class Inbox {
  readonly #now: () => number;
  #messages: readonly InboxMessage[] = [];
  #count = 0;
  readonly #waiters = new Set<Waiter>();
  readonly #listeners = new Set<(event: InboxEvent) => void>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Oldest first. */
  get messages(): readonly InboxMessage[] {
    return this.#messages;
  }

  find(id: string): InboxMessage | undefined {
    return this.#messages.find((message) => message.id === id);
  }

  /** The first message, already here or yet to come, that `matches`. @throws Error when none came in time */
  waitFor(matches: (message: InboxMessage) => boolean, options?: WaitOptions): Promise<InboxMessage>;
  /** All messages, as soon as there are at least `count`. @throws Error when they did not come in time */
  waitFor(count: number, options?: WaitOptions): Promise<readonly InboxMessage[]>;
  waitFor(
    condition: number | ((message: InboxMessage) => boolean),
    { timeout = 5_000 }: WaitOptions = {},
  ): Promise<InboxMessage | readonly InboxMessage[]> {
    const find = (): InboxMessage | readonly InboxMessage[] | undefined => {
      if (typeof condition === 'function') return this.#messages.find(condition);
      return this.#messages.length >= condition ? this.#messages : undefined;
    };
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
      };
      const fail = (error: Error): void => {
        settle();
        reject(error);
      };
      const waiter: Waiter = {
        fail,
        look: () => {
          const found = find();
          if (found === undefined) return false;
          settle();
          resolve(found);
          return true;
        },
      };
      const timer = setTimeout(() => {
        const here = this.#messages.map(({ subject }) => JSON.stringify(subject)).join(', ') || 'none';
        fail(new Error(`the mail waited for did not arrive within ${timeout} ms; messages in the inbox: ${here}`));
      }, timeout);
      if (!waiter.look()) this.#waiters.add(waiter);
    });
  }

  /** Removes every message. Ids are not used again. */
  clear(): void {
    this.#messages = [];
    this.#tell({ type: 'removed' });
  }

  /** Removes one message; `false` when there is none with this id. */
  remove(id: string): boolean {
    const before = this.#messages.length;
    this.#messages = this.#messages.filter((message) => message.id !== id);
    if (this.#messages.length === before) return false;
    this.#tell({ type: 'removed' });
    return true;
  }

  /** Calls `listener` for every change until the returned function is called. */
  subscribe(listener: (event: InboxEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Puts a delivery into the inbox. */
  async deliver(delivery: Delivery): Promise<void> {
    this.#count += 1;
    const message = await createMessage(delivery, String(this.#count), this.#now());
    this.#messages = [...this.#messages, message];
    this.#tell({ type: 'message', message });
    for (const waiter of this.#waiters) waiter.look();
  }

  /** Nothing more will come: whoever waits is told. */
  close(): void {
    for (const { fail } of this.#waiters) fail(new Error('the sandbox was closed while mail was waited for'));
    this.#listeners.clear();
  }

  #tell(event: InboxEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
