// A channel that has logged in: it sends messages until it is too old, too idle or broken.
import type { ConnectionError, MailError } from '../errors.ts';
import type { AccessToken } from '../oauth/token-source.ts';
import type { MechanismName } from '../sasl/mechanism.ts';
import { type Capabilities, domainLimit, recipientLimit, sizeLimit, transactionLimit } from './capabilities.ts';
import type { Channel, Done, Run } from './channel.ts';
import { quit } from './command.ts';
import { ask } from './dialogue.ts';
import { type Delivery, envelopeCommands } from './envelope.ts';
import { type TransactionResult, sendMessage } from './transaction.ts';
import type { WireLevel } from './wire-ladder.ts';

/** Milliseconds the answer to QUIT may take. */
const GOODBYE = 2_000;
/** Bytes of a message that may share its flight with its envelope. */
const SMALL = 64 * 1024;

/** What is known of a connection once it is open. */
export interface ConnectionFacts {
  /** As the account names it, not as an address. */
  readonly server: { readonly host: string; readonly port: number };
  /** The server's first EHLO line. */
  readonly greeting: string;
  /** What the server offered in its last EHLO reply (RFC 5321 section 4.1.1.1). */
  readonly capabilities: Capabilities;
  /** Such as `TLSv1.3`, and the name of the cipher; `undefined` without TLS. */
  readonly tls: { readonly protocol: string; readonly cipher: string } | undefined;
  /** How the login was made. */
  readonly mechanism: MechanismName;
  /** The token went with the AUTH command; `false`: in a second step. */
  readonly inlineAuth: boolean;
  /** Flights to the server and back until it was ready for mail. */
  readonly roundTrips: number;
}

export class Connection {
  readonly facts: ConnectionFacts;
  readonly token: AccessToken;
  /** Recipients of one transaction, at most. */
  readonly recipientLimit: number;
  /** Domains among them, at most. */
  readonly domainLimit: number;
  /** Transactions of this session, at most. */
  readonly transactionLimit: number;
  readonly #sizeLimit: number | undefined;
  readonly #sevenBit: boolean;
  readonly #channel: Channel;
  /** From `performance.now()`. */
  readonly openedAt: number = performance.now();
  /** Transactions begun on this connection. */
  transactions = 0;
  /** It ended while the server owed its answer to a message. */
  lostAnswer = false;
  /** The last transaction ended early: RSET comes first (RFC 5321 section 4.1.1.5). */
  #dirty = false;

  constructor(channel: Channel, token: AccessToken, facts: ConnectionFacts) {
    this.#channel = channel;
    this.token = token;
    this.facts = facts;
    this.recipientLimit = recipientLimit(facts.capabilities) ?? Infinity;
    this.domainLimit = domainLimit(facts.capabilities) ?? Infinity;
    this.transactionLimit = transactionLimit(facts.capabilities) ?? Infinity;
    this.#sizeLimit = sizeLimit(facts.capabilities);
    this.#sevenBit = !facts.capabilities.has('8BITMIME');
  }

  /** Whether the next transaction may begin; others may still wait for their reply. */
  get free(): boolean {
    return this.#channel.free;
  }

  /** Nothing is under way. */
  get idle(): boolean {
    return this.#channel.idle;
  }

  get closed(): boolean {
    return this.#channel.closed;
  }

  set onFree(listener: () => void) {
    this.#channel.onFree = listener;
  }

  set onClose(listener: () => void) {
    this.#channel.onClose = listener;
  }

  /**
   * Sends one message.
   * @throws CapabilityError at once, when the server lacks what the message needs.
   */
  send(delivery: Delivery, level: WireLevel, done: Done<TransactionResult>): Run {
    const { envelope, content } = delivery;
    const { capabilities } = this.facts;
    const commands = envelopeCommands(delivery, capabilities, this.#sizeLimit);
    const wire = wireFor(delivery, level, capabilities);
    const chunked = wire === 'chunked' || wire === 'one-flight' || delivery.binary;
    const framing = delivery.binary ? 'binary' : chunked ? 'bdat' : 'data';
    const body = { content, framing, sevenBit: this.#sevenBit } as const;
    // RFC 3030 section 2: after a chunk that failed RSET has to come first, and whether one did is not known yet.
    const reset = this.#dirty || (chunked && !this.#channel.idle);
    this.#dirty = false;
    this.transactions += 1;
    return this.#channel.start<TransactionResult>(
      sendMessage({ to: envelope.to, envelope: commands, body, wire, reset, all: envelope.options.all }),
      (error, result) => {
        if (error !== undefined) this.#dirty = true;
        done(error, result);
      },
    );
  }

  /** Lets the process end while nothing is under way. */
  rest(): void {
    this.#channel.rest();
  }

  /** Says QUIT where that is possible and closes (RFC 5321 section 4.1.1.10); whoever is still at it learns `reason`. */
  async close(reason: MailError): Promise<void> {
    if (this.#channel.idle && !this.#channel.closed) {
      // The reply is a courtesy; whatever it is, the connection ends here.
      const late = new AbortController();
      const timer = setTimeout(() => late.abort(), GOODBYE);
      await this.#channel.play(ask(quit()), late.signal).catch(() => {});
      clearTimeout(timer);
    }
    this.#channel.destroy(reason);
  }

  destroy(reason: ConnectionError): void {
    this.#channel.destroy(reason);
  }
}

/** The highest level up to `level` that this server offers and this message can use. */
function wireFor({ envelope, content, binary }: Delivery, level: WireLevel, capabilities: Capabilities): WireLevel {
  if (!capabilities.has('PIPELINING')) return 'lock-step';
  let wire = level;
  const whole = content.bytes !== undefined && content.bytes.length <= SMALL && content.beforeEnd === undefined;
  if (wire === 'one-flight' && (envelope.options.all || !whole)) wire = 'chunked';
  if ((wire === 'chunked' || wire === 'one-flight') && !capabilities.has('CHUNKING')) wire = 'grouped';
  const withData = wire === 'data' || wire === 'grouped';
  if (binary && wire !== 'lock-step' && wire !== 'one-flight') return 'chunked';
  // After 354 there is no way back: all or nothing has to be known before.
  return envelope.options.all && withData ? 'envelope' : wire;
}
