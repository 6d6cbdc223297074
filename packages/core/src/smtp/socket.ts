// Opening the way: TCP, then TLS. Each ends in an open socket or in a typed error with nothing left behind.
import net from 'node:net';
import type * as Tls from 'node:tls';
import { ConnectionError, type ErrorCode, abortError } from '../errors.ts';
import { printable } from '../redact.ts';

export interface SocketOptions {
  readonly host: string;
  readonly port: number;
  readonly timeouts: { readonly connect: number; readonly tls: number };
}

/**
 * Looks the name up and connects, to whichever of its addresses answers. Waits for `needed` as well, without which the
 * socket is of no use.
 */
export async function connectTcp<T>(
  options: SocketOptions,
  needed: Promise<T>,
  signal?: AbortSignal,
): Promise<readonly [net.Socket, T]> {
  needed.catch(() => {}); // told when the socket is there
  if (signal?.aborted === true) throw abortError(signal, 'connect');
  const { host, port, timeouts } = options;
  const socket = net.connect({ host, port, noDelay: true });
  socket.on('error', () => {}); // what happens while it waits is told below
  const abort = (): void => void socket.destroy(abortError(signal, 'connect'));
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await opened(socket, 'connect', timeouts.connect, options);
    const found = await needed;
    const { destroyed, errored } = socket;
    if (errored instanceof ConnectionError) throw errored;
    if (destroyed) throw socketError('ERR_SMTP_CONNECT', reasonOf(errored), 'connect', options, errored ?? undefined);
    return [socket, found];
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** Wraps a socket in TLS. The certificate is verified against `host`, whatever the environment says. */
export type StartTls = (
  plain: net.Socket,
  options: SocketOptions,
) => { readonly socket: Tls.TLSSocket; readonly secured: Promise<void> };

/** Node's TLS takes 20 ms to load: it does so while the first connection of the process is on its way. */
let loading: Promise<typeof Tls> | undefined;

async function loadTls(): Promise<typeof Tls> {
  await new Promise((resolve) => setImmediate(resolve));
  return import('node:tls');
}

/** TLS 1.2 or later, and whom to trust: Node's certificate authorities and `ca`. */
export async function startTlsTrusting(ca: readonly string[] | undefined): Promise<StartTls> {
  const { connect, createSecureContext } = await (loading ??= loadTls());
  const secureContext = createSecureContext({ minVersion: 'TLSv1.2', ...(ca !== undefined && { ca: [...ca] }) });
  return (plain, options) => {
    const { host, timeouts } = options;
    plain.on('error', () => {}); // the TLS socket above it reports the same error
    const socket = connect({
      socket: plain,
      host,
      // An IP address is not a server name (RFC 6066 section 3); the certificate is checked against `host` all the same.
      servername: net.isIP(host) === 0 ? host : '',
      secureContext,
      rejectUnauthorized: true, // in words: NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment has no say
    });
    const handshake = async (): Promise<void> => {
      await opened(socket, 'secureConnect', timeouts.tls, options);
      if (!socket.authorized) {
        socket.destroy();
        throw socketError('ERR_SMTP_TLS', 'the certificate is not trusted', 'tls', options);
      }
    };
    return { socket, secured: handshake() };
  };
}

/** Waits for a socket to open; when that fails, nothing of it is left. */
function opened(
  socket: net.Socket,
  event: 'connect' | 'secureConnect',
  timeout: number,
  options: SocketOptions,
): Promise<void> {
  const stage = event === 'connect' ? 'connect' : 'tls';
  const code = event === 'connect' ? 'ERR_SMTP_CONNECT' : 'ERR_SMTP_TLS';
  return new Promise((resolve, reject) => {
    const fail = (error: ConnectionError): void => {
      clearTimeout(timer);
      socket.off(event, succeed).off('close', closed); // 'error' stays: a late one must not end the process
      socket.destroy();
      reject(error);
    };
    const succeed = (): void => {
      clearTimeout(timer);
      socket.off('error', failed).off('close', closed);
      resolve();
    };
    const failed = (cause: Error): void =>
      fail(cause instanceof ConnectionError ? cause : socketError(code, reasonOf(cause), stage, options, cause));
    const closed = (): void => fail(socketError(code, reasonOf(null), stage, options));
    const timer = setTimeout(
      () => fail(socketError('ERR_SMTP_TIMEOUT', `no answer within ${timeout} ms`, stage, options)),
      timeout,
    );
    socket.once(event, succeed).on('error', failed).on('close', closed);
  });
}

function socketError(
  code: ErrorCode,
  why: string,
  stage: 'connect' | 'tls',
  { host, port }: SocketOptions,
  cause?: Error,
): ConnectionError {
  return new ConnectionError(code, `${host}:${port}: ${stage}: ${why}`, { stage, ...(cause && { cause }) });
}

/** Node gathers the failures of several addresses in an AggregateError without a message of its own. */
export function reasonOf(cause: Error | null): string {
  if (cause === null) return 'the connection was closed';
  const causes: readonly Error[] = cause instanceof AggregateError ? cause.errors : [cause];
  return printable([...new Set(causes.map((each) => each.message))].join('; '));
}
