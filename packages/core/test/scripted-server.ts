// An SMTP server that does what a test tells it at each step, right or wrong, and remembers every byte it was sent.
// It shares no code with the client under test.
import net, { type AddressInfo } from 'node:net';
import tls from 'node:tls';
import type { ServerCertificate } from './certificates.ts';

/** What to do at one step: a text is said with CRLF behind it, a function does as it likes. */
export type Part = string | ((peer: Peer, line: string) => unknown);

/** The steps of a session. Missing ones are played as a well-behaved server would. */
export interface Conversation {
  readonly greeting: Part;
  /** EHLO before TLS, where TLS comes by STARTTLS. */
  readonly ehlo: Part;
  readonly starttls: Part;
  /** After a 220 to STARTTLS; the default does the handshake. */
  readonly handshake: Part;
  /** EHLO when it is time to log in. */
  readonly secureEhlo: Part;
  readonly auth: Part;
  /** A line after a 334. */
  readonly response: Part;
  readonly mail: Part;
  readonly rcpt: Part;
  readonly data: Part;
  /** The end of a message has arrived. */
  readonly message: Part;
  readonly rset: Part;
  readonly quit: Part;
  readonly other: Part;
}

/** A message whose end arrived. */
export interface SeenMessage {
  readonly from: string;
  readonly to: readonly string[];
  /** As on the wire, dots still doubled, without the final dot. */
  readonly wire: Buffer;
}

const WELL_BEHAVED: Conversation = {
  greeting: '220 peer.example ESMTP ready',
  ehlo: '250-peer.example hello\r\n250-SIZE 50000000\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 STARTTLS',
  starttls: '220 2.0.0 go ahead',
  handshake: (peer) => peer.secure(),
  secureEhlo: '250-peer.example hello\r\n250-SIZE 50000000\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 AUTH XOAUTH2',
  auth: '235 2.7.0 welcome',
  response: '235 2.7.0 welcome',
  mail: '250 2.1.0 sender ok',
  rcpt: '250 2.1.5 recipient ok',
  data: '354 go ahead',
  message: '250 2.0.0 OK <id-1> queued',
  rset: '250 2.0.0 flushed',
  quit: async (peer) => {
    await peer.say('221 2.0.0 bye');
    peer.end();
  },
  other: '500 5.5.1 unknown command',
};

/** One connection, as the server has it. */
export class Peer {
  /** Everything received before TLS, the TLS handshake excluded. */
  readonly clear: Buffer[] = [];
  /** Everything received inside TLS. */
  readonly sealed: Buffer[] = [];
  /** The lines among it, message content excluded. */
  readonly lines: string[] = [];
  /** How many lines of complete replies were said. */
  linesSaid = 0;
  /** It will say and do nothing more. */
  stalled = false;
  readonly closed: Promise<void>;
  readonly #server: ScriptedServer;
  readonly #raw: net.Socket;
  #socket: net.Socket;
  #buffer = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  #gone = false;
  #lastLine = '';
  #halfLine = '';
  #unfinished = 0;

  constructor(server: ScriptedServer, socket: net.Socket) {
    this.#server = server;
    this.#raw = socket;
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    void this.closed.then(() => this.#leave());
    if (server.implicitTls) this.secure();
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
      this.#unfinished = 0;
    }
    await new Promise<void>((resolve) => {
      if (this.#gone || this.#socket.writableEnded || this.#socket.destroyed) resolve();
      else this.#socket.write(bytes, () => resolve());
    });
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

  /** Starts TLS, as a server does after its 220; says nothing of how that ends: the client will. */
  secure(certificate: ServerCertificate = this.#server.certificate): void {
    this.#raw.removeAllListeners('data');
    const secured = new tls.TLSSocket(this.#raw, {
      isServer: true,
      secureContext: tls.createSecureContext(certificate),
    });
    this.#socket = secured;
    this.#listen(secured);
  }

  /** Says and does nothing more; see `stalled`. */
  async stall(): Promise<void> {
    this.stalled = true;
    await this.closed;
  }

  /** Takes no more bytes from the network: the client's window fills up. */
  async stopReading(): Promise<void> {
    this.#raw.pause();
    this.#socket.pause();
    await this.stall();
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
      (this.secured ? this.sealed : this.clear).push(chunk);
      this.#buffer = Buffer.concat([this.#buffer, chunk]);
      this.#wake?.();
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

export interface ScriptedServerOptions {
  readonly certificate: ServerCertificate;
  /** When TLS starts. Default: by STARTTLS. */
  readonly tls?: 'starttls' | 'implicit' | 'none';
}

export class ScriptedServer implements AsyncDisposable {
  certificate: ServerCertificate;
  readonly implicitTls: boolean;
  /** Connections since the last `script()`. */
  peers: Peer[] = [];
  /** Messages whose end arrived since then. */
  messages: SeenMessage[] = [];
  #parts: (connection: number) => Partial<Conversation> = () => ({});
  readonly #asksStartTls: boolean;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();

  private constructor({ certificate, tls: start = 'starttls' }: ScriptedServerOptions) {
    this.certificate = certificate;
    this.implicitTls = start === 'implicit';
    this.#asksStartTls = start === 'starttls';
    this.#server = net.createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      const peer = new Peer(this, socket);
      this.peers.push(peer);
      void this.#converse(peer, this.peers.length - 1);
    });
  }

  static async start(options: ScriptedServerOptions): Promise<ScriptedServer> {
    const server = new ScriptedServer(options);
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What to do from now on, on each connection; forgets what was. */
  script(parts: Partial<Conversation> | ((connection: number) => Partial<Conversation>)): void {
    this.#parts = typeof parts === 'function' ? parts : () => parts;
    this.peers = [];
    this.messages = [];
  }

  /** When the client has let go of every connection. */
  async released(): Promise<void> {
    await Promise.all(this.peers.map((peer) => peer.closed));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #converse(peer: Peer, connection: number): Promise<void> {
    const parts: Conversation = { ...WELL_BEHAVED, ...this.#parts(connection) };
    const play = async (part: Part, line = ''): Promise<void> => {
      await (typeof part === 'string' ? peer.say(part) : part(peer, line));
    };
    let from = '';
    let to: string[] = [];
    await play(parts.greeting);
    for (let line = await peer.line(); line !== undefined; line = await peer.line()) {
      const verb = /^[A-Za-z]*/.exec(line)?.[0].toUpperCase() ?? '';
      if (peer.lastCode === '334') await play(parts.response, line);
      else if (verb === 'EHLO') {
        await play(this.#asksStartTls && !peer.secured ? parts.ehlo : parts.secureEhlo, line);
      } else if (verb === 'STARTTLS') {
        await play(parts.starttls, line);
        if (peer.lastCode === '220') await play(parts.handshake, line);
      } else if (verb === 'AUTH') await play(parts.auth, line);
      else if (verb === 'MAIL') {
        from = /<(.*)>/.exec(line)?.[1] ?? '';
        to = [];
        await play(parts.mail, line);
      } else if (verb === 'RCPT') {
        await play(parts.rcpt, line);
        if (peer.lastCode.startsWith('2')) to.push(/<(.*)>/.exec(line)?.[1] ?? '');
      } else if (verb === 'DATA') {
        await play(parts.data, line);
        if (peer.lastCode !== '354') continue;
        const wire = await peer.content();
        if (wire === undefined) return;
        this.messages.push({ from, to, wire });
        await play(parts.message, line);
      } else if (verb === 'RSET') await play(parts.rset, line);
      else if (verb === 'QUIT') await play(parts.quit, line);
      else await play(parts.other, line);
    }
    peer.end();
  }
}
