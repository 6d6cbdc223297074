// Puts the parts together: one directory, Entra before it, Exchange behind it, the inbox at the end.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSecureContext } from 'node:tls';
import { createServerCertificate } from './certificates.ts';
import type { Directory } from './directory.ts';
import { createDirectory, type TenantOptions } from './directory-options.ts';
import { Entra, type TokenRequestRecord } from './entra/entra.ts';
import type { ExchangeOptions } from './exchange/context.ts';
import type { SmtpSession } from './exchange/conversation.ts';
import { Exchange } from './exchange/exchange.ts';
import { ExchangeFaults } from './exchange/fault.ts';
import type { ApiSource } from './inbox/api.ts';
import { Inbox } from './inbox/inbox.ts';
import { createWeb } from './web.ts';

export interface SandboxOptions {
  /** Default: Contoso, with one app that may send and the mailbox noreply@contoso.com. */
  readonly tenants?: readonly TenantOptions[];
  /** The sandbox's clock, epoch milliseconds; default `Date.now`. Tokens and secrets expire by it. */
  readonly now?: () => number;
  /** Ports on 127.0.0.1; default 0: any free one. */
  readonly ports?: { readonly smtp?: number; readonly http?: number };
  /** Milliseconds an access token is good for; default 3599 seconds. */
  readonly tokenLifetime?: number;
  readonly smtp?: ExchangeOptions;
}

/** The directory of a running sandbox. Rights can be changed while mail flows. */
export interface DirectoryHandle {
  readonly current: Directory;
  /** Replaces the directory by what `edit` makes of it. */
  update(edit: (directory: Directory) => Directory): void;
}

/** A running sandbox. */
export interface Sandbox extends AsyncDisposable {
  /** Of the first tenant. */
  readonly tenantId: string;
  /** Of the first tenant's first app. */
  readonly clientId: string;
  /** The first secret of that app. */
  readonly clientSecret: string;
  /** Address of the first tenant's first mailbox. */
  readonly mailbox: string;
  /** URL of the first tenant's token endpoint. */
  readonly tokenEndpoint: string;
  /** The scope to ask for: `https://outlook.office365.com/.default`. */
  readonly scope: string;
  readonly smtp: { readonly host: string; readonly port: number };
  /** PEM of the authority that issued the SMTP server's certificate. */
  readonly ca: string;
  /** URL of the inbox page. */
  readonly url: string;
  readonly directory: DirectoryHandle;
  readonly entra: Entra;
  readonly exchange: Exchange;
  readonly inbox: Inbox;
  /** Every token request so far. */
  readonly tokenRequests: readonly TokenRequestRecord[];
  /** Every SMTP session so far. */
  readonly sessions: readonly SmtpSession[];
  /** Closes every connection and frees the ports. */
  close(): Promise<void>;
}

/**
 * Starts Microsoft on localhost: a token endpoint like Entra's, an SMTP server like Exchange Online's and an inbox.
 * @throws Error when a port is taken, or when a tenant has no mailbox, no app or an app without a secret
 */
export async function createSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { tenants = [{}], now = Date.now, tokenLifetime = 3_599_000, smtp = {} } = options;
  let directory = createDirectory(tenants, now());
  const [tenant] = directory.tenants;
  const clientId = tenant?.enterpriseApps[0]?.clientId;
  const clientSecret = directory.apps.find((app) => app.clientId === clientId)?.secrets[0]?.value;
  const mailbox = tenant?.mailboxes[0]?.address;
  if (tenant === undefined || clientId === undefined || clientSecret === undefined || mailbox === undefined) {
    throw new TypeError('the first tenant of a sandbox needs a mailbox and an app with a secret');
  }

  const current = (): Directory => directory;
  const inbox = new Inbox(now);
  const watchers = new Set<() => void>();
  const activity = (): void => {
    for (const watcher of watchers) watcher();
  };
  const entra = new Entra({ directory: current, now, tokenLifetime, onRequest: activity });
  const certificate = await createServerCertificate(smtp.certificateNames ?? ['localhost', '127.0.0.1', '::1']);
  const exchange = new Exchange({
    options: {
      extensions: smtp.extensions ?? ((offered) => offered),
      maxSize: smtp.maxSize ?? 157_286_400,
      maxRecipients: smtp.maxRecipients ?? 500,
      unknownRecipients: smtp.unknownRecipients ?? 'accept',
      refuse: smtp.refuse ?? [],
      bareLineEnds: smtp.bareLineEnds ?? 'refuse',
      replyDelay: smtp.replyDelay ?? 0,
      implicitTls: smtp.implicitTls ?? false,
    },
    faults: new ExchangeFaults(),
    secureContext: createSecureContext({
      cert: certificate.certificate,
      key: certificate.key,
      minVersion: 'TLSv1.2',
    }),
    directory: current,
    now,
    keys: () => entra.keys(),
    onSession: activity,
    deliver: (delivery) => inbox.deliver(delivery),
  });

  const web = createServer();
  const smtpPort = await exchange.listen(options.ports?.smtp ?? 0);
  let httpPort: number;
  try {
    httpPort = await listen(web, options.ports?.http ?? 0);
  } catch (error) {
    await exchange.close();
    throw error;
  }
  const origin = `http://127.0.0.1:${httpPort}`;
  const settings = {
    tenantId: tenant.id,
    clientId,
    mailbox,
    tokenEndpoint: `${origin}/${tenant.id}/oauth2/v2.0/token`,
    scope: 'https://outlook.office365.com/.default',
    smtp: { host: 'localhost', port: smtpPort },
  };
  const api: ApiSource = {
    inbox,
    sessions: () => exchange.sessions,
    tokenRequests: () => entra.requests,
    onActivity: (listener) => {
      watchers.add(listener);
      return () => watchers.delete(listener);
    },
    connection: { ...settings, security: smtp.implicitTls === true ? 'TLS' : 'STARTTLS' },
    ca: certificate.ca,
  };
  web.on('request', createWeb({ entra, api }));

  let closing: Promise<void> | undefined;
  const close = (): Promise<void> =>
    (closing ??= (async () => {
      inbox.close();
      web.closeAllConnections();
      await Promise.all([exchange.close(), new Promise<void>((resolve) => web.close(() => resolve()))]);
    })());
  return {
    ...settings,
    clientSecret,
    ca: certificate.ca,
    url: `${origin}/`,
    directory: {
      get current() {
        return directory;
      },
      update: (edit) => {
        directory = edit(directory);
      },
    },
    entra,
    exchange,
    inbox,
    get tokenRequests() {
      return entra.requests;
    },
    get sessions() {
      return exchange.sessions;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}
