// Mail clients by name: those known from the start, and those made when somebody asks for them.
import { type CloseOptions, ConnectionError, InputError } from '@mailgrant/core';
import { createMailClient } from './client.ts';
import type { MailClient, MailClientHealth, MailClientOptions } from './mail-client.ts';

export interface MailClientsOptions {
  /** Known from the start: options, for a client that is made and closed here, or a client of yours, which stays open. */
  readonly clients?: Readonly<Record<string, MailClientOptions | MailClient>> | undefined;
  /** Finds the options for a name that is asked for at run time: those of a tenant or customer. `undefined`: no such client. */
  readonly resolve?:
    | ((name: string) => MailClientOptions | undefined | Promise<MailClientOptions | undefined>)
    | undefined;
  /** Milliseconds after which a client that `resolve` made and nobody used is closed. Default 15 minutes. */
  readonly idleAfter?: number | undefined;
  /**
   * How many clients that `resolve` made may be open; the one unused longest makes room, but none that is sending. Default 1000.
   */
  readonly limit?: number | undefined;
  /** The time and its timers. Default: the machine's. */
  readonly clock?: MailClock | undefined;
}

export interface MailClock {
  /** Milliseconds. */
  now(): number;
  /** Runs something later; the returned function calls it off. Must not keep the process alive. */
  after(milliseconds: number, run: () => void): () => void;
}

export interface MailClientsHealth {
  readonly status: MailClientHealth['status'];
  readonly clients: Readonly<Record<string, MailClientHealth>>;
}

/** Several mail clients. */
export interface MailClients {
  /**
   * The client of this name, if it is there: from the start, added, or resolved and not yet closed. Default name `'default'`.
   * @throws TypeError `ERR_MAIL_CLIENT_UNKNOWN`.
   */
  get(name?: string): MailClient;
  /**
   * The client of this name; one that is not there is made from what `resolve` finds. Ask for it each time something is to be
   * sent: a client kept aside may have been closed as idle.
   * @throws TypeError `ERR_MAIL_CLIENT_UNKNOWN`, `ERR_INPUT_OPTION`; what `resolve` throws.
   */
  resolve(name: string): Promise<MailClient>;
  /** @throws TypeError `ERR_MAIL_CLIENT_EXISTS`, `ERR_INPUT_OPTION`. */
  add(name: string, client: MailClientOptions | MailClient): MailClient;
  /** Closes a client (one of yours stays open) and forgets it: the next `resolve(name)` finds its settings anew. */
  remove(name: string, options?: CloseOptions): Promise<void>;
  /** Whether `get(name)` would find it. */
  has(name: string): boolean;
  /** Of the clients that are there at present. */
  readonly names: readonly string[];
  health(): MailClientsHealth;
  /** Closes every client that was made here. */
  close(options?: CloseOptions): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

interface Entry {
  readonly client: MailClient;
  /** Whether closing is up to us. */
  readonly owned: boolean;
  /** Made by `resolve`: it goes when nobody uses it. */
  readonly passing: boolean;
  usedAt: number;
}

/** @throws TypeError `ERR_INPUT_OPTION`, naming the client and its option. */
export function createMailClients(options: MailClientsOptions = {}): MailClients {
  const { clients = {}, resolve, idleAfter = 900_000, limit = 1000, clock = MACHINE_CLOCK } = options;
  if (!(idleAfter > 0 && idleAfter < 2 ** 31)) throw bad('idleAfter: expected milliseconds above 0');
  if (!(Number.isInteger(limit) && limit > 0)) throw bad('limit: expected a whole number above 0');
  const entries = new Map<string, Entry>();
  const resolving = new Map<string, Promise<MailClient>>();
  /** Names that were removed while their settings were looked up: what was found may be what they were before. */
  const outdated = new Set<string>();
  /** Made in this turn of the event loop: whoever asked for them has yet to send, and they must not be closed before. */
  const newcomers = new Set<Entry>();
  /** Clients that are being closed because nobody used them. */
  const leaving = new Set<Promise<void>>();
  let cancelTimer: (() => void) | undefined;
  let closed: Promise<void> | undefined;

  const enter = (name: string, given: MailClientOptions | MailClient, passing: boolean): MailClient => {
    const owned = !isClient(given);
    const client = owned ? named(name, given) : given;
    const entry: Entry = { client, owned, passing, usedAt: clock.now() };
    entries.set(name, entry);
    if (passing) {
      client.on('sending', () => touch(entry));
      if (newcomers.size === 0) setImmediate(makeRoom);
      newcomers.add(entry);
      watch();
    }
    return client;
  };
  const touch = (entry: Entry): void => void (entry.usedAt = clock.now());

  const leave = (name: string, { client, owned }: Entry, closing: CloseOptions = {}): Promise<void> => {
    entries.delete(name);
    if (!owned) return Promise.resolve();
    const left = client.close(closing);
    const gone = left.catch(() => undefined).finally(() => leaving.delete(gone));
    leaving.add(gone);
    return left;
  };

  /** Clients that may go, the one unused longest first. */
  const unused = (): [string, Entry][] =>
    [...entries]
      .filter(([, { passing, client }]) => passing && client.health().pending === 0)
      .toSorted(([, a], [, b]) => a.usedAt - b.usedAt);

  const makeRoom = (): void => {
    const tooMany = [...entries.values()].filter(({ passing }) => passing).length - limit;
    const going = tooMany > 0 ? unused().filter(([, entry]) => !newcomers.has(entry)) : [];
    newcomers.clear();
    for (const [name, entry] of going.slice(0, tooMany)) void leave(name, entry).catch(() => undefined);
  };

  const watch = (): void => {
    if (cancelTimer !== undefined || closed !== undefined) return;
    cancelTimer = clock.after(idleAfter, () => {
      cancelTimer = undefined;
      const since = clock.now() - idleAfter;
      for (const [name, entry] of unused()) {
        if (entry.usedAt <= since) void leave(name, entry).catch(() => undefined);
      }
      if ([...entries.values()].some(({ passing }) => passing)) watch();
    });
  };

  const find = async (name: string): Promise<MailClient> => {
    let found: MailClientOptions | undefined;
    do {
      outdated.delete(name);
      found = await resolve?.(name);
      if (closed !== undefined) throw closedError();
    } while (outdated.has(name));
    if (found === undefined) throw unknown(name);
    return entries.get(name)?.client ?? enter(name, found, true); // added meanwhile
  };

  const registry: MailClients = {
    get(name = 'default') {
      const entry = entries.get(name);
      if (entry === undefined) throw unknown(name);
      touch(entry);
      return entry.client;
    },
    async resolve(name) {
      if (closed !== undefined) throw closedError();
      const entry = entries.get(name);
      if (entry !== undefined) return registry.get(name);
      const under = resolving.get(name) ?? find(name).finally(() => resolving.delete(name));
      resolving.set(name, under);
      return under;
    },
    add(name, client) {
      if (closed !== undefined) throw closedError();
      if (entries.has(name)) {
        throw new InputError('ERR_MAIL_CLIENT_EXISTS', `there is a mail client ${JSON.stringify(name)} already`);
      }
      return enter(name, client, false);
    },
    async remove(name, closing) {
      if (resolving.has(name)) outdated.add(name);
      const entry = entries.get(name);
      if (entry !== undefined) await leave(name, entry, closing);
    },
    has: (name) => entries.has(name),
    get names() {
      return [...entries.keys()];
    },
    health() {
      const known = [...entries].map(([name, { client }]) => [name, client.health()] as const);
      const worst = known.some(([, { status }]) => status !== 'up') ? 'degraded' : 'up';
      const down = known.length > 0 && known.every(([, { status }]) => status === 'down');
      return { status: down ? 'down' : worst, clients: Object.fromEntries(known) };
    },
    close: (closing = {}) => (closed ??= closeAll(closing)),
    [Symbol.asyncDispose]: () => (closed ??= closeAll({})),
  };

  async function closeAll(closing: CloseOptions): Promise<void> {
    cancelTimer?.();
    const ends = [...entries].map(([name, entry]) => leave(name, entry, closing));
    await Promise.all([...ends, ...leaving]);
  }

  for (const [name, client] of Object.entries(clients)) enter(name, client, false);
  return registry;
}

function named(name: string, options: MailClientOptions): MailClient {
  try {
    return createMailClient({ ...options, name: options.name ?? name });
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(error.code, `mail client ${JSON.stringify(name)}: ${error.message}`);
  }
}

const isClient = (given: MailClientOptions | MailClient): given is MailClient =>
  'send' in given && typeof given.send === 'function';

const bad = (message: string): InputError => new InputError('ERR_INPUT_OPTION', message);

const unknown = (name: string): InputError =>
  new InputError('ERR_MAIL_CLIENT_UNKNOWN', `there is no mail client ${JSON.stringify(name.slice(0, 100))}`);

const closedError = (): ConnectionError =>
  new ConnectionError('ERR_MAILER_CLOSED', 'the mail clients are closed', { stage: 'queue' });

const MACHINE_CLOCK: MailClock = {
  now: () => performance.now(),
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds).unref();
    return () => clearTimeout(timer);
  },
};
