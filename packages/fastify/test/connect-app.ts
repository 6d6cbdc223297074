// An application one would find: behind a proxy that ends TLS and takes a prefix away, its mailbox connected at the sandbox's Entra.
import { createServer, type Server } from 'node:https';
import { request as forward } from 'node:http';
import type { AddressInfo } from 'node:net';
import { memoryTokenStore, type TokenStore } from '@mailgrant/core';
import { entraConnect, type EntraConnection, type EntraConnectOptions } from '@mailgrant/entra';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify as newest } from 'fastify';
import connect, { type ConnectOptions } from '../src/connect/index.ts';
import mail from '../src/index.ts';
import { Browser } from './browser.ts';
import { type Certificate, certificateForLocalhost, trustingFetch } from './https.ts';

export const MAILBOX = 'reports@contoso.com';
export const DELEGATE = 'delegate-canary@contoso.com';
export const STRANGER = 'mallory@contoso.com';
export const SECRET = 'canary-client-secret';
/** What the proxy takes away. */
const PUBLIC_PREFIX = '/apps/mail';

export interface ConnectAppOptions {
  readonly create?: typeof newest;
  readonly connect?: Partial<ConnectOptions>;
  readonly entra?: Partial<EntraConnectOptions>;
}

export interface ConnectApp extends AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly app: FastifyInstance;
  readonly connection: EntraConnection;
  readonly store: TokenStore;
  /** As people see it: `https://localhost:…/apps/mail/connect/`. */
  readonly url: string;
  /** All the server logged. */
  readonly log: () => string;
  /** One that is logged in to the application. */
  browser(): Browser;
}

let certificate: Promise<Certificate> | undefined;

export async function startConnectApp(options: ConnectAppOptions = {}): Promise<ConnectApp> {
  certificate ??= certificateForLocalhost();
  const { cert, key } = await certificate;
  const sandbox = await createSandbox({
    tenants: [
      {
        mailboxes: [MAILBOX],
        users: [MAILBOX, DELEGATE, STRANGER],
        apps: [{ secrets: [SECRET], redirectUris: [`https://localhost${PUBLIC_PREFIX}/connect/callback`] }],
      },
    ],
  });
  const lines: string[] = [];
  const stream = { write: (line: string) => void lines.push(line) };
  const app = (options.create ?? newest)({ logger: { level: 'trace', stream } }) as unknown as FastifyInstance;
  const proxy = createServer({ cert, key });
  await new Promise<void>((resolve) => void proxy.listen(0, '127.0.0.1', resolve));
  const url = `https://localhost:${(proxy.address() as AddressInfo).port}${PUBLIC_PREFIX}/connect/`;
  const store = memoryTokenStore();
  const connection = entraConnect({
    tenantId: sandbox.tenantId,
    clientId: sandbox.clientId,
    credential: SECRET,
    mailbox: MAILBOX,
    redirectUri: `${url}callback`,
    cloud: { authority: new URL(sandbox.authority).origin, delegatedScope: 'https://outlook.office.com/SMTP.Send' },
    store,
    fetch: trustingFetch([sandbox.ca]),
    ...options.entra,
  });

  app.register(mail, { ...sandbox.smtp, ca: sandbox.ca, user: MAILBOX, token: connection.token });
  app.register(connect, {
    prefix: '/connect',
    connection,
    // A session cookie of the strict kind, which no callback brings along.
    authorize: async (request: FastifyRequest, reply: FastifyReply) => {
      if (!request.headers.cookie?.includes('session=admin')) await reply.code(401).send({ message: 'Log in first' });
    },
    ...options.connect,
  });
  const upstream = new URL(await app.listen({ host: '127.0.0.1', port: 0 }));
  passOn(proxy, upstream);

  return {
    sandbox,
    app,
    connection,
    store,
    url,
    log: () => lines.join(''),
    browser() {
      const browser = new Browser([cert, sandbox.ca]);
      const attributes = ['path=/', 'secure', 'samesite=strict'];
      browser.cookies.set('session', { name: 'session', value: 'admin', host: 'localhost', attributes });
      return browser;
    },
    async [Symbol.asyncDispose]() {
      proxy.closeAllConnections();
      await new Promise((resolve) => proxy.close(resolve));
      await app.close();
      await sandbox.close();
    },
  };
}

/** Host and prefix of the outside stay outside, as with many a proxy. */
function passOn(proxy: Server, upstream: URL): void {
  proxy.on('request', (request, response) => {
    const path = request.url?.slice(PUBLIC_PREFIX.length) ?? '/';
    const headers = { ...request.headers, host: upstream.host, 'x-forwarded-proto': 'https', connection: 'close' };
    const inner = forward(new URL(path, upstream), { method: request.method, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    inner.on('error', () => response.destroy());
    request.pipe(inner);
  });
}
