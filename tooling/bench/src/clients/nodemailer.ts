import { createTransport } from 'nodemailer';
import { type Client, HOST, SENDER, TOKEN, type Target } from './client.ts';

export function openNodemailer({ port, ca, connections }: Target, accessToken: string = TOKEN): Client {
  const transport = createTransport({
    pool: true,
    host: HOST,
    port,
    secure: false,
    requireTLS: true,
    tls: { ca },
    auth: { type: 'OAuth2', user: SENDER, accessToken },
    maxConnections: connections,
    maxMessages: Infinity, // its default of 100 would have it open a connection every few milliseconds
  });
  return {
    send: ({ to, message }) => transport.sendMail({ envelope: { from: SENDER, to: [...to] }, raw: message }),
    compose: (mail) => transport.sendMail(mail),
    close: async () => transport.close(),
  };
}
