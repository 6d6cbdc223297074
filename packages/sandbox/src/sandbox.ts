// Puts the parts together: one directory, Entra before it, Exchange behind it, the inbox at the end.
import { randomUUID } from 'node:crypto';
import { runAdmin } from './admin/admin.ts';
import type { AdminSource } from './admin/command.ts';
import { createAuthority } from './certificates.ts';
import { Clock } from './clock.ts';
import { findUser } from './directory.ts';
import { createDirectory } from './create-directory.ts';
import { type DirectoryHandle, DirectoryState } from './directory-state.ts';
import { CLOUDS } from './entra/clouds.ts';
import { Entra } from './entra/entra.ts';
import { createEntraFaults, ENTRA_POINT } from './entra/fault.ts';
import type { TokenRequestRecord } from './entra/token-endpoint.ts';
import type { SmtpSession } from './exchange/conversation.ts';
import { Exchange } from './exchange/exchange.ts';
import { createExchangeFaults } from './exchange/fault.ts';
import { TrafficBook } from './exchange/traffic.ts';
import { FaultBoard, type NamedFaultOptions } from './faults/fault-board.ts';
import type { WaitingFault } from './faults/fault-list.ts';
import type { FaultWord } from './faults/named-fault.ts';
import { Inbox } from './inbox/inbox.ts';
import { openListeners } from './listeners.ts';
import { entraTimes, exchangeRules, hveRules, type SandboxOptions, type ServerRules } from './sandbox-options.ts';
import { LOOPBACK_NAMES, ServerContexts } from './server-contexts.ts';
import { createWeb, type WebParts } from './web.ts';

/** High Volume Email: a second SMTP server with rules of its own. */
export interface Hve {
  readonly smtp: { readonly host: string; readonly port: number };
  /** The scope to ask for: `https://outlook.office.com/.default`. */
  readonly scope: string;
  /** Its faults and traffic. */
  readonly exchange: Exchange;
}

/** Environment variables that lead clients of managed identities here. Set one of the two groups. */
export interface ManagedIdentityEnvironment {
  /** As on a virtual machine or in Kubernetes. */
  readonly imds: { readonly AZURE_POD_IDENTITY_AUTHORITY_HOST: string };
  /** As in App Service, Functions and Container Apps. */
  readonly appService: { readonly IDENTITY_ENDPOINT: string; readonly IDENTITY_HEADER: string };
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
  /** The scope to ask for: `https://outlook.office365.com/.default`, or that of the first tenant's cloud. */
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
  /** Where tokens for managed identities come from: environment variables to set. */
  readonly managedIdentity: ManagedIdentityEnvironment;
  readonly inbox: Inbox;
  /** Every token request so far. */
  readonly tokenRequests: readonly TokenRequestRecord[];
  /** Every SMTP session so far. */
  readonly sessions: readonly SmtpSession[];
  /** Faults that have not struck as often as they should. */
  readonly faults: readonly WaitingFault[];
  /**
   * Sets a fault by its name; `FAULTS` has all of them. Also `aadsts-<number>` and replies such as `message-554-5.2.0`.
   * @throws TypeError for a word that stands for no fault
   */
  fault(name: FaultWord, options?: NamedFaultOptions): void;
  /**
   * What a setup script does, one command after the other: `admin('Set-CASMailbox', { Identity, … })`. README.md lists them.
   * @returns what it is like afterwards, without secrets
   * @throws Error for a command, a parameter or an object there is none of
   */
  admin(command: string, parameters?: Readonly<Record<string, unknown>>): unknown;
  /**
   * Moves the sandbox's clock on by this many milliseconds: tokens, codes and secrets expire, limits are free again.
   * @throws TypeError for a time that is over
   */
  advance(milliseconds: number): void;
  /** Forgets every fault that waits. */
  clearFaults(): void;
  /** Closes every connection and frees the ports. */
  close(): Promise<void>;
}

/**
 * Starts Microsoft on localhost: a token endpoint like Entra's, an SMTP server like Exchange Online's and an inbox.
 * @throws Error when a port is taken, or when a tenant has no mailbox, no app or an app without a secret
 */
export async function createSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { tenants = [{}], issuers = [], smtp = {}, ports = {} } = options;
  const clock = new Clock(options.now ?? Date.now);
  const { now } = clock;
  const directory = new DirectoryState(createDirectory(tenants, issuers, now()), now, smtp.propagationDelay ?? 0);
  const [tenant] = directory.current.tenants;
  const clientId = tenant?.enterpriseApps[0]?.clientId;
  const clientSecret = directory.current.apps.find((app) => app.clientId === clientId)?.secrets[0]?.value;
  const mailbox = tenant?.mailboxes[0]?.address;
  if (tenant === undefined || clientId === undefined || clientSecret === undefined || mailbox === undefined) {
    throw new TypeError('the first tenant of a sandbox needs a mailbox and an app with a secret');
  }

  const inbox = new Inbox(now);
  const watchers = new Set<() => void>();
  const activity = (): void => {
    for (const watcher of watchers) watcher();
  };
  const entraFaults = createEntraFaults();
  const smtpFaults = { exchange: createExchangeFaults('exchange'), hve: createExchangeFaults('hve') };
  const faults = new FaultBoard(entraFaults, smtpFaults);
  const identityHeader = randomUUID();
  const entra = new Entra({
    ...entraTimes(options),
    directory: () => directory.current,
    update: directory.update,
    now,
    faults: entraFaults,
    identityHeader,
    onRequest: activity,
  });
  const authority = await createAuthority();
  const certificate = await authority.issue(smtp.certificateNames ?? LOOPBACK_NAMES);
  const contexts = new ServerContexts(authority, certificate);
  let sessionCount = 0;
  const server = (on: 'exchange' | 'hve', rules: ServerRules): Exchange =>
    new Exchange({
      ...rules,
      faults: smtpFaults[on],
      provokeEntra: (fault, name) => void entraFaults.add(ENTRA_POINT, fault, name),
      traffic: new TrafficBook(),
      secureContext: (fault) => contexts.get(fault),
      directory: () => directory.known,
      now,
      keys: () => entra.keys(),
      nextSession: () => (sessionCount += 1),
      onSession: activity,
      deliver: (delivery) => inbox.deliver(delivery),
    });
  const exchange = server('exchange', exchangeRules(options));
  const hve = server('hve', hveRules(options));
  const sessions = (): readonly SmtpSession[] =>
    [...exchange.sessions, ...hve.sessions].toSorted((one, other) => one.id - other.id);

  const listeners = await openListeners({ exchange, hve, certificate }, ports);
  const origin = `http://127.0.0.1:${listeners.ports.http}`;
  const settings = {
    tenantId: tenant.id,
    clientId,
    mailbox,
    tokenEndpoint: `${origin}/${tenant.id}/oauth2/v2.0/token`,
    authority: `https://localhost:${listeners.ports.https}/${tenant.id}`,
    scope: `${CLOUDS[tenant.cloud].exchange[0]}/.default`,
    smtp: { host: 'localhost', port: listeners.ports.smtp },
  };
  const admin: AdminSource = { directory, entra, now };
  const api: WebParts['api'] = {
    inbox,
    faults,
    admin,
    clock,
    sessions,
    tokenRequests: () => entra.requests,
    onActivity: (listener) => {
      watchers.add(listener);
      return () => watchers.delete(listener);
    },
    connection: { ...settings, security: smtp.implicitTls === true ? 'TLS' : 'STARTTLS' },
    ca: authority.ca,
  };
  listeners.answer(createWeb({ entra, api }));

  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    inbox.close();
    return (closing ??= listeners.close());
  };
  return {
    ...settings,
    clientSecret,
    password: findUser(directory.current, mailbox)?.user.password ?? '',
    ca: authority.ca,
    url: `${origin}/`,
    directory,
    entra,
    exchange,
    hve: {
      smtp: { host: 'localhost', port: listeners.ports.hve },
      scope: 'https://outlook.office.com/.default',
      exchange: hve,
    },
    managedIdentity: {
      imds: { AZURE_POD_IDENTITY_AUTHORITY_HOST: origin },
      appService: { IDENTITY_ENDPOINT: `${origin}/msi/token`, IDENTITY_HEADER: identityHeader },
    },
    inbox,
    get tokenRequests() {
      return entra.requests;
    },
    get sessions() {
      return sessions();
    },
    get faults() {
      return faults.waiting();
    },
    fault: (name, how) => void faults.byName(name, how),
    admin: (command, parameters = {}) => runAdmin(admin, command, parameters),
    advance: clock.advance,
    clearFaults: () => faults.clear(),
    close,
    [Symbol.asyncDispose]: close,
  };
}
