// From nothing to a connection that has logged in. The token source and the wire meet here and nowhere else.
import { CapabilityError, ConnectionError, MailError, type Stage, abortError } from '../errors.ts';
import type { AccessToken } from '../oauth/token-source.ts';
import type { Provider } from '../providers.ts';
import type { Mechanism } from '../sasl/mechanism.ts';
import { oauthbearer } from '../sasl/oauthbearer.ts';
import { xoauth2 } from '../sasl/xoauth2.ts';
import type { Secret } from '../secret.ts';
import { AUTHENTICATE, CONNECT, TOKEN, trace } from '../tracing.ts';
import { authenticate } from './authentication.ts';
import { type Capabilities, offersMechanism } from './capabilities.ts';
import type { Channel } from './channel.ts';
import { Connection } from './connection.ts';
import { type Session, openSession } from './session.ts';
import type { StartTls } from './socket.ts';
import type { Timeouts } from './timeouts.ts';
import type { Turn } from './turn.ts';

export interface ConnectionOptions {
  readonly provider: Provider;
  readonly user: string;
  readonly startTls: () => Promise<StartTls>;
  readonly timeouts: Timeouts;
  readonly turn: Turn;
  /** For EHLO; the address literal of this end where absent. */
  readonly name: string | undefined;
  /** Learnt on this host: long AUTH lines were refused. */
  readonly shortAuthLines: boolean;
  /** Tokens this server has seen and refused: it may still repeat them. */
  readonly refused: readonly Secret[];
}

/** One attempt to open a connection, and how far it has come. */
export class Opening {
  readonly #options: ConnectionOptions;
  readonly #server: { readonly provider: string; readonly host: string; readonly port: number };
  #channel: Channel | undefined;
  #waitsForToken = false;
  #lineRefused = false;
  #secrets: readonly Secret[];

  constructor(options: ConnectionOptions) {
    const { id, host, port } = options.provider;
    this.#options = options;
    this.#server = { provider: id, host, port };
    this.#secrets = options.refused;
  }

  /** What is being waited for. */
  get stage(): Stage {
    if (this.#channel === undefined) return 'connect';
    return this.#waitsForToken ? 'token' : (this.#channel.stage ?? 'connect');
  }

  /** The server did not take the token with the AUTH command. */
  get lineRefused(): boolean {
    return this.#lineRefused;
  }

  /**
   * Connects and logs in. The token is fetched while TCP and TLS come up.
   * @throws ConnectionError, ProtocolError, CapabilityError, AuthenticationError, TokenError.
   */
  async connection(token: () => Promise<AccessToken>, signal: AbortSignal): Promise<Connection> {
    const giveUp = new AbortController();
    const stop = (): void => giveUp.abort(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const wanted = this.#ask(token);
    // No token, no session: there is no point in finishing the handshake.
    wanted.catch((reason: unknown) => giveUp.abort(reason));
    try {
      const session = await this.#connect(giveUp.signal);
      this.#waitsForToken = true;
      const access = await wanted;
      this.#waitsForToken = false;
      return await this.#logIn(session, access, signal);
    } catch (error) {
      const cause = { cause: error };
      this.#channel?.destroy(new ConnectionError('ERR_SMTP_CLOSED', 'the session could not be opened', cause));
      // When the token is what failed, what happened to the connection follows from it.
      if (giveUp.signal.aborted && !signal.aborted) await wanted;
      // A cache ends its caller's wait with the reason as it is.
      if (signal.aborted && !(error instanceof MailError)) throw abortError(signal, 'token');
      throw error;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  async #ask(token: () => Promise<AccessToken>): Promise<AccessToken> {
    // The first fetch of a process takes 30 ms to get going: the connection is on its way before that.
    await new Promise((resolve) => setImmediate(resolve));
    const access = await trace(
      TOKEN,
      () => ({ ...this.#server }),
      token,
      ({ expiresAt }) => ({ expiresAt }),
    );
    this.#hide([access.value]);
    return access;
  }

  #connect(signal: AbortSignal): Promise<Session> {
    const { provider, timeouts, turn, startTls, name } = this.#options;
    const { host, port, tls } = provider;
    return trace(
      CONNECT,
      () => ({ ...this.#server }),
      async () => {
        // Sockets and TLS are two thirds of what the core would cost to import: they come with the first connection.
        const { Channel } = await import('./channel.ts');
        const implicitTls = tls === 'implicit';
        const channel = await Channel.open({ host, port, implicitTls, startTls, timeouts, turn }, signal);
        this.#channel = channel;
        // This end may have sent its token on another connection: whatever this server says, that is not in it.
        this.#hide([]);
        if (tls === 'none' && !channel.toLoopback) throw notLoopback(host, channel.remoteAddress);
        return channel.play(openSession(name ?? channel.localLiteral, tls), signal);
      },
      ({ roundTrips }) => ({ tls: this.#channel?.tls?.protocol, roundTrips }),
    );
  }

  async #logIn(session: Session, access: AccessToken, signal: AbortSignal): Promise<Connection> {
    const { provider, shortAuthLines } = this.#options;
    const channel = this.#channel;
    if (channel === undefined) throw new Error('a session without a channel');
    const mechanism = chooseMechanism(this.#options, session.capabilities, access);
    this.#hide([mechanism.initialResponse]);
    const longLines = provider.longAuthLines && !shortAuthLines;
    const onLineRefused = (): void => void (this.#lineRefused = true);
    const login = await trace(
      AUTHENTICATE,
      () => ({ ...this.#server, mechanism: mechanism.name }),
      () =>
        channel.play(authenticate(mechanism, session.capabilities, longLines, this.#secrets, onLineRefused), signal),
      ({ inline }) => ({ inline }),
    );
    const handshake = provider.tls === 'none' ? 0 : channel.tls?.protocol === 'TLSv1.3' ? 1 : 2;
    return new Connection(channel, access, {
      server: { host: provider.host, port: provider.port },
      greeting: session.greeting,
      capabilities: session.capabilities,
      tls: channel.tls,
      mechanism: mechanism.name,
      inlineAuth: login.inline,
      roundTrips: 1 + handshake + session.roundTrips + login.roundTrips,
    });
  }

  #hide(secrets: readonly Secret[]): void {
    this.#secrets = [...this.#secrets, ...secrets];
    if (this.#secrets.length > 0) this.#channel?.hide(this.#secrets);
  }
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
