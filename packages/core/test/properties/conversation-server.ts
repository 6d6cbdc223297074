// A mail server that follows a plan, and the rules (RFC 5321, 2920, 3030): for conversations over real sockets. What it says
// goes out in pieces of any size, and may end at any byte. It shares no code with the client.
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';

export interface MessagePlan {
  /** For each recipient: is it taken? */
  readonly recipients: readonly boolean[];
  /** Is the message? */
  readonly taken: boolean;
}

export interface ServerPlan {
  readonly messages: readonly MessagePlan[];
  readonly extensions: readonly string[];
  /** Sizes of the pieces that replies go out in, over and over. */
  readonly pieces: readonly number[];
  /** The first connection ends when so many bytes were said after its login. */
  readonly cut?: { readonly after: number; readonly how: 'end' | 'reset' } | undefined;
}

/** A message the server took charge of. */
interface Stored {
  readonly from: string;
  readonly to: readonly string[];
  readonly content: string;
}

export interface ConversationServer extends AsyncDisposable {
  readonly port: number;
  readonly stored: readonly Stored[];
  /** Commands that came where the rules do not allow them. */
  readonly breaches: readonly string[];
  connections: number;
}

export async function startConversationServer(plan: ServerPlan): Promise<ConversationServer> {
  const stored: Stored[] = [];
  const breaches: string[] = [];
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ noDelay: true }, (socket) => {
    result.connections += 1;
    sockets.add(socket);
    socket.on('error', () => {}); // the client's side of the story is what is looked at
    socket.on('close', () => sockets.delete(socket));
    converse(socket, plan, result.connections === 1 ? plan.cut : undefined, stored, breaches);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const result: ConversationServer = {
    port: (server.address() as AddressInfo).port,
    stored,
    breaches,
    connections: 0,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return result;
}

function converse(
  socket: net.Socket,
  { messages, extensions, pieces }: ServerPlan,
  cut: ServerPlan['cut'],
  stored: Stored[],
  breaches: string[],
): void {
  const say = speaker(socket, pieces);
  let input: Buffer = Buffer.alloc(0);
  let loggedIn = false;
  let opened: MessagePlan | undefined;
  let from = '';
  let to: string[] = [];
  let chunks: Buffer[] = [];
  let inData = false;
  /** Bytes of a chunk that are still to come, and whether it is the last. */
  let chunk: { left: number; last: boolean } | undefined;
  let failed = false;

  const reset = (): void => {
    opened = undefined;
    to = [];
    chunks = [];
    failed = false;
  };
  const finish = (content: Buffer): void => {
    if (opened?.taken === true) {
      stored.push({ from, to, content: content.toString() });
      say('250 2.0.0 OK id=stored');
    } else say('554 5.6.0 not this message');
    reset();
  };

  const command = (line: string): void => {
    const verb = /^[A-Za-z]*/.exec(line)?.[0].toUpperCase() ?? '';
    const path = /<([^>]*)>/.exec(line)?.[1] ?? '';
    switch (verb) {
      case 'EHLO':
        say(...['server.example', ...extensions, 'AUTH XOAUTH2'].map((each) => `250-${each}`), '250 8BITMIME');
        break;
      case 'AUTH':
        loggedIn = true;
        if (cut !== undefined) say.end(cut);
        say('235 2.7.0 in');
        break;
      case 'MAIL':
        if (!loggedIn || opened !== undefined) breaches.push(line);
        from = path;
        opened = messages[Number(/^m(\d+)@/.exec(path)?.[1])];
        say('250 2.1.0 ok');
        break;
      case 'RCPT': {
        const taken = opened?.recipients[Number(/^r(\d+)\./.exec(path)?.[1])] === true;
        if (opened === undefined) breaches.push(line);
        if (taken) to.push(path);
        say(taken ? '250 2.1.5 ok' : '550 5.1.1 no such user');
        break;
      }
      case 'DATA':
        if (chunks.length > 0) breaches.push(line);
        if (to.length === 0) say('503 5.5.1 no valid recipients');
        else {
          inData = true;
          say('354 go ahead');
        }
        break;
      case 'BDAT': {
        const [, size = '0', last] = /^BDAT (\d+)( LAST)?$/.exec(line) ?? [];
        chunk = { left: Number(size), last: last !== undefined };
        break;
      }
      case 'RSET':
        reset();
        say('250 2.0.0 ok');
        break;
      case 'QUIT':
        say('221 2.0.0 bye');
        break;
      default:
        breaches.push(line);
        say('500 5.5.2 what?');
    }
  };

  /** Takes one thing off the input; `false` when there is no whole one. */
  const step = (): boolean => {
    if (chunk !== undefined) {
      if (input.length < chunk.left) return false;
      const { left, last } = chunk;
      chunk = undefined;
      const part = input.subarray(0, left);
      input = input.subarray(left);
      // RFC 3030 section 2: swallow what was sent, refuse it, and what follows it, too.
      if (to.length === 0) failed = true;
      if (failed) say('503 5.5.1 no valid recipients');
      else if (last) finish(Buffer.concat([...chunks, part]));
      else {
        chunks.push(part);
        say('250 2.0.0 more');
      }
      return true;
    }
    if (inData) {
      const empty = input.subarray(0, 3).toString() === '.\r\n';
      const end = empty ? 0 : input.indexOf('\r\n.\r\n');
      if (end === -1) return false;
      const content = input.subarray(0, empty ? 0 : end + 2);
      input = input.subarray(empty ? 3 : end + 5);
      inData = false;
      finish(Buffer.from(content.toString('latin1').replace(/^\./gm, ''), 'latin1'));
      return true;
    }
    const end = input.indexOf('\r\n');
    if (end === -1) return false;
    const line = input.subarray(0, end).toString();
    input = input.subarray(end + 2);
    command(line);
    return true;
  };

  say('220 server.example ESMTP');
  socket.on('data', (bytes: Buffer) => {
    input = Buffer.concat([input, bytes]);
    while (step());
  });
}

interface Speaker {
  (...lines: readonly string[]): void;
  /** From now on: so many bytes more, then the connection ends. */
  end(cut: NonNullable<ServerPlan['cut']>): void;
}

/** Says lines in pieces, each in a turn of its own. */
function speaker(socket: net.Socket, pieces: readonly number[]): Speaker {
  let waiting = '';
  let busy = false;
  let next = 0;
  let left = Infinity;
  let how: 'end' | 'reset' = 'end';
  const go = (): void => {
    const size = pieces[next++ % pieces.length] ?? 1;
    const piece = waiting.slice(0, Math.min(size, left));
    waiting = waiting.slice(piece.length);
    left -= piece.length;
    socket.write(piece);
    if (left <= 0) {
      waiting = '';
      if (how === 'end') socket.end();
      else socket.resetAndDestroy();
    }
    busy = waiting !== '' && !socket.destroyed;
    if (busy) setImmediate(go);
  };
  const say = (...lines: readonly string[]): void => {
    if (left <= 0) return;
    waiting += lines.map((line) => `${line}\r\n`).join('');
    if (busy) return;
    busy = true;
    setImmediate(go);
  };
  return Object.assign(say, {
    end(cut: NonNullable<ServerPlan['cut']>) {
      left = waiting.length + cut.after + 1;
      ({ how } = cut);
    },
  });
}
