// The local socket of a worker with an embedded store: what other processes of the same user ask of the outbox.
import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { dirname } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { ProcessError } from './process-error.ts';
import { decode, encode } from './wire-json.ts';

/** What can be called over the socket, by name. */
export type ControlMethods = Readonly<Record<string, (...args: never[]) => Promise<unknown>>>;

export interface ControlServer {
  readonly path: string;
  /** Answers what is being asked, within 5 s; takes nothing new. */
  close(): Promise<void>;
}

/** Bytes of a request: a full batch of mails with attachments. */
const LARGEST = 256 * 1024 * 1024;

/** Milliseconds for what is being asked at the end. */
const LONGEST_CLOSING = 5_000;

/** The longest path a socket can have is 107 bytes on Linux, 103 on macOS. */
const LONGEST_PATH = 103;

/** Where the worker of a store listens: a file in the store's own directory, which belongs to its user alone. */
export function socketPathOf(dir: string, platform: string = process.platform): string {
  if (platform === 'win32') return `\\\\.\\pipe\\mailgrant-${Buffer.from(dir).toString('base64url').slice(-60)}`;
  return `${dir}/worker.sock`;
}

/**
 * Listens on the socket. The caller holds the store's lock, so that a file left behind by a process that was killed is
 * nobody's.
 * @throws ProcessError `ERR_WORKER_SOCKET`
 */
export async function listenForControl(path: string, methods: ControlMethods): Promise<ControlServer> {
  const isFile = !path.startsWith('\\\\');
  if (isFile && Buffer.byteLength(path) > LONGEST_PATH) {
    throw new ProcessError(
      'ERR_WORKER_SOCKET',
      `The socket ${path} cannot be opened: paths of sockets have ${LONGEST_PATH} bytes at most. Give another path as \`socket\` in the configuration.`,
    );
  }
  if (isFile) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === false) {
      throw new ProcessError(
        'ERR_WORKER_SOCKET',
        `The socket ${path} cannot be opened: a file that is no socket is there. Give another path as \`socket\` in the configuration.`,
      );
    }
    rmSync(path, { force: true });
  }
  const server = createServer((request, response) => void answer(methods, request, response));
  server.headersTimeout = 5000;
  await new Promise<void>((resolve, reject) => {
    const failed = (cause: Error): void => {
      reject(new ProcessError('ERR_WORKER_SOCKET', `The socket ${path} cannot be opened: ${cause.message}`, { cause }));
    };
    // Nobody else may open it, not even for a moment. Threads cannot change what the process creates.
    const umask = isFile && isMainThread ? process.umask(0o177) : undefined;
    server.once('error', failed).listen(path, () => {
      server.off('error', failed);
      resolve();
    });
    if (umask !== undefined) process.umask(umask);
  });
  if (isFile) chmodSync(path, 0o600);
  return {
    path,
    close: () =>
      new Promise((resolve) => {
        // Whoever stopped in the middle of a request would never be done.
        const late = setTimeout(() => server.closeAllConnections(), LONGEST_CLOSING);
        server.close(() => {
          clearTimeout(late);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

async function answer(methods: ControlMethods, request: IncomingMessage, response: ServerResponse): Promise<void> {
  let status = 200;
  let body: unknown;
  try {
    const { method, args } = readCall(await readBody(request));
    const call = Object.hasOwn(methods, method) ? methods[method] : undefined;
    if (call === undefined) throw new ProcessError('ERR_WORKER_REFUSED', `This worker does not know "${method}".`);
    body = { result: await call(...(args as never[])) };
  } catch (error) {
    status = 500;
    body = { error: described(error) };
  }
  const text = encode(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of request as AsyncIterable<Uint8Array>) {
    size += piece.length;
    if (size > LARGEST) throw new ProcessError('ERR_WORKER_REFUSED', `More than ${LARGEST} bytes at once.`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

function readCall(text: string): { readonly method: string; readonly args: readonly unknown[] } {
  const call = decode(text);
  if (typeof call === 'object' && call !== null && 'method' in call && 'args' in call) {
    const { method, args } = call;
    if (typeof method === 'string' && Array.isArray(args)) return { method, args };
  }
  throw new ProcessError('ERR_WORKER_REFUSED', 'This is no call.');
}

function described(error: unknown): {
  readonly name: string;
  readonly code: string | undefined;
  readonly message: string;
} {
  if (!(error instanceof Error)) return { name: 'Error', code: undefined, message: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return { name: error.name, code, message: error.message };
}
