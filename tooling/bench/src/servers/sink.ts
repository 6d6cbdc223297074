// The SMTP server everything is measured against: real TLS, answers at once, keeps nothing but counts.
import { type Server, type Socket, createServer } from 'node:net';
import { type SecureContext, TLSSocket, createSecureContext } from 'node:tls';
import type { Certificate } from '../certificate.ts';
import { listen } from './listen.ts';
import { GREETING, type SinkCounts, SinkSession } from './sink-session.ts';

export interface SinkOptions {
  readonly certificate: Certificate;
  /** Milliseconds before a message is answered. Default 0. */
  readonly acceptDelay?: number;
  /** Logs in and then never answers: what is queued cannot drain. */
  readonly silent?: boolean;
}

export interface Sink {
  readonly port: number;
  readonly counts: SinkCounts;
  readonly server: Server;
}

export async function startSink({ certificate, acceptDelay = 0, silent = false }: SinkOptions): Promise<Sink> {
  const counts: SinkCounts = { connections: 0, logins: 0, messages: 0, bytes: 0 };
  const secureContext = createSecureContext({
    cert: certificate.certificate,
    key: certificate.key,
    minVersion: 'TLSv1.3',
  });
  const server = createServer({ noDelay: true }, (socket) => {
    counts.connections += 1;
    const session = new SinkSession(counts, { silent, stopAfterMessage: acceptDelay > 0 });
    socket.on('error', () => {}); // clients that are done with measuring just go
    socket.write(GREETING);
    attend(socket, session, { secureContext, acceptDelay });
  });
  return { port: await listen(server), counts, server };
}

interface Attendance {
  readonly secureContext: SecureContext;
  readonly acceptDelay: number;
}

function attend(socket: Socket, session: SinkSession, options: Attendance): void {
  const waiting: Buffer[] = [];
  let delayed = false;
  const onData = (chunk: Buffer): void => {
    if (delayed) {
      waiting.push(chunk);
      return;
    }
    const before = session.push(chunk);
    if (options.acceptDelay > 0 && before.replies.includes('250 2.0.0 OK <')) {
      delayed = true;
      if (before.rest !== undefined) waiting.push(before.rest);
      setTimeout(() => {
        delayed = false;
        socket.write(before.replies);
        for (const piece of waiting.splice(0)) onData(piece);
      }, options.acceptDelay);
      return;
    }
    if (before.replies !== '') socket.write(before.replies);
    if (before.quit) socket.end();
    if (before.startTls) {
      socket.off('data', onData);
      const secure = new TLSSocket(socket, { isServer: true, secureContext: options.secureContext });
      secure.on('error', () => {}); // as above
      session.secured();
      attend(secure, session, options);
    }
  };
  socket.on('data', onData);
}
