// What the connect routes are told, checked once.
import type { FastifyRequest, preHandlerAsyncHookHandler, preHandlerHookHandler } from 'fastify';
import { ConnectOptionsError } from '../errors.ts';

/** A mailbox that somebody can connect: what `entraConnect()` of `@mailgrant/entra` makes. */
export interface ConnectableMailbox {
  begin(): Promise<{ readonly url: string; readonly state: string; readonly expiresAt: number }>;
  finish(callbackUrl: string, options: { readonly state: string }): Promise<ConnectedAccount>;
  disconnect(): Promise<void>;
}

/** Who signed in. */
export interface ConnectedAccount {
  readonly username: string;
  readonly name: string | undefined;
  readonly objectId: string | undefined;
  readonly tenantId: string | undefined;
}

/** What happened to a mailbox. */
export interface ConnectEvent {
  /** The mailbox, as `?name=` had it; `'default'` without. */
  readonly name: string;
  readonly request: FastifyRequest;
}

export type AuthorizeHook = preHandlerHookHandler | preHandlerAsyncHookHandler;

export interface ConnectOptions {
  /**
   * The mailbox to connect, made by `entraConnect()`; for several a function that finds them by the name in `?name=`, and
   * returns `undefined` for names it does not know. The function also serves the callback, where nobody is logged in.
   */
  readonly connection:
    | ConnectableMailbox
    | ((name: string) => ConnectableMailbox | undefined | Promise<ConnectableMailbox | undefined>);
  /**
   * Who may connect and disconnect: one or several `preHandler` hooks, which throw or answer themselves to refuse. Not called for
   * the callback: what guards that is the cookie of the browser that began.
   */
  readonly authorize: AuthorizeHook | readonly AuthorizeHook[];
  /** A path of the application to go to after connecting or disconnecting. Default: a page that says that it worked. */
  readonly returnTo?: string | undefined;
  /** Called when a mailbox has been connected, before the answer. What it throws goes to the application's error handler. */
  readonly onConnected?: ((event: ConnectEvent & { readonly account: ConnectedAccount }) => unknown) | undefined;
  /** Called when a mailbox has been disconnected, before the answer. */
  readonly onDisconnected?: ((event: ConnectEvent) => unknown) | undefined;
}

/** The same, complete and checked. */
export interface CheckedOptions {
  readonly find: (name: string) => Promise<ConnectableMailbox | undefined>;
  /** Whether there is one mailbox only, so that it need not be named. */
  readonly single: boolean;
  readonly authorize: preHandlerHookHandler[];
  readonly returnTo: string | undefined;
  readonly onConnected: NonNullable<ConnectOptions['onConnected']>;
  readonly onDisconnected: NonNullable<ConnectOptions['onDisconnected']>;
}

/** @throws FastifyError `FST_MAIL_CONNECT_OPTIONS` */
export function checkOptions(options: ConnectOptions): CheckedOptions {
  const { connection, authorize, returnTo, onConnected, onDisconnected } = options;
  const single = isMailbox(connection) ? connection : undefined;
  if (single === undefined && typeof connection !== 'function') {
    throw new ConnectOptionsError(
      'connection must be what entraConnect() returns, or a function that finds it by name',
    );
  }
  const hooks = [authorize].flat() as preHandlerHookHandler[];
  if (hooks.length === 0 || !hooks.every((hook) => typeof hook === 'function')) {
    throw new ConnectOptionsError(
      'authorize must be a hook: without one, anybody could connect and disconnect the mailbox',
    );
  }
  // One slash: what begins with two leads to another host.
  if (returnTo !== undefined && !(typeof returnTo === 'string' && /^\/(?![/\\])[\x21-\x7e]*$/.test(returnTo))) {
    throw new ConnectOptionsError("returnTo must be a path of this application, such as '/settings'");
  }
  for (const [name, hook] of Object.entries({ onConnected, onDisconnected })) {
    if (hook !== undefined && typeof hook !== 'function') throw new ConnectOptionsError(`${name} must be a function`);
  }
  return {
    find: async (name) =>
      typeof connection === 'function' ? connection(name) : name === DEFAULT_NAME ? single : undefined,
    single: single !== undefined,
    authorize: hooks,
    returnTo,
    onConnected: onConnected ?? nothing,
    onDisconnected: onDisconnected ?? nothing,
  };
}

export const DEFAULT_NAME = 'default';

const nothing = (): void => undefined;

function isMailbox(value: unknown): value is ConnectableMailbox {
  if (typeof value !== 'object' || value === null) return false;
  const { begin, finish, disconnect } = value as Partial<ConnectableMailbox>;
  return [begin, finish, disconnect].every((method) => typeof method === 'function');
}
