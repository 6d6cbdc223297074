// The floor: a bare writer of bytes prepared beforehand, one flight per message as the core groups them
// ([body k] [MAIL RCPT DATA k+1], RFC 2920 section 3.1). It knows no message, no promise, no error: nothing can be faster by much.
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { HOST, type ReadyMail, SENDER, TOKEN, type Target } from './client.ts';

const LF = 0x0a;
const ENVELOPE_COMMANDS = 3; // MAIL, RCPT, DATA

/** Connections that say the same flight again and again. */
export interface Floor {
  /** Messages accepted so far. */
  readonly messages: number;
  close(): void;
}

/** Opens the connections and sends until it is closed. */
export async function openFloor(target: Target, mail: ReadyMail): Promise<Floor> {
  const sockets = await Promise.all(Array.from({ length: target.connections }, () => login(target)));
  const envelope = Buffer.from(
    `MAIL FROM:<${SENDER}> SIZE=${mail.message.length}\r\n${mail.to.map((to) => `RCPT TO:<${to}>\r\n`).join('')}DATA\r\n`,
  );
  const flight = Buffer.concat([mail.message, Buffer.from('.\r\n'), envelope]);
  const perFlight = 1 + ENVELOPE_COMMANDS - 1 + mail.to.length;
  let messages = 0;
  for (const socket of sockets) {
    let missing = perFlight - 1; // the first flight has no message before it
    socket.on('data', (chunk: Buffer) => {
      for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, at + 1)) missing -= 1;
      if (missing > 0) return;
      missing = perFlight;
      messages += 1;
      socket.write(flight);
    });
    socket.write(envelope);
  }
  return {
    get messages() {
      return messages;
    },
    close() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function login({ port, ca }: Target): Promise<Socket> {
  const plain = connectTcp({ host: HOST, port, noDelay: true });
  await reply(plain);
  await ask(plain, 'EHLO bench');
  await ask(plain, 'STARTTLS');
  const socket = connectTls({ socket: plain, host: HOST, ca });
  await once(socket, 'secureConnect');
  await ask(socket, 'EHLO bench');
  await ask(socket, `AUTH XOAUTH2 ${Buffer.from(`user=${SENDER}\x01auth=Bearer ${TOKEN}\x01\x01`).toString('base64')}`);
  return socket;
}

function ask(socket: Socket, command: string): Promise<void> {
  socket.write(`${command}\r\n`);
  return reply(socket);
}

/** Waits for one whole reply. */
async function reply(socket: Socket): Promise<void> {
  let text = '';
  while (!/^\d{3}(?: .*)?\r\n$/m.test(text)) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    text += chunk.toString('latin1');
  }
}
