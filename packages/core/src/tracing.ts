// What the mailer does, for whoever listens: tracing channels of node:diagnostics_channel. Next to no cost without a
// subscriber. Contexts hold no address and no subject; `error` is the error itself, whose message may name a recipient.
import { type Channel, type TracingChannel, channel, tracingChannel } from 'node:diagnostics_channel';

/** What every context says of the server. */
export interface ServerContext {
  /** The provider's id, such as `microsoft365`. */
  readonly provider: string;
  /** The account's host. */
  readonly host: string;
  /** The account's port. */
  readonly port: number;
  /** Why it failed, there from `error` on. The error itself: its message may name a recipient. */
  error?: unknown;
}

/** `tracing:mailgrant:send:*`: one message, from `send()` to its receipt or error. */
export interface SendContext extends ServerContext {
  /** How many there are. */
  readonly recipients: number;
  /** Bytes, where known. */
  readonly size: number | undefined;
  /** What came of it, there from `asyncStart` on. */
  result?: {
    readonly accepted: number;
    readonly deferred: number;
    readonly refused: number;
    readonly queueId: string | undefined;
    readonly roundTrips: number;
    /** Milliseconds it waited for its turn. */
    readonly queue: number;
  };
}

/** `tracing:mailgrant:connect:*`: from the name look-up to the last EHLO, TLS included. */
export interface ConnectContext extends ServerContext {
  /** What came of it: the version of TLS, such as `TLSv1.3`, and the flights to the server and back. */
  result?: { readonly tls: string | undefined; readonly roundTrips: number };
}

/** `tracing:mailgrant:authenticate:*`: one AUTH exchange. */
export interface AuthenticateContext extends ServerContext {
  /** `XOAUTH2` or `OAUTHBEARER`. */
  readonly mechanism: string;
  /** `inline`: the token went with the AUTH command (RFC 4954 section 4), not in a second step. */
  result?: { readonly inline: boolean };
}

/** `tracing:mailgrant:token:*`: a connection asks for an access token, from the cache or not. */
export interface TokenContext extends ServerContext {
  /** Epoch milliseconds. */
  result?: { readonly expiresAt: number };
}

type Traced<C> = TracingChannel<unknown, C & object>;

export const SEND: Traced<SendContext> = tracingChannel('mailgrant:send');
export const CONNECT: Traced<ConnectContext> = tracingChannel('mailgrant:connect');
export const AUTHENTICATE: Traced<AuthenticateContext> = tracingChannel('mailgrant:authenticate');
export const TOKEN: Traced<TokenContext> = tracingChannel('mailgrant:token');

/** `mailgrant:token:events`: a TokenEvent of a cache that a mailer made, with the provider's id. */
export const TOKEN_EVENTS: Channel<unknown, unknown> = channel('mailgrant:token:events');

/** Whether anybody listens. */
export function isTraced<C>({ start, end, asyncStart, asyncEnd, error }: Traced<C>): boolean {
  return (
    start.hasSubscribers ||
    end.hasSubscribers ||
    asyncStart.hasSubscribers ||
    asyncEnd.hasSubscribers ||
    error.hasSubscribers
  );
}

/** Runs `run` inside a trace; `summary` is what the context shows of its result. */
export async function trace<T, R, C extends ServerContext & { result?: R }>(
  traced: Traced<C>,
  context: () => C,
  run: () => Promise<T>,
  summary: (value: T) => R,
): Promise<T> {
  if (!isTraced(traced)) return run();
  let value: { readonly of: T } | undefined;
  await traced.tracePromise(async () => {
    value = { of: await run() };
    return summary(value.of);
  }, context());
  if (value === undefined) throw new Error('a trace ended without its value');
  return value.of;
}
