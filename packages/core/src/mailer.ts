// The front door: send, verify, close.
import type { ClaimFinding } from './diagnosis/index.ts';
import { CapabilityError, ConnectionError, InputError, MailError, abortError } from './errors.ts';
import {
  type MailerOptions,
  asAuthorities,
  checkDeadline,
  checkSignal,
  completeProvider,
  optionError,
} from './mailer-options.ts';
import type { OutgoingMail } from './message.ts';
import { type CachedTokenSource, type TokenState, cached, isCached } from './oauth/token-cache.ts';
import type { AccessToken, TokenSource } from './oauth/token-source.ts';
import type { Provider } from './providers.ts';
import type { Receipt } from './receipt.ts';
import { Backlog } from './smtp/backlog.ts';
import type { ConnectionFacts } from './smtp/connection.ts';
import { HeldContent, toContent } from './smtp/content.ts';
import { checkEnvelope } from './smtp/envelope.ts';
import { Gate, type Health } from './smtp/gate.ts';
import { Job, closedError } from './smtp/job.ts';
import { parseMailbox } from './smtp/mailbox.ts';
import { PoolSet } from './smtp/pool-set.ts';
import { Pool } from './smtp/pool.ts';
import type { StartTls } from './smtp/socket.ts';
import { completeTimeouts } from './smtp/timeouts.ts';
import { Turn } from './smtp/turn.ts';
import { WIRE_LEVELS, WireLadder } from './smtp/wire-ladder.ts';
import { SEND, type SendContext, TOKEN_EVENTS, isTraced, trace } from './tracing.ts';

/** What one send may take, and what is to happen on the way. */
export interface SendOptions {
  /** Ends this send: ConnectionError `ERR_SMTP_ABORTED`. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for everything, waiting included: ConnectionError `ERR_SMTP_DEADLINE`. Default: none. */
  readonly deadline?: number | undefined;
  /**
   * Called when all but the last bytes of the message were sent (`CRLF.CRLF`, or the last BDAT chunk), which go when it
   * resolves: until then the server has accepted nothing, from then on it may have. An outbox notes here that the message
   * may be out. Where it rejects the connection is dropped and `send` rejects with ConnectionError `ERR_SMTP_HELD`, the
   * reason as its cause. Called again for each further attempt and each further group of recipients.
   */
  readonly beforeCommit?: (() => Promise<void>) | undefined;
}

/** How long the end may take. */
export interface CloseOptions {
  /** Milliseconds for what was accepted to finish; what is left then fails with `ERR_MAILER_CLOSED`. Default 30 s. */
  readonly deadline?: number | undefined;
}

/** What a login showed. */
export interface Verification extends ConnectionFacts {
  /**
   * What the token says of itself, held against what the provider asks: one finding for each claim looked at. Empty for
   * providers other than Microsoft's and for tokens that cannot be read.
   */
  readonly token: readonly ClaimFinding[];
}

/** How a mailer stands, from what happened so far. */
export interface MailerHealth extends Health {
  /** Messages that wait or are under way. */
  readonly pending: number;
  /** The token cache: whether there is a token, and what came of the last attempt to renew it. */
  readonly token: TokenState;
}

/** Sends messages through one account. */
export interface Mailer {
  /**
   * Sends one message. Resolves when the server has taken it for at least one recipient; look at `refused` and `deferred`.
   * Without a deadline it may wait long: for its place in the minute, or until the server takes mail again. Rejects with a
   * TypeError (`ERR_INPUT_…`) for the caller's mistakes, with LimitError where it was held back here, else with one of
   * ReplyError, AuthenticationError, CapabilityError, ProtocolError, ConnectionError, TokenError; `mayHaveBeenSent` says
   * whether a copy may be on its way.
   */
  send(mail: OutgoingMail, options?: SendOptions): Promise<Receipt>;
  /**
   * Gets a token, looks at its claims, connects and logs in, without sending, within 120 s unless `deadline` says otherwise.
   * Shows that AUTH works, not that sending will be allowed. A token of Microsoft's that was made for another service, or has
   * ended, is not presented: TokenError `ERR_OAUTH_WRONG_TOKEN`. While the last login's failure stands it rejects with that,
   * without another attempt. A mailer without `user` has nobody to log in as: TypeError `ERR_INPUT_OPTION`.
   */
  verify(options?: Pick<SendOptions, 'signal' | 'deadline'>): Promise<Verification>;
  /** Resolves when the queue has room for another message: await it before composing the next. */
  ready(): Promise<void>;
  /** How it stands, from what happened so far: nothing is sent or fetched to find out. */
  health(): MailerHealth;
  /**
   * Tries again at once what failures hold back, for whoever repaired what was wrong: a new secret, a new sign-in, a right
   * that was granted. Limits stay, and what still fails is held back again.
   */
  resume(): void;
  /**
   * Waits for what was accepted, says QUIT (RFC 5321 section 4.1.1.10), refuses what comes later with ConnectionError
   * `ERR_MAILER_CLOSED`. The first call's deadline counts.
   */
  close(options?: CloseOptions): Promise<void>;
  /** `close()` with its default deadline, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Makes a mailer. Nothing is connected or fetched before the first send.
 * @throws TypeError `ERR_INPUT_OPTION`, `ERR_INPUT_ADDRESS` naming the option.
 */
export function createMailer(options: MailerOptions): Mailer {
  const provider = completeProvider(options);
  const user = options.user === undefined ? undefined : parseMailbox(options.user, 'user');
  const timeouts = completeTimeouts(options.timeouts);
  const token = asCached(options.token, provider);
  const {
    name,
    ca,
    idleTimeout = 60_000,
    maxAge = 900_000,
    retries = 2,
    retryDelay = 2_000,
    wire = provider.wire ?? 'grouped',
  } = options;
  if (name !== undefined && !/^[\x21-\x7e]{1,255}$/.test(name)) throw optionError('name', 'a host name', name);
  if (!(idleTimeout > 0 && idleTimeout < 2 ** 31))
    throw optionError('idleTimeout', 'milliseconds above 0', idleTimeout);
  if (!(maxAge > 0 && maxAge < 2 ** 31)) throw optionError('maxAge', 'milliseconds above 0', maxAge);
  if (!(Number.isInteger(retries) && retries >= 0 && retries <= 10)) throw optionError('retries', '0 to 10', retries);
  if (!(retryDelay >= 0 && retryDelay <= 600_000)) throw optionError('retryDelay', 'up to 600 000 ms', retryDelay);
  const authorities = ca === undefined ? undefined : asAuthorities(ca);
  if (!WIRE_LEVELS.includes(wire)) throw optionError('wire', `one of ${WIRE_LEVELS.join(', ')}`, wire);

  let tls: Promise<StartTls> | undefined;
  // Made at the first connection: reading certificate authorities is too much work for an import or a constructor.
  const startTls = (): Promise<StartTls> =>
    (tls ??= import('./smtp/socket.ts').then(({ startTlsTrusting }) => startTlsTrusting(authorities)));
  // A clock nobody sets: when the time of day is corrected, limits are kept all the same and nothing stands still.
  const origin = Date.now() - performance.now();
  const now = (): number => Math.floor(origin + performance.now());
  const { limits } = provider;
  const ladder = new WireLadder(wire);
  const turn = new Turn();
  const newPool = (login: string): Pool =>
    new Pool({
      connection: { provider, timeouts, turn, name, startTls, user: login },
      token,
      gate: new Gate({ limits, now, random: Math.random, patient: options.queue?.whenHeld !== 'refuse' }),
      connections: limits.connections,
      recipients: limits.recipientsPerMessage ?? Infinity,
      ladder,
      idleTimeout,
      maxAge,
      retries,
      retryDelay,
    });
  const pools = new PoolSet(newPool);

  let closed: Promise<void> | undefined;
  const enter = (job: Job): void => {
    // It may have waited for room until after the end.
    if (closed !== undefined) job.reject(closedError());
    else pools.of(job.login).submit(job);
  };
  const backlog = new Backlog(enter, options.queue);
  const submit = (job: Job): Promise<Receipt> => {
    if (closed !== undefined) job.reject(closedError());
    else backlog.admit(job);
    return job.promise;
  };
  const send = (mail: OutgoingMail, options: SendOptions): Promise<Receipt> => {
    checkDeadline(options.deadline);
    checkSignal(options.signal);
    if (options.beforeCommit !== undefined && typeof options.beforeCommit !== 'function') {
      throw optionError('beforeCommit', 'a function', options.beforeCommit);
    }
    const envelope = checkEnvelope(mail.envelope, user);
    const login = (user ?? envelope.from)?.address;
    if (login === undefined) throw new InputError('ERR_INPUT_ADDRESS', 'user: the null sender cannot log in');
    const content = toContent(mail.message, mail.size);
    checkSize(content.size, provider.limits.messageSize);
    const { beforeCommit } = options;
    const held = beforeCommit === undefined ? content : new HeldContent(content, beforeCommit);
    const job = new Job({ envelope, content: held, binary: mail.binary === true }, login, options);
    if (!isTraced(SEND)) return submit(job);
    const { id, host, port } = provider;
    const context = { provider: id, host, port, recipients: envelope.to.length, size: content.size };
    return trace(
      SEND,
      () => context,
      () => submit(job),
      summaryOf,
    );
  };
  const inspect = async (access: AccessToken, login: string): Promise<readonly ClaimFinding[]> => {
    const { checkToken } = await import('./token-check.ts');
    return checkToken(access, provider, login, Date.now());
  };
  const close = async ({ deadline = 30_000 }: CloseOptions = {}): Promise<void> => {
    if (!(deadline >= 0)) throw optionError('deadline', 'milliseconds', deadline);
    await (closed ??= pools.close(Math.min(deadline, 2 ** 31 - 1)));
  };
  return {
    // Not an async function: what it keeps for each call is a third of what a waiting message costs.
    send(mail, options = {}) {
      try {
        return send(mail, options);
      } catch (error) {
        return Promise.reject(error);
      }
    },
    async verify({ signal, deadline = 120_000 } = {}) {
      checkDeadline(deadline);
      checkSignal(signal);
      if (closed !== undefined) throw closedError();
      if (user === undefined) {
        throw new InputError('ERR_INPUT_OPTION', 'verify: this mailer has no user of its own to log in as');
      }
      return within(deadline, signal, async (ends) => {
        const look = (access: AccessToken): Promise<readonly ClaimFinding[]> => inspect(access, user.address);
        const facts = await pools.of(user.address).verify(ends, look);
        return { ...facts, token: await look(await token({ signal: ends })) };
      });
    },
    ready: () => backlog.ready(),
    health() {
      const { status, reasons, suspendedUntil } = pools.health();
      const suspended = suspendedUntil !== undefined && { suspendedUntil: suspendedUntil - now() + Date.now() };
      const state = token.state();
      const failing =
        state.error === undefined ? [] : [`the access token could not be renewed: ${state.error.message}`];
      const degraded = status === 'up' && failing.length > 0 ? 'degraded' : status;
      return {
        status: degraded,
        reasons: [...reasons, ...failing],
        ...suspended,
        pending: backlog.length,
        token: state,
      };
    },
    resume() {
      token.resume();
      pools.resume();
    },
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}

const summaryOf = (receipt: Receipt): NonNullable<SendContext['result']> => ({
  accepted: receipt.accepted.length,
  deferred: receipt.deferred.length,
  refused: receipt.refused.length,
  queueId: receipt.queueId,
  roundTrips: receipt.roundTrips,
  queue: receipt.timings.queue,
});

/** Runs something under a deadline and the caller's signal. */
async function within<T>(
  deadline: number,
  signal: AbortSignal | undefined,
  run: (ends: AbortSignal) => Promise<T>,
): Promise<T> {
  let late = false;
  const ends = new AbortController();
  const timer = setTimeout(() => {
    late = !ends.signal.aborted;
    ends.abort();
  }, deadline);
  const abort = (): void => ends.abort(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted === true) abort();
  try {
    return await run(ends.signal);
  } catch (error) {
    // A token cache ends its caller's wait with the reason as it is.
    const ended = error === ends.signal.reason;
    if (!late) throw ended ? abortError(signal, 'token') : error;
    const stage = ended ? 'token' : error instanceof MailError ? error.stage : undefined;
    throw new ConnectionError('ERR_SMTP_DEADLINE', `no login within the deadline of ${deadline} ms`, {
      ...(stage && { stage }),
    });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

function asCached(token: TokenSource | CachedTokenSource, provider: Provider): CachedTokenSource {
  if (typeof token !== 'function') throw optionError('token', 'a token source, such as clientCredentials(…)', token);
  if (isCached(token)) return token;
  return cached(token, {
    earlyBy: provider.tokenMargin,
    reserve: provider.tokenReserve,
    onEvent: (event) => TOKEN_EVENTS.publish({ provider: provider.id, ...event }),
  });
}

function checkSize(size: number | undefined, limit: number | undefined): void {
  if (size === undefined || limit === undefined || size <= limit) return;
  const message = `the message has ${size} bytes, this service takes at most ${limit}`;
  throw new CapabilityError('ERR_SMTP_SIZE_EXCEEDED', message, { stage: 'queue' });
}
