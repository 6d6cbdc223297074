// Exchange Online's SMTP submission service: listens, runs one session per connection, takes faults.
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { Connection } from './connection.ts';
import type { ExchangeContext } from './context.ts';
import { Conversation, type SmtpSession } from './conversation.ts';
import type { ExchangeFault, FaultPoint } from './fault.ts';
import { serve } from './session.ts';
import type { MailboxTraffic } from './traffic.ts';

/** Exchange as a test sees it. */
export class Exchange {
  readonly #context: ExchangeContext;
  readonly #server: Server;
  readonly #sessions: Conversation[] = [];
  readonly #connections = new Set<Connection>();

  constructor(context: ExchangeContext) {
    this.#context = context;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => void this.#accept(socket));
  }

  /** Every SMTP session so far, oldest first, those still going on included. */
  get sessions(): readonly SmtpSession[] {
    return this.#sessions;
  }

  /** How the mailbox with this primary address was used: connections at once, messages in any stretch of time. */
  traffic(address: string): MailboxTraffic {
    return this.#context.traffic.of(address);
  }

  /** The next time a session comes to `point`, `fault` strikes. Faults queue up, each point has its own queue. */
  next(point: FaultPoint, fault: ExchangeFault): void {
    this.#context.faults.add(point, fault);
  }

  /** Short for `next(point, { reply, times })`. */
  reply(point: FaultPoint, reply: string | Uint8Array, { times = 1 }: { readonly times?: number } = {}): void {
    this.next(point, { reply, times });
  }

  /** Forgets faults that did not strike yet. */
  clear(): void {
    this.#context.faults.clear();
  }

  /** Drops every open connection, as a failing front end would. */
  disconnectAll(how: 'end' | 'reset' = 'reset'): void {
    for (const connection of this.#connections) connection[how]();
  }

  /** Starts listening on 127.0.0.1; returns the port. */
  async listen(port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(port, '127.0.0.1', resolve);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    for (const connection of this.#connections) connection.destroy();
    await closed;
  }

  async #accept(socket: Socket): Promise<void> {
    const remote = `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`;
    const conversation = new Conversation(this.#context.nextSession(), this.#context.now(), remote);
    const connection = new Connection(socket, conversation);
    this.#sessions.push(conversation);
    this.#connections.add(connection);
    this.#context.onSession();
    void connection.closed.then(() => {
      this.#connections.delete(connection);
      this.#context.onSession();
    });
    await serve(connection, this.#context);
  }
}
