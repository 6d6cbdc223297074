// npm's smtp-server: always there, and written by the author of nodemailer. What it takes goes to the mailbox at once.
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { REFUSED, type RunningServer, type ServerContext, type ServerKind } from '../server.ts';
import type { Listening } from '../sink.ts';

export const smtpServer: ServerKind = {
  name: 'smtp-server',
  missing: () => Promise.resolve(undefined),
  start,
};

async function start({ certificate, accounts, sink }: ServerContext): Promise<RunningServer> {
  const options: SMTPServerOptions = {
    cert: certificate.certificate,
    key: certificate.key,
    logger: false,
    disableReverseLookup: true,
    size: 64 * 1024 * 1024,
    authMethods: ['XOAUTH2'],
    hideDSN: false,
    onAuth(auth, _session, done) {
      if (accounts.owner(auth.accessToken ?? '') === auth.username) done(null, { user: auth.username });
      else done(null, { data: { status: '401', schemes: 'bearer', scope: 'mail' } });
    },
    onRcptTo({ address }, _session, done) {
      const refused = address.startsWith(`${REFUSED}@`);
      done(refused ? Object.assign(new Error('5.1.1 no such user'), { responseCode: 550 }) : null);
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('error', done);
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        const from = mailFrom === false ? '' : mailFrom.address;
        sink.mailbox.add({ from, to: rcptTo.map(({ address }) => address), raw: Buffer.concat(chunks) });
        done(null, `OK id=${session.id}`);
      });
    },
  };
  const [starttls, implicit] = await Promise.all([listen(options), listen({ ...options, secure: true })]);
  const { version } = createRequire(import.meta.url)('smtp-server/package.json') as { version: string };
  return {
    version: `smtp-server ${version}`,
    ports: { starttls: starttls.port, implicit: implicit.port },
    prepends: undefined,
    async [Symbol.asyncDispose]() {
      await Promise.all([starttls[Symbol.asyncDispose](), implicit[Symbol.asyncDispose]()]);
    },
  };
}

async function listen(options: SMTPServerOptions): Promise<Listening> {
  const server = new SMTPServer(options);
  const net = server.listen(0, '127.0.0.1');
  await new Promise<void>((resolve, reject) => net.once('listening', resolve).once('error', reject));
  // A client that hangs up in mid-session is its own business; the case sees what came of it.
  server.on('error', () => {});
  return {
    port: (net.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
