// Distance: a proxy that delays every byte by half a round trip in each direction and counts round trips by what depends on what.
import { type Server, type Socket, connect, createServer } from 'node:net';
import { listen } from './listen.ts';

export interface DelayProxyOptions {
  /** Where it leads to, on 127.0.0.1. */
  readonly port: number;
  /** Milliseconds. */
  readonly roundTrip: number;
}

export interface DelayProxy {
  readonly port: number;
  readonly server: Server;
  /** Round trips so far, over all connections. */
  roundTrips(): number;
}

/** TCP's own handshake, and the greeting that comes when it is complete at the other side. */
const BEFORE_FIRST_WORD = 2;

export async function startDelayProxy({ port, roundTrip }: DelayProxyOptions): Promise<DelayProxy> {
  const depths: { toClient: number }[] = [];
  const server = createServer({ noDelay: true }, (client) => {
    const depth = { toClient: 0 };
    depths.push(depth);
    relay(client, port, roundTrip, depth);
  });
  return {
    port: await listen(server),
    server,
    roundTrips: () => depths.reduce((sum, { toClient }) => sum + toClient, 0),
  };
}

/**
 * A piece of the client is one round trip deeper than the deepest piece the client had been given; a piece of the server
 * is as deep as the deepest it had been given. So flights count once however many pieces they come in.
 */
function relay(client: Socket, port: number, roundTrip: number, depth: { toClient: number }): void {
  let toServer = BEFORE_FIRST_WORD;
  let server: Socket | undefined;
  const early: Buffer[] = [];
  client.on('error', () => {}).on('close', () => server?.destroy());
  client.on('data', (chunk: Buffer) => {
    const deep = Math.max(depth.toClient + 1, BEFORE_FIRST_WORD);
    setTimeout(() => {
      toServer = Math.max(toServer, deep);
      if (server === undefined) early.push(chunk);
      else server.write(chunk);
    }, roundTrip / 2);
  });
  // A SYN, its answer and the ACK have to travel before a server hears of a connection.
  setTimeout(() => {
    server = connect({ port, host: '127.0.0.1', noDelay: true });
    for (const chunk of early) server.write(chunk);
    server.on('error', () => {});
    server.on('data', (chunk: Buffer) => {
      const deep = toServer;
      setTimeout(() => {
        depth.toClient = Math.max(depth.toClient, deep);
        client.write(chunk);
      }, roundTrip / 2);
    });
    server.on('end', () => setTimeout(() => client.end(), roundTrip / 2));
    if (client.destroyed) server.destroy();
  }, roundTrip * 1.5);
}
