// One connection of a scripted server: what can be said and done on it, rightly or wrongly, and what came in.
import type net from 'node:net';
import tls from 'node:tls';
import type { ServerCertificate } from './certificates.ts';

export interface PeerOptions {
  readonly certificate: () => ServerCertificate;
  /** TLS from the first byte. */
  readonly implicitTls: boolean;
}

export class Peer {
  /** Everything received before TLS, the TLS handshake excluded. */
  readonly clear: Buffer[] = [];
  /** Everything received inside TLS. */
  readonly sealed: Buffer[] = [];
  /** The lines among it, message content excluded. */
  readonly lines: string[] = [];
  /** How many lines of complete replies were said. */
  linesSaid = 0;
  /** The codes of these replies. */
  readonly codes: string[] = [];
  /** It will say and do nothing more. */
  stalled = false;
  readonly closed: Promise<void>;
  readonly #certificate: () => ServerCertificate;
  readonly #raw: net.Socket;
  #socket: net.Socket;
  #buffer = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  #gone = false;
  #lastLine = '';
  #halfLine = '';
  #leftToSay = Infinity;
  #leftToHear = Infinity;
  #hangUp: () => void = () => {};
  #unfinished = 0;

  constructor(socket: net.Socket, { certificate, implicitTls }: PeerOptions) {
    this.#certificate = certificate;
    this.#raw = socket;
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    void this.closed.then(() => this.#leave());
    if (implicitTls) this.secure();
    else this.#listen(socket);
  }

  get secured(): boolean {
    return this.#socket instanceof tls.TLSSocket;
  }

  /** The code of the last line said. */
  get lastCode(): string {
    return this.#lastLine.slice(0, 3);
  }

  /** Nothing more will come from the client. */
  get gone(): boolean {
    return this.#gone;
  }

  /** Everything received, in clear and inside TLS. */
  get received(): Buffer {
    return Buffer.concat([...this.clear, ...this.sealed]);
  }

  /** Says lines, CRLF behind each text. */
  async say(...texts: readonly string[]): Promise<void> {
    await this.write(texts.map((text) => `${text}\r\n`).join(''));
  }

  /** Writes bytes as they are; resolves when they are out, or will never be. */
  async write(bytes: string | Uint8Array): Promise<void> {
    const text = typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('latin1');
    const lines = (this.#halfLine + text).split('\n');
    this.#halfLine = lines.pop() ?? '';
    this.#lastLine = lines.at(-1) ?? this.#lastLine;
    for (const line of lines) {
      this.#unfinished += 1;
      if (/^\d{3}-/.test(line)) continue;
      this.linesSaid += this.#unfinished;
      this.codes.push(line.slice(0, 3));
      this.#unfinished = 0;
    }
    const said = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
    const part = said.subarray(0, this.#leftToSay);
    this.#leftToSay -= part.length;
    await new Promise<void>((resolve) => {
      if (this.#gone || this.#socket.writableEnded || this.#socket.destroyed) resolve();
      else this.#socket.write(part, () => resolve());
    });
    if (this.#leftToSay === 0) this.#hangUp();
  }

  /** Writes bytes past TLS, as somebody on the way may. */
  writePastTls(bytes: string | Uint8Array): void {
    this.#raw.write(bytes);
  }

  /** From here on: the connection ends when this many more bytes were said or heard, in order or by a reset. */
  cutAfter({ said = Infinity, heard = Infinity, how }: { said?: number; heard?: number; how: 'end' | 'reset' }): void {
    this.#leftToSay = said;
    this.#leftToHear = heard;
    this.#hangUp = () => {
      this.#leave();
      if (how === 'end') this.end();
      else this.reset();
    };
    if (said === 0 || heard === 0) this.#hangUp();
  }

  /** Writes a byte at a time, each in a segment of its own. */
  async drip(text: string): Promise<void> {
    for (const byte of Buffer.from(text)) {
      if (this.#gone) return;
      await this.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** The next line without its CRLF; `undefined` when there will be none. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#buffer.indexOf('\n');
      if (end >= 0) {
        const line = this.#buffer.subarray(0, end).toString().replace(/\r$/, '');
        this.#buffer = this.#buffer.subarray(end + 1);
        this.lines.push(line);
        return line;
      }
      if (this.#gone) return undefined;
      await this.#more();
    }
  }

  /** Whatever comes next. */
  async chunk(): Promise<Buffer> {
    if (this.#buffer.length === 0 && !this.#gone) await this.#more();
    const chunk = this.#buffer;
    this.#buffer = Buffer.alloc(0);
    return chunk;
  }

  /** Everything up to the final dot; `undefined` when that never comes. */
  async content(): Promise<Buffer | undefined> {
    let from = 0;
    for (;;) {
      if (this.#buffer.subarray(0, 3).toString() === '.\r\n') return this.#takeContent(0, 3);
      const end = this.#buffer.indexOf('\r\n.\r\n', from);
      if (end >= 0) return this.#takeContent(end + 2, end + 5);
      if (this.#gone) return undefined;
      from = Math.max(0, this.#buffer.length - 4);
      await this.#more();
    }
  }

  /** So many bytes; `undefined` when they never come. */
  async bytes(count: number): Promise<Buffer | undefined> {
    while (this.#buffer.length < count) {
      if (this.#gone) return undefined;
      await this.#more();
    }
    return this.#takeContent(count, count);
  }

  /** Starts TLS, as a server does after its 220; says nothing of how that ends: the client will. */
  secure(options: tls.SecureContextOptions = this.#certificate()): void {
    this.#raw.removeAllListeners('data');
    const secured = new tls.TLSSocket(this.#raw, {
      isServer: true,
      secureContext: tls.createSecureContext(options),
    });
    this.#socket = secured;
    this.#listen(secured);
  }

  /** Says and does nothing more; see `stalled`. */
  async stall(): Promise<void> {
    this.stalled = true;
    await this.closed;
  }

  /** Drips a line without end, and says nothing else. */
  async stallDripping(text: string): Promise<void> {
    void this.stall();
    await this.drip(text + 'x'.repeat(60_000));
  }

  /** Takes no more bytes from the network: the client's window fills up. */
  async stopReading(): Promise<void> {
    this.#socket.pause();
    await this.stall();
  }

  /** Takes so many bytes more, then none. */
  async take(count: number): Promise<void> {
    const enough = this.#buffer.length + count;
    this.#socket.resume();
    while (this.#buffer.length < enough && !this.#gone) await this.#more();
    this.#socket.pause();
  }

  /** Takes what there is again, if only to notice that the client has gone. */
  resume(): void {
    this.#socket.resume();
  }

  /** Closes in order (FIN). */
  end(): void {
    this.#socket.end();
  }

  /** Resets the connection (RST). */
  reset(): void {
    this.#raw.resetAndDestroy();
  }

  #listen(socket: net.Socket): void {
    // What clients do to us is theirs to explain; what we still had to say nobody hears.
    const gone = (): void => {
      this.#leave();
      socket.destroy();
    };
    socket.on('error', gone).on('end', gone);
    socket.on('data', (chunk: Buffer) => {
      const part = chunk.subarray(0, this.#leftToHear);
      this.#leftToHear -= part.length;
      (this.secured ? this.sealed : this.clear).push(part);
      this.#buffer = Buffer.concat([this.#buffer, part]);
      this.#wake?.();
      if (this.#leftToHear === 0) this.#hangUp();
    });
  }

  #leave(): void {
    this.#gone = true;
    this.#wake?.();
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #takeContent(end: number, next: number): Buffer {
    const content = this.#buffer.subarray(0, end);
    this.#buffer = this.#buffer.subarray(next);
    return content;
  }
}
