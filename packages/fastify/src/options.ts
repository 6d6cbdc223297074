// What the plugin can be registered with, and what becomes of it: mail clients by name.
import type { Mailer } from '@mailgrant/core';
import type { MailAccount, MailClient, MailClientOptions, MailClientsOptions } from '@mailgrant/mail';
import { MailOptionsError } from './errors.ts';

/** What goes with every way to register. */
export interface RegistrationOptions {
  /**
   * Logs in when the server is ready: `'warn'` does so beside it and writes to the log what it finds, `'fail'` makes `ready()`
   * and `listen()` wait for it, and fail with it. Default `'off'`: a mail service that is away keeps no server from starting.
   */
  readonly verifyOnReady?: 'off' | 'warn' | 'fail' | undefined;
}

type Treatment = Omit<MailClientOptions, 'account' | 'accounts' | 'strategy' | 'mailer' | 'closeMailer'>;

/** One mailbox: the fields of its account, and how mails are treated, side by side. `name` is that of the mailer. */
export interface AccountOptions extends RegistrationOptions, Treatment, Omit<MailAccount, 'name'> {}

/** The options of a mail client, as `mailOptionsFromEnv()` has them. */
export interface ClientOptions extends RegistrationOptions, Omit<MailClientOptions, 'mailer' | 'closeMailer'> {}

/** A mailer of `@mailgrant/core`, a client of `@mailgrant/mail`, or a fake. */
export interface GivenMailerOptions extends RegistrationOptions, Treatment {
  readonly mailer: Mailer | MailClient;
  /** Closes `mailer` with the server. Default `false`: whoever made it closes it. */
  readonly closeClient?: boolean | undefined;
}

/** Several, by name; and those that are made when somebody asks for them. */
export interface SeveralMailersOptions
  extends RegistrationOptions, Pick<MailClientsOptions, 'resolve' | 'idleAfter' | 'limit'> {
  readonly mailers?: Readonly<Record<string, Omit<MailAccount, 'name'> | MailClientOptions | MailClient>> | undefined;
  /** Closes the clients among `mailers` with the server. Default `false`. */
  readonly closeClient?: boolean | undefined;
}

export type MailPluginOptions = AccountOptions | ClientOptions | GivenMailerOptions | SeveralMailersOptions;

/** The same, in one form. */
export interface Registration {
  readonly clients: Readonly<Record<string, MailClientOptions | MailClient>>;
  readonly resolve: MailClientsOptions['resolve'];
  /** As `resolve`, for fakes: it finds clients that are there. */
  readonly find?: ((name: string) => Promise<MailClient | undefined>) | undefined;
  readonly idleAfter: number | undefined;
  readonly limit: number | undefined;
  /** Clients that were given and are to be closed all the same. */
  readonly close: readonly MailClient[];
  readonly verifyOnReady: 'off' | 'warn' | 'fail';
}

/** What Fastify puts among the options of every plugin. */
const OF_FASTIFY = ['prefix', 'logLevel', 'logSerializers'];
const OF_SEVERAL = ['mailers', 'resolve', 'idleAfter', 'limit', 'closeClient'];

/** A table, so that the compiler says which option is missing here. */
const OF_CLIENT: Readonly<Record<keyof MailClientOptions, true>> = {
  account: true,
  accounts: true,
  allowFiles: true,
  allowRecipients: true,
  allowUrls: true,
  alwaysTo: true,
  closeMailer: true,
  deadline: true,
  defaults: true,
  hooks: true,
  mailer: true,
  name: true,
  onDisallowed: true,
  showOriginalTo: true,
  strategy: true,
  textFromHtml: true,
};

export const DEFAULT_NAME = 'default';

/** @throws FastifyError `FST_MAIL_OPTIONS` where options do not go together; what a client takes is checked by the client. */
export function readOptions(options: MailPluginOptions): Registration {
  const given = Object.entries(options).filter(([name, value]) => value !== undefined && !OF_FASTIFY.includes(name));
  const { verifyOnReady = 'off', ...rest } = Object.fromEntries(given) as Record<string, unknown>;
  if (verifyOnReady !== 'off' && verifyOnReady !== 'warn' && verifyOnReady !== 'fail') {
    throw new MailOptionsError("verifyOnReady: expected 'off', 'warn' or 'fail'");
  }
  if ('mailers' in rest || 'resolve' in rest) return { ...several(rest), verifyOnReady };
  return { ...single(rest), verifyOnReady };
}

function several(options: Readonly<Record<string, unknown>>): Omit<Registration, 'verifyOnReady'> {
  const { mailers = {}, resolve, idleAfter, limit, closeClient } = options as SeveralMailersOptions;
  const others = Object.keys(options).filter((name) => !OF_SEVERAL.includes(name));
  if (others.length > 0) {
    throw new MailOptionsError(`${others.join(', ')}: goes into each of mailers, or into a registration of its own`);
  }
  if (typeof mailers !== 'object' || mailers === null) throw new MailOptionsError('mailers: expected mailers by name');
  const clients = Object.entries(mailers).map(
    ([name, one]) => [name, isClient(one) ? one : named(name, one as Record<string, unknown>)] as const,
  );
  const given = clients.map(([, one]) => one).filter(isClient);
  const close = closeClient === true ? given : [];
  return { clients: Object.fromEntries(clients), resolve, idleAfter, limit, close };
}

function single(options: Readonly<Record<string, unknown>>): Omit<Registration, 'verifyOnReady'> {
  const { closeClient, ...rest } = options;
  const { mailer } = rest;
  if (closeClient !== undefined && mailer === undefined) throw new MailOptionsError('closeClient: goes with mailer');
  const name = typeof rest['name'] === 'string' ? rest['name'] : DEFAULT_NAME;
  const none = { resolve: undefined, idleAfter: undefined, limit: undefined };
  if (isClient(mailer)) {
    const others = Object.keys(rest).filter((option) => option !== 'mailer' && option !== 'name');
    if (others.length > 0)
      throw new MailOptionsError(`${others.join(', ')}: is for the client to know, which was given`);
    return { clients: { [name]: mailer }, close: closeClient === true ? [mailer] : [], ...none };
  }
  const client = { ...clientOptions(rest), ...(closeClient !== undefined && { closeMailer: closeClient === true }) };
  return { clients: { [name]: client }, close: [], ...none };
}

function named(name: string, options: Readonly<Record<string, unknown>>): MailClientOptions {
  const { name: other = name } = options;
  if (other === name) return { ...clientOptions(options), name };
  throw new MailOptionsError(`mailers.${name}.name: it has a name; what to say in EHLO goes into account: { name }`);
}

/** Fields of an account may stand beside the options of the client; then they are the account. */
function clientOptions(options: Readonly<Record<string, unknown>>): MailClientOptions {
  const ofClient = Object.entries(options).filter(([name]) => name in OF_CLIENT);
  const account = Object.entries(options).filter(([name]) => !(name in OF_CLIENT));
  const named = ['account', 'accounts', 'mailer'].some((name) => options[name] !== undefined);
  // Beside a client's account they are mistakes, which the client names.
  return Object.fromEntries(
    named || account.length === 0 ? Object.entries(options) : [...ofClient, ['account', Object.fromEntries(account)]],
  ) as unknown as MailClientOptions;
}

/** Clients have `sendMail`; mailers of core do not. */
export function isClient(value: unknown): value is MailClient {
  return typeof value === 'object' && value !== null && 'sendMail' in value && typeof value.sendMail === 'function';
}
