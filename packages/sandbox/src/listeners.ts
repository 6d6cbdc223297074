// The four ports: SMTP twice, HTTP and HTTPS for all the rest. All of them open, or none.
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import type { ServerCertificate } from './certificates.ts';
import type { Exchange } from './exchange/exchange.ts';
import type { SandboxOptions } from './sandbox-options.ts';

export interface Listeners {
  readonly ports: Readonly<Required<NonNullable<SandboxOptions['ports']>>>;
  /** Says who answers HTTP requests. */
  answer(listener: RequestListener): void;
  /** Closes every connection and frees the ports. */
  close(): Promise<void>;
}

interface Served {
  readonly exchange: Exchange;
  readonly hve: Exchange;
  readonly certificate: ServerCertificate;
}

/** @throws Error when a port is taken */
export async function openListeners(
  { exchange, hve, certificate: { certificate: cert, key } }: Served,
  asked: NonNullable<SandboxOptions['ports']>,
): Promise<Listeners> {
  const web = createServer();
  const secureWeb = createTlsServer({ cert, key, minVersion: 'TLSv1.2' });
  const servers = [web, secureWeb];
  const close = async (): Promise<void> => {
    for (const server of servers) server.closeAllConnections();
    const stopped = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    await Promise.all([exchange.close(), hve.close(), ...stopped]);
  };
  try {
    const ports = {
      smtp: await exchange.listen(asked.smtp ?? 0),
      hve: await hve.listen(asked.hve ?? 0),
      http: await listen(web, asked.http ?? 0),
      https: await listen(secureWeb, asked.https ?? 0),
    };
    const answer = (listener: RequestListener): void =>
      servers.forEach((server) => void server.on('request', listener));
    return { ports, answer, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}
