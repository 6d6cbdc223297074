// What a caller gets back for a message the server took.
import type { Reply } from './smtp/reply.ts';

/** What the server said to one recipient. */
export interface RecipientResult {
  /** As sent: the domain in A-labels. */
  readonly address: string;
  /** The answer to RCPT, or to the message where that was refused for a group of recipients. */
  readonly reply: Reply;
}

/** Every recipient of a message is in one of these. */
export interface RecipientResults {
  /** The server takes the message for these. */
  readonly accepted: readonly RecipientResult[];
  /** Refused for now (4yz): the server asks to try again later. */
  readonly deferred: readonly RecipientResult[];
  /** Refused for good (5yz). */
  readonly refused: readonly RecipientResult[];
}

/** Milliseconds, from `send()` on. */
export interface SendTimings {
  /** Waiting for a connection, or for its turn on one. */
  readonly queue: number;
  /** From the first command of the transaction to the server's answer to the message. */
  readonly transaction: number;
  /** All of it. */
  readonly total: number;
}

/** A message the server took, for one recipient at least. */
export interface Receipt extends RecipientResults {
  /** The server's answer to the message; the last of them where the recipients had to be split. */
  readonly reply: Reply;
  /** The server's own name for the message, where its answer holds one; an administrator needs it for tracing. */
  readonly queueId: string | undefined;
  /** One for each group of recipients, where the server takes only so many at a time. */
  readonly queueIds: readonly string[];
  /** Where it was sent to. */
  readonly server: { readonly host: string; readonly port: number };
  /** Flights to the server and back until its answer; those that opened a connection for this message included. */
  readonly roundTrips: number;
  /** How long it took. */
  readonly timings: SendTimings;
}

/**
 * The server's name for a message out of its last reply: `OK <id> [Hostname=…]` (Exchange), `OK id=…` (Exim),
 * `queued as …` (Postfix), else nothing.
 */
export function queueId(reply: Reply): string | undefined {
  const [first = ''] = reply.lines;
  const text = reply.lines.length > 1 ? reply.lines.join(' ') : first;
  return /<([^<>\s]{1,200})>/.exec(text)?.[1] ?? /\b(?:id=|queued as )([A-Za-z0-9._@-]{1,200})/i.exec(text)?.[1];
}
