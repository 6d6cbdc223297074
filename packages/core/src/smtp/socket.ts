// Opening the way: TCP, then TLS. Each ends in an open socket or in a typed error with nothing left behind.
import net from 'node:net';
import tls from 'node:tls';
import { ConnectionError, type ErrorCode, abortError } from '../errors.ts';
import { printable } from '../redact.ts';

export interface SocketOptions {
  readonly host: string;
  readonly port: number;
  readonly secureContext: tls.SecureContext;
  readonly timeouts: { readonly connect: number; readonly tls: number };
}

/** TLS 1.2 or later, and whom to trust: Node's certificate authorities and `ca`. */
export function trusting(ca: readonly (string | Buffer)[] | undefined): tls.SecureContext {
  return tls.createSecureContext({ minVersion: 'TLSv1.2', ...(ca !== undefined && { ca: [...ca] }) });
}

/** Looks the name up and connects, to whichever of its addresses answers. */
export async function connectTcp(options: SocketOptions, signal?: AbortSignal): Promise<net.Socket> {
  if (signal?.aborted === true) throw abortError(signal, 'connect');
  const { host, port, timeouts } = options;
  const socket = net.connect({ host, port, noDelay: true });
  const abort = (): void => void socket.destroy(abortError(signal, 'connect'));
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await opened(socket, 'connect', timeouts.connect, options);
    return socket;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** Wraps a socket in TLS. The certificate is verified against `host`, whatever the environment says. */
export function startTls(plain: net.Socket, options: SocketOptions): { socket: tls.TLSSocket; secured: Promise<void> } {
  const { host, secureContext, timeouts } = options;
  plain.on('error', () => {}); // the TLS socket above it reports the same error
  const socket = tls.connect({
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
    const closed = (): void => fail(socketError(code, 'the connection was closed', stage, options));
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
export function reasonOf(cause: Error): string {
  const causes: readonly Error[] = cause instanceof AggregateError ? cause.errors : [cause];
  return printable([...new Set(causes.map((each) => each.message))].join('; '));
}
