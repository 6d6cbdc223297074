// A mail server with a temper: it follows the rules (RFC 5321, 2920, 3030) but for the commands it was told to fail at,
// counted over all its connections. It shares no code with the client.
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';

/** A reply, or: hang up in order, hang up at once, fall silent, take its time; `lost`: do it and hang up before saying so. */
export type Fault = `${4 | 5}${string}` | 'end' | 'reset' | 'silence' | 'slow' | 'lost';

/** Milliseconds. */
const SLOW = 15;

/** A message the server took charge of. */
interface Stored {
  readonly from: string;
  readonly to: readonly string[];
  readonly content: string;
}

export interface FitfulServer extends AsyncDisposable {
  readonly port: number;
  readonly stored: readonly Stored[];
  /** Connections at this moment, and the most there ever were, those that say goodbye among them. */
  open: number;
  most: number;
  /** From now on nothing fails. */
  calm(): void;
  /** Hangs up on everybody. */
  disconnectAll(): void;
}

export interface Temper {
  /** By the number of the command. */
  readonly faults: ReadonlyMap<number, Fault>;
  readonly extensions: readonly string[];
  /** It takes its time over each QUIT. */
  readonly slowGoodbye: boolean;
}

export async function startFitfulServer({ faults, extensions, slowGoodbye }: Temper): Promise<FitfulServer> {
  const stored: Stored[] = [];
  const sockets = new Set<net.Socket>();
  let commands = 0;
  let fitful = true;
  const nextFault = (): Fault | undefined => (fitful ? faults.get(commands++) : undefined);
  const server = net.createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    result.open = sockets.size;
    const leave = (): void => {
      sockets.delete(socket);
      result.open = sockets.size;
    };
    socket
      .on('error', () => {})
      .on('end', leave)
      .on('close', leave); // its side of the story is what is looked at
    // Counted when it is greeted: by then the end of those that the client closed before has come as well.
    const counted = (): void => {
      result.most = Math.max(result.most, sockets.size);
    };
    converse(socket, { counted, leave, nextFault, extensions, slowGoodbye, stored });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const result: FitfulServer = {
    port: (server.address() as AddressInfo).port,
    stored,
    open: 0,
    most: 0,
    calm() {
      fitful = false;
    },
    disconnectAll() {
      for (const socket of sockets) socket.end();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return result;
}

interface Context {
  readonly counted: () => void;
  readonly leave: () => void;
  readonly nextFault: () => Fault | undefined;
  readonly extensions: readonly string[];
  readonly slowGoodbye: boolean;
  readonly stored: Stored[];
}

function converse(socket: net.Socket, { counted, leave, nextFault, extensions, slowGoodbye, stored }: Context): void {
  let input = '';
  let from: string | undefined;
  let to: string[] = [];
  /** Reads a message: up to the final dot, or so many bytes. */
  let body: 'data' | number | undefined;
  let gone = false;
  let busy = false;

  const hangUp = (how: 'end' | 'reset'): void => {
    gone = true;
    if (how === 'end') socket.end();
    else socket.resetAndDestroy();
    leave();
  };
  /** Does what was asked and says so, unless there is to be a fault. */
  const answer = (good: string, act?: () => void): void => {
    const fault = nextFault() ?? (slowGoodbye && good.startsWith('221') ? 'slow' : undefined);
    if (fault === undefined || fault === 'lost' || fault === 'slow') act?.();
    if (fault === 'silence') gone = true;
    else if (fault === 'slow') {
      busy = true;
      setTimeout(() => {
        busy = false;
        if (!gone) socket.write(`${good}\r\n`);
        if (good.startsWith('221')) hangUp('end');
        read();
      }, SLOW);
    } else if (fault === 'lost') hangUp('end');
    else if (fault === 'end' || fault === 'reset') hangUp(fault);
    else {
      socket.write(`${fault ?? good}\r\n`);
      if (/^(?:221|421)/.test(fault ?? good)) hangUp('end');
    }
  };
  const reset = (): void => {
    from = undefined;
    to = [];
  };
  const finish = (content: string): void => {
    body = undefined;
    if (from === undefined || to.length === 0) socket.write('503 5.5.1 no recipients\r\n');
    else {
      const message = { from, to, content };
      answer('250 2.0.0 OK <id@fitful> queued', () => stored.push(message));
    }
    reset();
  };
  const command = (line: string): void => {
    const verb = line.slice(0, 4).toUpperCase();
    const address = /<(.*)>/.exec(line)?.[1] ?? '';
    if (verb === 'EHLO') counted();
    if (verb === 'EHLO')
      answer(['250-fitful', ...extensions.map((each) => `250-${each}`), '250 AUTH XOAUTH2'].join('\r\n'));
    else if (verb === 'AUTH') answer('235 2.7.0 welcome');
    else if (verb === 'MAIL') {
      if (from !== undefined) socket.write('503 5.5.1 nested MAIL\r\n');
      else answer('250 2.1.0 sender ok', () => (from = address));
    } else if (verb === 'RCPT') {
      if (from === undefined) socket.write('503 5.5.1 no sender\r\n');
      else answer('250 2.1.5 recipient ok', () => to.push(address));
    } else if (verb === 'DATA') {
      if (to.length === 0) socket.write('503 5.5.1 no recipients\r\n');
      else answer('354 go ahead', () => (body = 'data'));
    } else if (verb === 'BDAT') body = Number(/\d+/.exec(line)?.[0]);
    else if (verb === 'RSET') answer('250 2.0.0 flushed', reset);
    else if (verb === 'QUIT') answer('221 2.0.0 bye');
    else socket.write('500 5.5.1 unknown command\r\n');
  };

  socket.setEncoding('latin1');
  const read = (): void => {
    while (!gone && !busy) {
      if (body === 'data') {
        const end = input.startsWith('.\r\n') ? 3 : input.indexOf('\r\n.\r\n') + 5;
        if (end === 4) return;
        const content = input.slice(0, end);
        input = input.slice(end);
        finish(content);
      } else if (body !== undefined) {
        if (input.length < body) return;
        const content = input.slice(0, body);
        input = input.slice(body);
        finish(content);
      } else {
        const end = input.indexOf('\r\n');
        if (end < 0) return;
        const line = input.slice(0, end);
        input = input.slice(end + 2);
        command(line);
      }
    }
  };
  socket.on('data', (chunk: string) => {
    input += chunk;
    read();
  });
  answer('220 fitful.example ready');
}
