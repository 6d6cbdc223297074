// The mailers of one scope of the server: those registered there, and before them those of the scopes around it.
import { InputError } from '@mailgrant/core';
import {
  createMailClients,
  type MailClient,
  type MailClientHealth,
  type MailClients,
  type MailClientsHealth,
  type MailInput,
  type MailSendOptions,
  type SentMail,
} from '@mailgrant/mail';
import { MailerNameTakenError } from './errors.ts';
import { answerable, answerableClient, fitForResponses } from './fit-for-responses.ts';
import { DEFAULT_NAME, type Registration } from './options.ts';

/**
 * The names of an application's mailers. Augment it, and a name that is not there is a compile error:
 *
 * ```ts
 * declare module '@mailgrant/fastify' {
 *   interface MailerNames {
 *     billing: true;
 *   }
 * }
 * ```
 */
export interface MailerNames {}

/** `'default'`, and what `MailerNames` has; any text as long as that is empty. */
export type MailerName = [keyof MailerNames] extends [never] ? string : keyof (MailerNames & { default: true });

/** `fastify.mail`. Errors of sending have a message fit for responses and a `statusCode`; the error itself is their `cause`. */
export interface FastifyMail {
  /** Sends through the mailer `'default'`. */
  send(mail: MailInput, options?: MailSendOptions): Promise<SentMail>;
  /** The same, for call sites of other mail plugins. */
  sendMail(mail: MailInput, options?: MailSendOptions): Promise<SentMail>;
  /**
   * The mailer of this name.
   * @throws TypeError `ERR_MAIL_CLIENT_UNKNOWN`.
   */
  mailer(name?: MailerName): MailClient;
  /**
   * The mailer that `resolve` finds for this name, made if need be: never one of those that were registered, whatever a customer
   * calls himself. Ask each time something is to be sent: a mailer kept aside may have been closed as idle. Where no `resolve` was
   * registered it is what `mailer(name)` returns.
   * @throws TypeError `ERR_MAIL_CLIENT_UNKNOWN`; what `resolve` throws.
   */
  resolve(name: string): Promise<MailClient>;
  /** Whether `mailer(name)` would find it. */
  has(name: string): boolean;
  /** Of the mailers there are at present, sorted. */
  readonly names: readonly string[];
  /** How they stand, from what happened so far: nothing is sent or fetched to find out. `down`: nothing can be sent at present. */
  health(): MailClientsHealth;
}

/** What the plugin keeps of a scope. */
export interface Mailers {
  readonly mail: FastifyMail;
  /**
   * @returns the clients of this registration, by name
   * @throws FastifyError `FST_MAIL_NAME_TAKEN`; TypeError `ERR_INPUT_OPTION`.
   */
  add(registration: Registration): ReadonlyMap<string, MailClient>;
  close(): Promise<void>;
}

const ours = new WeakSet<object>();

/** The mailers that are to be seen in this scope. Something else may be called `mail`, too. */
export function mailOf(fastify: object): FastifyMail | undefined {
  const { mail } = fastify as { readonly mail?: FastifyMail };
  return typeof mail === 'object' && ours.has(mail) ? mail : undefined;
}

/** Finds what is made at run time, here and in the scopes around. */
interface Resolver {
  /** Whether anything is. */
  active(): boolean;
  find(name: string): Promise<MailClient | undefined>;
}

const resolvers = new WeakMap<FastifyMail, Resolver>();

/** @param outer the mailers around this scope */
export function createMailers(outer: FastifyMail | undefined): Mailers {
  const sets: MailClients[] = [];
  /** Those of them that hold what is made at run time. */
  const passing: MailClients[] = [];
  const finders: NonNullable<Registration['find']>[] = [];
  const closing: MailClient[] = [];
  const own = new Map<string, MailClient>();

  const find = (name: string): MailClient | undefined => {
    const client = own.get(name);
    if (client !== undefined) return client;
    if (outer?.has(name)) return outer.mailer(name as MailerName);
    return passing.find((set) => set.has(name))?.get(name);
  };
  const names = (): string[] => [...new Set([...sets.flatMap((set) => set.names), ...(outer?.names ?? [])])].sort();
  const unknown = (name: string): InputError => {
    const known = names().map((one) => `'${one}'`);
    const there = known.length === 0 ? 'none is registered here' : `there is ${known.join(', ')}`;
    return new InputError('ERR_MAIL_CLIENT_UNKNOWN', `there is no mailer '${name}': ${there}`);
  };

  const mailer = (name: string = DEFAULT_NAME): MailClient => {
    const client = find(name);
    if (client === undefined) throw fitForResponses(unknown(name));
    return answerableOnce(client);
  };

  const around = outer && resolvers.get(outer);
  const resolver: Resolver = {
    active: () => passing.length + finders.length > 0 || around?.active() === true,
    async find(name) {
      for (const set of passing) {
        try {
          return await set.resolve(name);
        } catch (error) {
          if (!(error instanceof InputError && error.code === 'ERR_MAIL_CLIENT_UNKNOWN')) throw error;
        }
      }
      for (const finder of finders) {
        const found = await finder(name);
        if (found !== undefined) return found;
      }
      return around?.find(name);
    },
  };

  const resolve = async (name: string): Promise<MailClient> => {
    const client = resolver.active() ? await resolver.find(name) : find(name);
    if (client === undefined) throw unknown(name);
    return client;
  };

  const send: FastifyMail['send'] = async (mail, options) => mailer().send(mail, options);

  const mail: FastifyMail = {
    send,
    sendMail: send,
    mailer,
    resolve: async (name) => answerableOnce(await answerable(() => resolve(name))),
    has: (name) => find(name) !== undefined,
    get names() {
      return names();
    },
    health: () => together([...(outer === undefined ? [] : [outer.health()]), ...sets.map((set) => set.health())]),
  };
  ours.add(mail);
  resolvers.set(mail, resolver);
  return {
    mail,
    add({ clients, close, resolve: resolveName, find: finder, idleAfter, limit }) {
      const names = Object.keys(clients);
      for (const name of names) if (own.has(name)) throw new MailerNameTakenError(name);
      const made = createMailClients({ resolve: resolveName, idleAfter, limit });
      const set = createMailClients({ clients });
      const registered = new Map(names.map((name) => [name, set.get(name)]));
      for (const [name, client] of registered) own.set(name, client);
      sets.unshift(made); // in health, those that were registered hide the others
      sets.push(set);
      if (resolveName !== undefined) passing.push(made);
      if (finder !== undefined) finders.push(finder);
      closing.push(...close);
      return registered;
    },
    async close() {
      const results = await Promise.allSettled([...sets, ...closing].map((one) => one.close()));
      for (const result of results) if (result.status === 'rejected') throw result.reason;
    },
  };
}

const answerables = new WeakMap<MailClient, MailClient>();

/** The same one each time. */
function answerableOnce(client: MailClient): MailClient {
  const known = answerables.get(client);
  if (known !== undefined) return known;
  const made = answerableClient(client);
  answerables.set(client, made);
  answerables.set(made, made);
  return made;
}

/** Inner names hide outer ones, as they do in `mailer()`. */
function together(healths: readonly MailClientsHealth[]): MailClientsHealth {
  const clients: Record<string, MailClientHealth> = Object.assign({}, ...healths.map((health) => health.clients));
  const all = Object.values(clients);
  const worst = all.some(({ status }) => status !== 'up') ? 'degraded' : 'up';
  return { status: all.length > 0 && all.every(({ status }) => status === 'down') ? 'down' : worst, clients };
}
