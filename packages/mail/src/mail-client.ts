// What a mail client is: everything that is promised of it.
import type { CloseOptions, Mailer, Receipt, SendOptions, Verification } from '@mailgrant/core';
import type { Mail } from '@mailgrant/nodemailer';
import type { MailAccount } from './account/mail-account.ts';
import type { RenderedMail } from './define-mail.ts';
import type { MailEvents } from './events.ts';

/** One `account`, several `accounts`, or a `mailer` you have; the rest says how mails are treated. */
export interface MailClientOptions {
  /** The mailbox to send from. */
  readonly account?: MailAccount | undefined;
  /** Several of them: see `strategy`. */
  readonly accounts?: readonly MailAccount[] | undefined;
  /**
   * With several accounts: `'failover'` (the default) takes the first that works, `'round-robin'` takes them in turn. Either
   * goes on to the next account only when it is certain that nothing was sent and another account may do better. An account
   * whose service wants to be left alone for a while is passed over until then, and what it puts off goes through the next one
   * at once, unless `retries` of the account says how often it is tried again before.
   */
  readonly strategy?: 'failover' | 'round-robin' | undefined;
  /** A mailer of `@mailgrant/core`. It stays open when the client is closed. */
  readonly mailer?: Mailer | undefined;
  /** Closes `mailer` with the client. Default `false`. */
  readonly closeMailer?: boolean | undefined;
  /** The client's name in events, errors and health. Default `'default'`. */
  readonly name?: string | undefined;
  /** What every mail has that does not say otherwise: `from`, `replyTo`, `headers` … */
  readonly defaults?: Partial<Mail> | undefined;
  /** For staging: every mail goes to this address instead; `cc` and `bcc` are dropped. */
  readonly alwaysTo?: string | readonly string[] | undefined;
  /** Names the recipients that `alwaysTo` replaced in an `X-Original-To` field. Default `false`. */
  readonly showOriginalTo?: boolean | undefined;
  /** For staging: who may get mail: `'ada@example.org'`, `'*@contoso.com'`, a RegExp. Default: everybody. */
  readonly allowRecipients?: readonly (string | RegExp)[] | undefined;
  /**
   * What becomes of a mail to others: `'refuse'` (the default) rejects with LimitError `ERR_MAIL_NOT_ALLOWED`, `'drop'` sends
   * it to those who are allowed and names the others in `dropped`.
   */
  readonly onDisallowed?: 'refuse' | 'drop' | undefined;
  /** Lets `path` in content and attachments name files of this machine. Default `false`. */
  readonly allowFiles?: boolean | undefined;
  /** Lets `href`, and `path` with a URL, be fetched. Default `false`. */
  readonly allowUrls?: boolean | undefined;
  /** Gives a mail that has `html` and no `text` a text made of it. Default `true`. */
  readonly textFromHtml?: boolean | undefined;
  /** Milliseconds for each send, everything included. Default: none. */
  readonly deadline?: number | undefined;
  readonly hooks?: MailHooks | undefined;
}

export interface MailHooks {
  /**
   * Sees every mail, its defaults filled in, before the staging rules do. Returns another mail to change it, `false` to cancel
   * it: `send()` then rejects with LimitError `ERR_MAIL_CANCELLED`. What it throws is what `send()` rejects with.
   */
  readonly beforeSend?:
    | ((mail: Mail, context: MailSendContext) => Mail | false | void | Promise<Mail | false | void>)
    | undefined;
}

/** What a hook knows beside the mail. */
export interface MailSendContext {
  /** The client's name. */
  readonly client: string;
  /** The name given to `defineMail()`, where the mail was made with it. */
  readonly template: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly signal: AbortSignal | undefined;
}

export interface MailSendOptions extends SendOptions {
  /**
   * Your name for this sending, for events, hooks and the outbox of `@mailgrant/worker`, which sends the same key once. It is
   * not put into the message, and sending directly is not deduplicated.
   */
  readonly idempotencyKey?: string | undefined;
}

/** Anything that can be sent: a mail, one that `defineMail()` rendered, or a promise of these. */
export type MailInput = Mail | RenderedMail | PromiseLike<Mail | RenderedMail>;

/** A mail the server took for at least one recipient. */
export interface SentMail {
  /** As in the header of the message; `undefined` for a `raw` one that shows none. */
  readonly messageId: string | undefined;
  readonly envelope: { readonly from: string; readonly to: readonly string[] };
  readonly accepted: readonly string[];
  /** Recipients the server did not take it for, for now or for good; `receipt` tells which and why. */
  readonly rejected: readonly string[];
  /** Recipients the allow-list took out (`onDisallowed: 'drop'`). */
  readonly dropped: readonly string[];
  /** The server's answer in one line. */
  readonly response: string;
  /** All of it, as core has it. */
  readonly receipt: Receipt;
  /** The label of the account that sent it; `undefined` for a `mailer` that was passed in. */
  readonly account: string | undefined;
}

/** How a client stands, from what happened so far. */
export interface MailClientHealth {
  /** `degraded`: mail flows, slower or with a warning, or not through every account. `down`: nothing is sent at present. */
  readonly status: 'up' | 'degraded' | 'down';
  /** One sentence each; they may name mailboxes. */
  readonly reasons: readonly string[];
  /** Mails that wait or are under way. */
  readonly pending: number;
  readonly accounts: readonly MailAccountHealth[];
}

export interface MailAccountHealth {
  readonly account: string | undefined;
  readonly status: 'up' | 'degraded' | 'down';
  readonly reasons: readonly string[];
}

/** What `verify()` found, for each account. */
export interface MailVerification {
  readonly accounts: readonly {
    readonly account: string | undefined;
    /** What is known of the connection, where the login worked. */
    readonly connection: Verification | undefined;
    /** Why it did not. */
    readonly error: Error | undefined;
  }[];
}

/** Sends mails. */
export interface MailClient {
  readonly name: string;
  /**
   * Sends a mail. Resolves when the server has taken it for at least one recipient; look at `rejected`. Rejects with what
   * `compose()` and the `send()` of core throw, and with LimitError `ERR_MAIL_NOT_ALLOWED`, `ERR_MAIL_CANCELLED`;
   * `mayHaveBeenSent()` tells whether a copy may be on its way.
   */
  send(mail: MailInput, options?: MailSendOptions): Promise<SentMail>;
  /** The same, for call sites of other mail modules. */
  sendMail(mail: MailInput, options?: MailSendOptions): Promise<SentMail>;
  /**
   * Gets a token, connects and logs in with every account, without sending. Resolves when one of them could; rejects with
   * what the first met when none could. Exchange checks the right to send only when it has a message.
   */
  verify(options?: Pick<SendOptions, 'signal' | 'deadline'>): Promise<MailVerification>;
  /** How it stands, from what happened so far: nothing is sent or fetched to find out. */
  health(): MailClientHealth;
  /** Tries again at once what failures hold back, for whoever repaired what was wrong. Limits stay. */
  resume(): void;
  /** Calls the listener at each such event until the returned function is called. What a listener throws is ignored. */
  on<E extends keyof MailEvents>(event: E, listener: (event: MailEvents[E]) => void): () => void;
  /** Waits for the mails it was given, closes what it opened, refuses what comes later (`ERR_MAILER_CLOSED`). */
  close(options?: CloseOptions): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
