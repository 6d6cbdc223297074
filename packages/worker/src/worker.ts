// A worker: everything it needs, started and stopped.
import type { Mailer } from '@mailgrant/core';
import type { Outbox } from './outbox/outbox.ts';
import type { Store } from './store/store.ts';

/** A mailbox that this worker sends from. */
export interface WorkerMailbox {
  /**
   * Makes the mailer for one connection. It is called for each, and what it makes is closed with the connection; so make
   * it with `limits: { connections: 1 }`, `retries: 0`, and share a `cached()` token source between the calls.
   */
  readonly mailer: () => Mailer;
  /** Messages a minute, over all workers; `null`: no limit. Default 30. */
  readonly ratePerMinute?: number | null | undefined;
  /** Connections at a time, over all workers. Default 3. */
  readonly connections?: number | undefined;
  /** Recipients in 24 hours; `null`: no limit. Default 10 000. */
  readonly recipientsPerDay?: number | null | undefined;
  /** Recipients of one message; one with more is sent in parts. Default 500. */
  readonly recipientsPerMessage?: number | undefined;
}

export interface MailWorkerOptions {
  readonly store: Store;
  readonly mailboxes: Readonly<Record<string, WorkerMailbox>>;
}

export interface MailWorker {
  readonly outbox: Outbox;
  /** Begins to send. */
  start(): Promise<void>;
  /** Takes nothing new, lets what is on its way finish for `drainMs` (default 25 s), gives the rest back. */
  stop(options?: { readonly drainMs?: number | undefined }): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
