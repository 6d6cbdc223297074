// An SMTP server that does what a test tells it at each step, right or wrong, and remembers every byte it was sent.
// It shares no code with the client under test.
import net, { type AddressInfo } from 'node:net';
import type { ServerCertificate } from './certificates.ts';
import { Peer } from './scripted-peer.ts';

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
  /** A chunk that is not the last has arrived. */
  readonly chunk: Part;
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
  /** The server said that it took it. */
  accepted: boolean;
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
  chunk: '250 2.0.0 chunk ok',
  message: '250 2.0.0 OK <id-1> queued',
  rset: '250 2.0.0 flushed',
  quit: async (peer) => {
    await peer.say('221 2.0.0 bye');
    peer.end();
  },
  other: '500 5.5.1 unknown command',
};

export interface ScriptedServerOptions {
  readonly certificate: ServerCertificate;
  /** When TLS starts. Default: by STARTTLS. */
  readonly tls?: 'starttls' | 'implicit' | 'none';
}

export class ScriptedServer implements AsyncDisposable {
  certificate: ServerCertificate;
  readonly implicitTls: boolean;
  /** Without TLS, as servers on this machine may be. */
  readonly inClear: boolean;
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
    this.inClear = start === 'none';
    this.#asksStartTls = start === 'starttls';
    this.#server = net.createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      const peer = new Peer(socket, { certificate: () => this.certificate, implicitTls: this.implicitTls });
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
    const { messages } = this; // those of this script, however late they come
    let from = '';
    let to: string[] = [];
    const chunks: Buffer[] = [];
    const end = async (wire: Buffer, line: string): Promise<void> => {
      const message = { from, to, wire, accepted: false };
      messages.push(message);
      const replies = peer.codes.length;
      await play(parts.message, line);
      message.accepted = peer.codes[replies]?.startsWith('2') === true;
    };
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
        await end(wire, line);
      } else if (verb === 'BDAT') {
        const chunk = await peer.bytes(Number(/\d+/.exec(line)?.[0]));
        if (chunk === undefined) return;
        chunks.push(chunk);
        if (line.endsWith(' LAST')) await end(Buffer.concat(chunks.splice(0)), line);
        else await play(parts.chunk, line);
      } else if (verb === 'RSET') await play(parts.rset, line);
      else if (verb === 'QUIT') await play(parts.quit, line);
      else await play(parts.other, line);
    }
    peer.end();
  }
}
