// One client's connection: bytes in and out, TLS, and the record of what was said.
import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import type { Conversation } from './conversation.ts';
import { Disconnected, Input } from './input.ts';

// A client that sends faster than the server reads is made to wait.
const HIGH_WATER = 4 * 1024 * 1024;

export class Connection {
  readonly input: Input;
  readonly conversation: Conversation;
  /** Settles when the connection is closed, from whichever side. */
  readonly closed: Promise<void>;
  /** Settles when the client has hung up; this end may be open still. */
  readonly left: Promise<void>;
  readonly #tcp: Socket;
  #socket: Socket;
  #out: Uint8Array[] = [];
  #settleClosed: () => void = () => {};
  #settleLeft: () => void = () => {};

  constructor(socket: Socket, conversation: Conversation) {
    this.#tcp = socket;
    this.#socket = socket;
    this.conversation = conversation;
    this.input = new Input(
      () => this.flush(),
      () => {
        if (this.input.size < HIGH_WATER) this.#socket.resume();
      },
    );
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    this.left = new Promise((resolve) => {
      this.#settleLeft = resolve;
    });
    socket.setNoDelay(true);
    this.#listen(socket);
  }

  get tls(): boolean {
    return this.#socket instanceof TLSSocket;
  }

  get remoteAddress(): string {
    return this.#socket.remoteAddress ?? 'unknown';
  }

  /** Queues a reply; replies to commands that came together go out together (RFC 2920 section 3.2). */
  write(reply: string | Uint8Array): void {
    const bytes = typeof reply === 'string' ? Buffer.from(`${reply.replaceAll('\n', '\r\n')}\r\n`) : reply;
    this.#out.push(bytes);
    const shown = Buffer.from(bytes).toString('utf8').replace(/\r\n$/, '');
    for (const line of shown.split('\r\n')) this.conversation.add('server', line);
  }

  /** Sends a reply byte by byte, this many milliseconds apart. */
  async drip(reply: string | Uint8Array, every: number): Promise<void> {
    this.flush();
    this.write(reply);
    const bytes = Buffer.concat(this.#out);
    this.#out = [];
    this.conversation.sent();
    for (const byte of bytes) {
      if (!this.#socket.writable) return;
      this.#socket.write(Uint8Array.of(byte));
      await this.pause(every);
    }
  }

  flush(): void {
    if (this.#out.length === 0) return;
    const bytes = Buffer.concat(this.#out);
    this.#out = [];
    this.conversation.sent();
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  /** Does the server's half of a TLS handshake. @throws Disconnected when it fails */
  async startTls(secureContext: SecureContext): Promise<void> {
    this.flush();
    const plain = this.#tcp;
    plain.removeAllListeners('data').removeAllListeners('end').removeAllListeners('close').removeAllListeners('error');
    plain.on('error', () => {}); // the TLS socket above it tells
    const socket = new TLSSocket(plain, { isServer: true, secureContext });
    this.#socket = socket;
    this.#listen(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('secure', resolve);
      void this.closed.then(() => reject(new Disconnected()));
    });
    const cipher = socket.getCipher();
    this.conversation.tls = `${socket.getProtocol() ?? 'TLS'}, ${cipher.standardName}`;
    this.conversation.add('note', this.conversation.tls);
  }

  /** Waits `milliseconds`, or less when the connection is closed. What was said before goes out first. */
  async pause(milliseconds: number): Promise<void> {
    this.flush();
    let timer: NodeJS.Timeout | undefined;
    const passed = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, milliseconds);
    });
    await Promise.race([passed, this.closed]);
    clearTimeout(timer);
  }

  /** Sends what is left and closes in order. */
  end(): void {
    this.flush();
    this.#socket.end();
    this.input.end();
  }

  /** Closes with a TCP reset; what was not flushed is lost. */
  reset(): void {
    this.#out = [];
    this.#tcp.resetAndDestroy(); // a TLS socket cannot, only what is under it
    this.#socket.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #listen(socket: Socket): void {
    socket.on('data', (chunk: Buffer) => {
      this.conversation.arrived();
      this.input.push(chunk);
      if (this.input.size >= HIGH_WATER) socket.pause();
    });
    socket.on('end', () => {
      this.input.end();
      this.#settleLeft();
    });
    socket.on('error', (error: Error) => {
      if (this.conversation.open) this.conversation.add('note', `connection lost: ${error.message}`);
    });
    socket.on('close', () => {
      if (socket !== this.#socket) return;
      this.conversation.open = false;
      this.input.end();
      this.#settleLeft();
      this.#settleClosed();
    });
  }
}
