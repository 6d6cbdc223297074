// Clients that share no code with the sandbox: nodemailer's SMTP connection, and bare sockets.
import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { createTransport, type Transporter } from 'nodemailer';
import type { Sandbox } from '../src/index.ts';

/** Asks the token endpoint; returns status and body. */
export async function requestToken(
  sandbox: Sandbox,
  changes: Readonly<Record<string, string | undefined>> = {},
  endpoint: string = sandbox.tokenEndpoint,
): Promise<{ readonly status: number; readonly headers: Headers; readonly body: Record<string, unknown> }> {
  const fields = {
    client_id: sandbox.clientId,
    client_secret: sandbox.clientSecret,
    scope: sandbox.scope,
    grant_type: 'client_credentials',
    ...changes,
  };
  const body = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) body.set(name, value);
  const response = await fetch(endpoint, { method: 'POST', body, redirect: 'manual' });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
}

/** A token from the sandbox's own token endpoint. */
export async function fetchToken(sandbox: Sandbox): Promise<string> {
  const { body } = await requestToken(sandbox);
  return String(body['access_token']);
}

/** A nodemailer transport that authenticates with `accessToken`. */
export const mailer = (sandbox: Sandbox, accessToken: string, user: string = sandbox.mailbox): Transporter =>
  createTransport({
    ...sandbox.smtp,
    requireTLS: true,
    tls: { ca: sandbox.ca },
    auth: { type: 'OAuth2', user, accessToken },
  });

export const xoauth2 = (user: string, token: string): string =>
  Buffer.from(`user=${user}\u0001auth=Bearer ${token}\u0001\u0001`).toString('base64');

/** A socket that speaks SMTP by hand. */
export class RawClient implements Disposable {
  #socket: Socket | TLSSocket;
  #received = '';
  #wake: () => void = () => {};
  #ended = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen(socket);
  }

  /** Connects and reads the greeting. */
  static async open(sandbox: Sandbox): Promise<RawClient> {
    const client = new RawClient(connectTcp(sandbox.smtp.port, '127.0.0.1'));
    await client.reply();
    return client;
  }

  /** Connects without waiting for anything. */
  static dial(sandbox: Sandbox, port: number = sandbox.smtp.port): RawClient {
    return new RawClient(connectTcp(port, '127.0.0.1'));
  }

  /** Connected, under TLS, and past the second EHLO. */
  static async secure(sandbox: Sandbox): Promise<RawClient> {
    const client = await RawClient.open(sandbox);
    await client.command('EHLO client.test');
    await client.command('STARTTLS');
    await client.startTls(sandbox);
    await client.command('EHLO client.test');
    return client;
  }

  /** Secure and logged in. */
  static async authenticated(sandbox: Sandbox, token?: string): Promise<RawClient> {
    const client = await RawClient.secure(sandbox);
    const reply = await client.command(
      `AUTH XOAUTH2 ${xoauth2(sandbox.mailbox, token ?? (await sandbox.entra.issue()))}`,
    );
    if (!reply.startsWith('235')) throw new Error(reply);
    return client;
  }

  async startTls(sandbox: Sandbox, options: ConnectionOptions = {}): Promise<TLSSocket> {
    const plain = this.#socket;
    plain.removeAllListeners();
    const socket = connectTls({ socket: plain, ca: sandbox.ca, servername: 'localhost', ...options });
    this.#socket = socket;
    this.#listen(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve).once('error', reject);
    });
    return socket;
  }

  /** What came and is not a whole reply. */
  get unread(): string {
    return this.#received;
  }

  write(data: string | Uint8Array): void {
    this.#socket.write(data);
  }

  /** Reads one whole reply, lines joined by a line feed; an empty string when the server closed. */
  async reply(): Promise<string> {
    for (;;) {
      const match = /^(?:\d{3}-.*\r\n)*\d{3}(?: .*)?\r\n/.exec(this.#received);
      if (match !== null) {
        this.#received = this.#received.slice(match[0].length);
        return match[0].slice(0, -2).replaceAll('\r\n', '\n');
      }
      if (this.#ended) return '';
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async replies(count: number): Promise<string[]> {
    const all: string[] = [];
    while (all.length < count) all.push(await this.reply());
    return all;
  }

  async command(line: string): Promise<string> {
    this.write(`${line}\r\n`);
    return this.reply();
  }

  /** Resolves when the server has closed the connection. */
  async closed(): Promise<void> {
    while (!this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #listen(socket: Socket): void {
    socket.on('data', (chunk: Buffer) => {
      this.#received += chunk.toString('utf8');
      this.#wake();
    });
    for (const event of ['end', 'close', 'error']) {
      socket.on(event, () => {
        this.#ended = true;
        this.#wake();
      });
    }
  }
}
