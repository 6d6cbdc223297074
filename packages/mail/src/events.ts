// What a client tells: which events there are, and a way to hear them that cannot break a send.
import type { RecipientResult, TokenEvent } from '@mailgrant/core';
import type { Mail } from '@mailgrant/nodemailer';
import type { SentMail } from './mail-client.ts';

/** Event → what its listeners get. */
export interface MailEvents {
  /** A composed mail is about to be handed to an account. */
  readonly sending: MailEvent;
  /** The server took it for at least one recipient. */
  readonly sent: MailEvent & { readonly result: SentMail; readonly attempts: readonly FailedAttempt[] };
  /** The server refused recipients, all or some; fired beside `sent` or `failed`. */
  readonly refused: MailEvent & { readonly recipients: readonly RecipientResult[] };
  /** `send()` rejected: with what, and whether a copy may be on its way. */
  readonly failed: MailEvent & {
    readonly error: unknown;
    readonly mayHaveBeenSent: boolean;
    readonly attempts: readonly FailedAttempt[];
  };
  /** `beforeSend` cancelled it. */
  readonly cancelled: MailEvent;
  /** An account's token was renewed, could not be renewed, or was refused. */
  readonly token: {
    readonly client: string;
    readonly account: string | undefined;
    readonly event: TokenEvent;
  };
}

/**
 * What events about a mail have in common. Printed, they show nothing of the content and not to whom it went: `mail`, `result` and
 * `recipients` are there and do not print. Only the message of an `error` may name a recipient.
 */
export interface MailEvent {
  /** The client's name. */
  readonly client: string;
  /** The name given to `defineMail()`, where the mail was made with it. */
  readonly template: string | undefined;
  readonly idempotencyKey: string | undefined;
  /** `undefined` when it failed before it was composed, and for a `raw` message that shows none. */
  readonly messageId: string | undefined;
  /** The mail itself; not enumerable, so that logging the event does not log the mail. `undefined` if rendering it failed. */
  readonly mail: Mail | undefined;
}

/** An account that could not send the mail; nothing was sent through it. */
export interface FailedAttempt {
  readonly account: string | undefined;
  readonly error: unknown;
}

type Listeners = { readonly [E in keyof MailEvents]?: Set<(event: MailEvents[E]) => void> };

/** Listeners by event. */
export class Emitter {
  readonly #listeners: { -readonly [E in keyof Listeners]: Listeners[E] } = {};

  on<E extends keyof MailEvents>(event: E, listener: (event: MailEvents[E]) => void): () => void {
    const set: Set<(event: MailEvents[E]) => void> = (this.#listeners[event] as typeof set | undefined) ?? new Set();
    (this.#listeners as Record<E, typeof set>)[event] = set;
    const own = (value: MailEvents[E]): void => listener(value); // the same function may listen twice
    set.add(own);
    return () => void set.delete(own);
  }

  emit<E extends keyof MailEvents>(event: E, value: MailEvents[E]): void {
    // Those who listen now: one that adds another is not to be called for ever.
    const listeners = Array.from(this.#listeners[event] ?? []);
    for (const listener of listeners) {
      try {
        const result: unknown = (listener as (value: MailEvents[E]) => unknown)(value);
        // An async listener is not in the type but will be passed.
        if (result instanceof Promise) result.catch(() => undefined);
      } catch {
        // The listener's trouble is its own: a mail must not fail for it.
      }
    }
  }
}
