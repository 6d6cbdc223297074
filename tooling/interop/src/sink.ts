// Where the servers hand mail on to: takes everything, keeps it byte for byte. Its clients are servers that say DATA, the
// message, QUIT and the end of their side at once, and still want all their answers.
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { Mailbox } from './mailbox.ts';

/** Something that listens on a port of the loopback. */
export interface Listening extends AsyncDisposable {
  readonly port: number;
}

export interface Sink extends Listening {
  readonly mailbox: Mailbox;
}

export interface SinkOptions {
  readonly mailbox?: Mailbox;
  readonly refuses?: (recipient: string) => boolean;
}

const EXTENSIONS = ['PIPELINING', '8BITMIME', 'SMTPUTF8', 'SIZE 67108864'];

export async function startSink({ mailbox = new Mailbox(), refuses = () => false }: SinkOptions = {}): Promise<Sink> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {}); // a server that hangs up has its reasons; the case sees what is missing
    receive(socket, mailbox, refuses);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    mailbox,
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function receive(socket: net.Socket, mailbox: Mailbox, refuses: (recipient: string) => boolean): void {
  let input: Buffer = Buffer.alloc(0);
  let inMessage = false;
  let from = '';
  let to: string[] = [];
  const say = (line: string): void => void socket.write(`${line}\r\n`);

  const command = (line: string): void => {
    const verb = line.slice(0, 4).toUpperCase();
    const address = /<([^>]*)>/.exec(line)?.[1] ?? '';
    if (verb === 'EHLO')
      say(
        ['sink.interop.example', ...EXTENSIONS]
          .map((each, i) => `250${i < EXTENSIONS.length ? '-' : ' '}${each}`)
          .join('\r\n'),
      );
    else if (verb === 'MAIL') {
      from = address;
      to = [];
      say('250 2.1.0 ok');
    } else if (verb === 'RCPT') {
      if (refuses(address)) say('550 5.1.1 no such user');
      else {
        to.push(address);
        say('250 2.1.5 ok');
      }
    } else if (verb === 'DATA') {
      inMessage = to.length > 0;
      say(inMessage ? '354 go ahead' : '554 5.5.1 no valid recipients');
    } else if (verb === 'QUIT') {
      say('221 2.0.0 bye');
      socket.end();
    } else say(/^(?:RSET|NOOP|HELO)/.test(verb) ? '250 2.0.0 ok' : '502 5.5.1 not here');
  };

  /** Takes one command or one message off the input; `false` when there is no whole one. */
  const step = (): boolean => {
    const [mark, skip] = inMessage ? ['\r\n.\r\n', 2] : ['\r\n', 0];
    const end = inMessage && input.subarray(0, 3).equals(Buffer.from('.\r\n')) ? -2 : input.indexOf(mark);
    if (end === -1) return false;
    const piece = input.subarray(0, Math.max(0, end + skip));
    input = input.subarray(end + mark.length);
    if (inMessage) {
      inMessage = false;
      mailbox.add({ from, to, raw: Buffer.from(piece.toString('latin1').replace(/^\./gm, ''), 'latin1') });
      say('250 2.0.0 kept');
    } else command(piece.toString());
    return true;
  };

  say('220 sink.interop.example ESMTP');
  socket.on('data', (chunk: Buffer) => {
    input = Buffer.concat([input, chunk]);
    while (step());
  });
  socket.on('end', () => socket.end());
}
