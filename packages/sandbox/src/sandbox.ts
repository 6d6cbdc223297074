// Puts the parts together: one directory, Entra before it, Exchange behind it, the inbox at the end.
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { createSecureContext } from 'node:tls';
import { createServerCertificate } from './certificates.ts';
import { type Directory, type FederatedIssuer, findUser } from './directory.ts';
import { createDirectory, type TenantOptions } from './directory-options.ts';
import { Entra } from './entra/entra.ts';
import type { TokenRequestRecord } from './entra/token-endpoint.ts';
import type { ExchangeContext, ExchangeOptions } from './exchange/context.ts';
import type { SmtpSession } from './exchange/conversation.ts';
import { Exchange } from './exchange/exchange.ts';
import { ExchangeFaults } from './exchange/fault.ts';
import { HOSTS } from './exchange/replies.ts';
import { DEFAULT_LIMITS, TrafficBook } from './exchange/traffic.ts';
import type { ApiSource } from './inbox/api.ts';
import { Inbox } from './inbox/inbox.ts';
import { createWeb } from './web.ts';

export interface SandboxOptions {
  /** Default: Contoso, with one app that may send and the mailbox noreply@contoso.com. */
  readonly tenants?: readonly TenantOptions[];
  /** The sandbox's clock, epoch milliseconds; default `Date.now`. Tokens and secrets expire by it. */
  readonly now?: () => number;
  /** Ports on 127.0.0.1; default 0: any free one. */
  readonly ports?: {
    readonly smtp?: number;
    readonly http?: number;
    readonly https?: number;
    readonly hve?: number;
  };
  /** Milliseconds an access token is good for; default 3599 seconds. */
  readonly tokenLifetime?: number;
  readonly entra?: EntraSettings;
  /** Issuers whose tokens federated credentials accept, with their public keys; see also `entra.addIdentityProvider()`. */
  readonly issuers?: readonly FederatedIssuer[];
  readonly smtp?: ExchangeOptions;
  /** High Volume Email, for the accounts in `tenants[].hve`. */
  readonly hve?: HveSettings;
}

export interface HveSettings {
  /** Milliseconds a token has to be good for still; default 10 minutes. */
  readonly tokenMargin?: number;
}

/** High Volume Email: a second SMTP server with rules of its own. */
export interface Hve {
  readonly smtp: { readonly host: string; readonly port: number };
  /** The scope to ask for: `https://outlook.office.com/.default`. */
  readonly scope: string;
  /** Its faults and traffic. */
  readonly exchange: Exchange;
}

export interface EntraSettings {
  /** Refresh tokens that were replaced by a newer one: good all the same, as with Entra (the default), or refused. */
  readonly replacedRefreshTokens?: 'accept' | 'refuse';
  /** Milliseconds without use after which a refresh token dies; default 90 days. */
  readonly refreshTokenLifetime?: number;
  /** Milliseconds an authorization code is good for; default 10 minutes. */
  readonly codeLifetime?: number;
  /** Milliseconds a device code is good for; default 15 minutes. */
  readonly deviceCodeLifetime?: number;
  /** Milliseconds a client has to leave between polls for a device code; default 5000. */
  readonly deviceCodeInterval?: number;
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
  /** Password of the user that mailbox belongs to. */
  readonly password: string;
  /** `https://localhost:<port>/<tenant id>`, for clients that insist on https. Its certificate is issued by `ca`. */
  readonly authority: string;
  /** URL of the first tenant's token endpoint. */
  readonly tokenEndpoint: string;
  /** The scope to ask for: `https://outlook.office365.com/.default`. */
  readonly scope: string;
  readonly smtp: { readonly host: string; readonly port: number };
  /** PEM of the authority that issued the servers' certificate. */
  readonly ca: string;
  /** URL of the inbox page. */
  readonly url: string;
  readonly directory: DirectoryHandle;
  readonly entra: Entra;
  readonly exchange: Exchange;
  readonly hve: Hve;
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
  const { tenants = [{}], issuers = [], now = Date.now, tokenLifetime = 3_599_000, smtp = {} } = options;
  let directory = createDirectory(tenants, issuers, now());
  const lag = smtp.propagationDelay ?? 0;
  const history = [{ directory, at: -Infinity }];
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
  const update = (edit: (directory: Directory) => Directory): void => {
    directory = edit(directory);
    if (lag > 0) history.push({ directory, at: now() });
  };
  const known = (): Directory =>
    lag === 0 ? directory : (history.findLast(({ at }) => at <= now() - lag)?.directory ?? directory);
  const entra = new Entra({
    directory: current,
    update,
    now,
    tokenLifetime,
    replacedRefreshTokens: options.entra?.replacedRefreshTokens ?? 'accept',
    refreshTokenLifetime: options.entra?.refreshTokenLifetime ?? 90 * 86_400_000,
    codeLifetime: options.entra?.codeLifetime ?? 600_000,
    deviceCodeLifetime: options.entra?.deviceCodeLifetime ?? 900_000,
    deviceCodeInterval: options.entra?.deviceCodeInterval ?? 5000,
    onRequest: activity,
  });
  const certificate = await createServerCertificate(smtp.certificateNames ?? ['localhost', '127.0.0.1', '::1']);
  let sessionCount = 0;
  const common: Omit<ExchangeContext, 'options' | 'host' | 'hve' | 'faults' | 'traffic' | 'limits'> = {
    secureContext: createSecureContext({
      cert: certificate.certificate,
      key: certificate.key,
      minVersion: 'TLSv1.2',
    }),
    directory: known,
    now,
    keys: () => entra.keys(),
    nextSession: () => (sessionCount += 1),
    onSession: activity,
    deliver: (delivery) => inbox.deliver(delivery),
  };
  const exchangeOptions = {
    extensions: smtp.extensions ?? ((offered: readonly string[]) => offered),
    maxSize: smtp.maxSize ?? 157_286_400,
    maxRecipients: smtp.maxRecipients ?? 500,
    unknownRecipients: smtp.unknownRecipients ?? 'accept',
    refuse: smtp.refuse ?? [],
    bareLineEnds: smtp.bareLineEnds ?? 'refuse',
    replyDelay: smtp.replyDelay ?? 0,
    implicitTls: smtp.implicitTls ?? false,
  };
  const exchange = new Exchange({
    ...common,
    options: exchangeOptions,
    host: HOSTS.exchange,
    hve: undefined,
    limits: { ...DEFAULT_LIMITS, ...smtp.limits },
    traffic: new TrafficBook(),
    faults: new ExchangeFaults(),
  });
  const hve = new Exchange({
    ...common,
    options: { ...exchangeOptions, maxSize: 10_485_760, maxRecipients: 50, implicitTls: false },
    host: HOSTS.hve,
    hve: { tokenMargin: options.hve?.tokenMargin ?? 600_000 },
    limits: { ...DEFAULT_LIMITS, connections: Infinity, recipientsPerDay: Infinity },
    traffic: new TrafficBook(),
    faults: new ExchangeFaults(),
  });
  const sessions = (): readonly SmtpSession[] =>
    [...exchange.sessions, ...hve.sessions].toSorted((one, other) => one.id - other.id);

  const web = createServer();
  const secureWeb = createTlsServer({ cert: certificate.certificate, key: certificate.key, minVersion: 'TLSv1.2' });
  const smtpPort = await exchange.listen(options.ports?.smtp ?? 0);
  let hvePort: number;
  let httpPort: number;
  let httpsPort: number;
  try {
    hvePort = await hve.listen(options.ports?.hve ?? 0);
    httpPort = await listen(web, options.ports?.http ?? 0);
    httpsPort = await listen(secureWeb, options.ports?.https ?? 0);
  } catch (error) {
    web.close();
    await Promise.all([exchange.close(), hve.close()]);
    throw error;
  }
  const origin = `http://127.0.0.1:${httpPort}`;
  const settings = {
    tenantId: tenant.id,
    clientId,
    mailbox,
    tokenEndpoint: `${origin}/${tenant.id}/oauth2/v2.0/token`,
    authority: `https://localhost:${httpsPort}/${tenant.id}`,
    scope: 'https://outlook.office365.com/.default',
    smtp: { host: 'localhost', port: smtpPort },
  };
  const api: ApiSource = {
    inbox,
    sessions,
    tokenRequests: () => entra.requests,
    onActivity: (listener) => {
      watchers.add(listener);
      return () => watchers.delete(listener);
    },
    connection: { ...settings, security: smtp.implicitTls === true ? 'TLS' : 'STARTTLS' },
    ca: certificate.ca,
  };
  const servers = [web, secureWeb];
  for (const server of servers) server.on('request', createWeb({ entra, api }));

  let closing: Promise<void> | undefined;
  const close = (): Promise<void> =>
    (closing ??= (async () => {
      inbox.close();
      for (const server of servers) server.closeAllConnections();
      const stopped = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
      await Promise.all([exchange.close(), hve.close(), ...stopped]);
    })());
  return {
    ...settings,
    clientSecret,
    password: findUser(directory, mailbox)?.user.password ?? '',
    ca: certificate.ca,
    url: `${origin}/`,
    directory: {
      get current() {
        return directory;
      },
      update,
    },
    entra,
    exchange,
    hve: {
      smtp: { host: 'localhost', port: hvePort },
      scope: 'https://outlook.office.com/.default',
      exchange: hve,
    },
    inbox,
    get tokenRequests() {
      return entra.requests;
    },
    get sessions() {
      return sessions();
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
