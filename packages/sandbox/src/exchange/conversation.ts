// The record of one SMTP session: who said what, when. Credentials and message text never get in.
import type { Identity } from './identity.ts';

/** One line of a conversation. `note` is the sandbox speaking: TLS, sizes, why something was refused. */
export interface ConversationEntry {
  /** Milliseconds since the connection began. */
  readonly at: number;
  readonly from: 'client' | 'server' | 'note';
  readonly text: string;
  /** 0 before the first MAIL command, then counting MAIL commands; -1 between a message's last reply and the next MAIL. */
  readonly transaction: number;
  /** Counts what the client sent without waiting for the server in between: one flight, one round trip. */
  readonly flight: number;
}

/** An SMTP session, as far as it has come. */
export interface SmtpSession {
  readonly id: number;
  /** Epoch milliseconds, by the sandbox's clock. */
  readonly startedAt: number;
  readonly remote: string;
  /** Name given in EHLO. */
  readonly clientName: string | undefined;
  /** Protocol and cipher once TLS is on. */
  readonly tls: string | undefined;
  readonly identity: Identity | undefined;
  readonly entries: readonly ConversationEntry[];
  readonly open: boolean;
  /** Flights of the client so far, each of which cost it a round trip. */
  readonly roundTrips: number;
}

export class Conversation implements SmtpSession {
  readonly id: number;
  readonly startedAt: number;
  readonly remote: string;
  clientName: string | undefined;
  tls: string | undefined;
  identity: Identity | undefined;
  open = true;
  readonly #entries: ConversationEntry[] = [];
  readonly #begun = performance.now();
  #transaction = 0;
  #between = false;
  #flight = 0;
  #answered = true;

  constructor(id: number, startedAt: number, remote: string) {
    this.id = id;
    this.startedAt = startedAt;
    this.remote = remote;
  }

  get entries(): readonly ConversationEntry[] {
    return this.#entries;
  }

  get transaction(): number {
    return this.#transaction;
  }

  get roundTrips(): number {
    return this.#flight;
  }

  /** Bytes came from the client: a new flight if it has heard from the server since its last ones. */
  arrived(): void {
    if (this.#answered) this.#flight += 1;
    this.#answered = false;
  }

  /** Bytes went to the client. */
  sent(): void {
    this.#answered = true;
  }

  beginTransaction(): void {
    this.#transaction += 1;
    this.#between = false;
  }

  /** A message has had its last reply: what comes now (QUIT, say) is no part of it. */
  endTransaction(): void {
    this.#between = true;
  }

  add(from: ConversationEntry['from'], text: string): void {
    const at = Math.round((performance.now() - this.#begun) * 1000) / 1000;
    const transaction = this.#between ? -1 : this.#transaction;
    this.#entries.push({ at, from, text: visible(text), transaction, flight: this.#flight });
  }
}

/** Control characters shown as `\\xNN`: a conversation is printed on terminals. */
const visible = (text: string): string =>
  text.replace(/\p{Cc}/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);

/** A conversation as text: `S:` and `C:` lines, notes in brackets. */
export const transcript = (entries: readonly ConversationEntry[]): string =>
  entries
    .map(({ from, text }) => (from === 'note' ? `[${text}]` : `${from === 'client' ? 'C' : 'S'}: ${text}`))
    .join('\n');
