// An opened and authenticated channel. The token source and the wire meet here and nowhere else.
import { isIP } from 'node:net';
import type { SecureContext } from 'node:tls';
import { CapabilityError, ConnectionError } from '../errors.ts';
import type { AccessToken } from '../oauth/token-source.ts';
import type { Provider } from '../providers.ts';
import type { MechanismName, Mechanism } from '../sasl/mechanism.ts';
import { oauthbearer } from '../sasl/oauthbearer.ts';
import { xoauth2 } from '../sasl/xoauth2.ts';
import { authenticate } from './authentication.ts';
import { type Capabilities, offersMechanism, recipientLimit } from './capabilities.ts';
import { AUTHENTICATE, CONNECT, TOKEN, trace } from '../tracing.ts';
import { Channel, type Done, type Run } from './channel.ts';
import { quit } from './command.ts';
import { ask } from './dialogue.ts';
import { type Delivery, envelopeCommands } from './envelope.ts';
import { type Session, openSession } from './session.ts';
import type { Timeouts } from './timeouts.ts';
import { type TransactionResult, sendMessage } from './transaction.ts';
import type { WireLevel } from './wire-ladder.ts';

/** Bytes of a message that may share its flight with its envelope. */
const SMALL = 64 * 1024;

export interface ConnectionOptions {
  readonly provider: Provider;
  readonly user: string;
  readonly secureContext: SecureContext;
  readonly timeouts: Timeouts;
  /** For EHLO; the address literal of this end where absent. */
  readonly name: string | undefined;
  /** Learnt on this host: long AUTH lines were refused. */
  readonly shortAuthLines: boolean;
}

/** What is known of a connection once it is open. */
export interface ConnectionFacts {
  readonly server: { readonly host: string; readonly port: number };
  /** The server's first EHLO line. */
  readonly greeting: string;
  readonly capabilities: Capabilities;
  readonly tls: { readonly protocol: string; readonly cipher: string } | undefined;
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
  readonly #sevenBit: boolean;
  readonly #channel: Channel;
  /** From `performance.now()`. */
  readonly openedAt: number = performance.now();
  /** Transactions begun on this connection. */
  transactions = 0;
  /** The last transaction ended early: RSET comes first (RFC 5321 section 4.1.1.5). */
  #dirty = false;

  /**
   * Connects and logs in. The token is fetched while TCP and TLS come up.
   * @throws ConnectionError, ProtocolError, CapabilityError, AuthenticationError, TokenError.
   */
  static async open(
    options: ConnectionOptions,
    token: () => Promise<AccessToken>,
    signal: AbortSignal,
  ): Promise<Connection> {
    const { provider, timeouts, secureContext } = options;
    const { host, port, tls } = provider;
    const giveUp = new AbortController();
    const stop = (): void => giveUp.abort(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();

    const server = { provider: provider.id, host, port };
    const wantedToken = trace(
      TOKEN,
      () => ({ ...server }),
      token,
      ({ expiresAt }) => ({ expiresAt }),
    );
    // No token, no session: there is no point in finishing the handshake.
    wantedToken.catch((reason: unknown) => giveUp.abort(reason));
    let channel: Channel | undefined;
    try {
      const connect = async (): Promise<Session> => {
        const implicitTls = tls === 'implicit';
        channel = await Channel.open({ host, port, implicitTls, secureContext, timeouts }, giveUp.signal);
        if (tls === 'none' && !isLoopback(channel.remoteAddress)) throw notLoopback(host, channel.remoteAddress);
        return channel.play(openSession(options.name ?? channel.localLiteral, tls), giveUp.signal);
      };
      const session = await trace(
        CONNECT,
        () => ({ ...server }),
        connect,
        ({ roundTrips }) => ({ tls: channel?.tls?.protocol, roundTrips }),
      );
      if (channel === undefined) throw new Error('a session without a channel');
      const opened: Channel = channel;
      const access = await wantedToken;
      const mechanism = chooseMechanism(options, session.capabilities, access);
      opened.hide([access.value, mechanism.initialResponse]);
      const longLines = provider.longAuthLines && !options.shortAuthLines;
      const login = await trace(
        AUTHENTICATE,
        () => ({ ...server, mechanism: mechanism.name }),
        () => opened.play(authenticate(mechanism, session.capabilities, longLines), signal),
        ({ inline }) => ({ inline }),
      );
      const handshake = tls === 'none' ? 0 : opened.tls?.protocol === 'TLSv1.3' ? 1 : 2;
      // What came right behind the last reply may have ended it already.
      if (opened.failure !== undefined) throw opened.failure;
      return new Connection(opened, access, {
        server: { host, port },
        greeting: session.greeting,
        capabilities: session.capabilities,
        tls: opened.tls,
        mechanism: mechanism.name,
        inlineAuth: login.inline,
        roundTrips: 1 + handshake + session.roundTrips + login.roundTrips,
      });
    } catch (error) {
      channel?.destroy(new ConnectionError('ERR_SMTP_CLOSED', 'the session could not be opened', { cause: error }));
      // When the token is what failed, what happened to the connection follows from it.
      if (giveUp.signal.aborted && !signal.aborted) await wantedToken;
      throw error;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  private constructor(channel: Channel, token: AccessToken, facts: ConnectionFacts) {
    this.#channel = channel;
    this.token = token;
    this.facts = facts;
    this.recipientLimit = recipientLimit(facts.capabilities) ?? Infinity;
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
    const commands = envelopeCommands(delivery, capabilities);
    const wire = wireFor(delivery, level, capabilities);
    const chunked = wire === 'chunked' || wire === 'one-flight' || delivery.binary;
    const framing = delivery.binary ? 'binary' : chunked ? 'bdat' : 'data';
    const body = { content, framing, sevenBit: this.#sevenBit } as const;
    // RFC 3030 section 2: after a chunk that failed RSET has to come first, and whether one did is not known yet.
    const reset = this.#dirty || (chunked && !this.#channel.idle);
    this.#dirty = false;
    this.transactions += 1;
    return this.#channel.start<TransactionResult>(
      sendMessage({ to: envelope.to, envelope: commands, body, wire, reset, all: envelope.all }),
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

  /** Says QUIT where that is possible and closes (RFC 5321 section 4.1.1.10). */
  async close(): Promise<void> {
    const closed = new ConnectionError('ERR_SMTP_CLOSED', 'closed by this end');
    if (this.#channel.idle && !this.#channel.closed) {
      // The reply is a courtesy; whatever it is, the connection ends here.
      await this.#channel.play(ask(quit()), AbortSignal.timeout(2_000)).catch(() => {});
    }
    this.#channel.destroy(closed);
  }

  destroy(reason: ConnectionError): void {
    this.#channel.destroy(reason);
  }
}

/** The highest level up to `level` that this server offers and this message can use. */
function wireFor({ envelope, content, binary }: Delivery, level: WireLevel, capabilities: Capabilities): WireLevel {
  if (!capabilities.has('PIPELINING')) return 'lock-step';
  let wire = level;
  if (wire === 'one-flight' && (envelope.all || content.bytes === undefined || content.bytes.length > SMALL))
    wire = 'chunked';
  if ((wire === 'chunked' || wire === 'one-flight') && !capabilities.has('CHUNKING')) wire = 'grouped';
  const withData = wire === 'data' || wire === 'grouped';
  if (binary && wire !== 'lock-step' && wire !== 'one-flight') return 'chunked';
  // After 354 there is no way back: all or nothing has to be known before.
  return envelope.all && withData ? 'envelope' : wire;
}

function chooseMechanism(
  { provider, user }: ConnectionOptions,
  capabilities: Capabilities,
  { value }: AccessToken,
): Mechanism {
  const { mechanisms, host, port } = provider;
  const name = mechanisms.find((each) => offersMechanism(capabilities, each)) ?? mechanisms[0];
  return name === 'OAUTHBEARER' ? oauthbearer(user, value, host, port) : xoauth2(user, value);
}

function notLoopback(host: string, address: string): CapabilityError {
  return new CapabilityError(
    'ERR_SMTP_STARTTLS_NOT_OFFERED',
    `${host} is ${address}: without TLS a token goes to loopback addresses only`,
    { stage: 'tls' },
  );
}

function isLoopback(address: string): boolean {
  const ip = address.startsWith('::ffff:') ? address.slice(7) : address;
  return ip === '::1' || (isIP(ip) === 4 && ip.startsWith('127.'));
}
