// Every mailer of the application by its name: those of MailModule, and those made at run time.
import {
  type MailClient,
  type MailClientOptions,
  type MailClients,
  createMailClient,
  createMailClients,
} from '@mailgrant/mail';
import { Inject, Injectable, Logger, type OnApplicationShutdown, Optional } from '@nestjs/common';
import { type BeforeSend, type MailEventName, type MailListener, MailListeners } from './mail-events.ts';
import type { MailListenerOptions } from './mail-listeners.ts';
import type { MailModuleOptions, MailTenantsOptions } from './options.ts';
import { DEFAULT_MAILER, MAIL_CLIENT_FACTORY } from './tokens.ts';

/** Mailers by name that are made when they are asked for. */
export type MailTenants = Pick<MailClients, 'get' | 'has' | 'names' | 'remove' | 'resolve' | 'close'>;

/** What makes clients. Tests provide another one. */
export interface MailClientFactory {
  readonly one: (options: MailClientOptions) => MailClient;
  readonly tenants: (options: MailTenantsOptions) => MailTenants;
  /** Whether mailers that nobody has configured are made when they are asked for. */
  readonly makesUp: boolean;
}

const REAL: MailClientFactory = { one: createMailClient, tenants: createMailClients, makesUp: false };

@Injectable()
export class MailRegistry implements OnApplicationShutdown {
  readonly #factory: MailClientFactory;
  readonly #listeners = new MailListeners();
  readonly #mailers = new Map<string, MailClient>();
  readonly #made = new Set<MailClient>();
  #tenants: MailTenants | undefined;

  constructor(@Optional() @Inject(MAIL_CLIENT_FACTORY) factory: MailClientFactory = REAL) {
    this.#factory = factory;
  }

  /** Names of the mailers of `MailModule`, without those made at run time. */
  get fixedNames(): readonly string[] {
    return [...this.#mailers.keys()];
  }

  /** Names of all mailers there are at the moment. */
  get names(): readonly string[] {
    return [...new Set([...this.#mailers.keys(), ...(this.#tenants?.names ?? [])])];
  }

  /** Whether there is such a mailer at the moment. One that `forTenants()` could make is not there yet. */
  has(name: string): boolean {
    return this.#mailers.has(name) || this.#tenants?.has(name) === true;
  }

  /**
   * The mailer of this name.
   * @throws when there is none at the moment; `resolve()` also makes those of `MailModule.forTenants()`
   */
  get(name: string = DEFAULT_MAILER): MailClient {
    const mailer = this.#mailers.get(name);
    if (mailer !== undefined) return mailer;
    if (this.#tenants?.has(name) === true) return this.#tenants.get(name);
    if (!this.#factory.makesUp) return createMailClients({}).get(name); // which throws
    const madeUp = this.make(name, {});
    this.add(name, madeUp);
    return madeUp;
  }

  /**
   * The mailer that `MailModule.forTenants()` has for this name, made if need be. Ask for it at every use, do not keep it: one
   * that nobody uses for a while is closed. A tenant who calls himself like a mailer of the application does not get it.
   * Without `forTenants()` it is what `get(name)` returns.
   * @throws when there is none of this name, and what `resolve` of the options throws
   */
  async resolve(name: string): Promise<MailClient> {
    if (this.#tenants === undefined) return this.get(name);
    const client = await this.#tenants.resolve(name);
    this.#listeners.hear(client);
    return client;
  }

  /** Closes a mailer that `resolve()` made and forgets it: what changed in its options holds from the next `resolve()` on. */
  async remove(name: string): Promise<void> {
    await this.#tenants?.remove(name);
  }

  /**
   * Calls the listener at each such event of every mailer, until the returned function is called. What it throws is logged.
   */
  on<E extends MailEventName>(
    event: E,
    listener: MailListener<E>,
    { mailer, where = 'a mail listener' }: MailListenerOptions & { readonly where?: string } = {},
  ): () => void {
    return this.#listeners.on(event, listener, { mailer, where });
  }

  /** Asks the hook before each mail, after `hooks.beforeSend` of the mailer's options, until the returned function is called. */
  beforeSend(hook: BeforeSend, { mailer }: MailListenerOptions = {}): () => void {
    return this.#listeners.beforeSend(hook, mailer);
  }

  /** @internal Makes the client of a MailModule. */
  make(name: string, options: MailModuleOptions): MailClient {
    const { verifyOnStartup: _, ...ofClient } = options;
    const client = this.#factory.one({ ...ofClient, name, hooks: this.#listeners.hooked(options.hooks) });
    this.#made.add(client);
    return client;
  }

  /** @internal Enters the client of a MailModule, which tests may have replaced. */
  add(name: string, client: MailClient): void {
    if (this.#mailers.has(name)) {
      const message = `There are two mailers with the name "${name}". Each is used where its own module is imported; give one another name.`;
      new Logger('MailModule').warn(message);
    } else this.#mailers.set(name, client);
    this.#listeners.hear(client);
  }

  /** @internal */
  useTenants({ resolve, ...options }: MailTenantsOptions): void {
    if (this.#tenants !== undefined) {
      new Logger('MailModule').warn('MailModule.forTenants() is there twice. The first one is used.');
      return;
    }
    this.#tenants = this.#factory.tenants({
      ...options,
      resolve: async (name) => {
        const found = await resolve(name);
        return found && { ...found, hooks: this.#listeners.hooked(found.hooks) };
      },
    });
  }

  /** After the last request was answered, so that those in flight still get their mails out. */
  async onApplicationShutdown(): Promise<void> {
    const closing = [...this.#made, ...(this.#tenants ? [this.#tenants] : [])].map((each) => each.close());
    for (const result of await Promise.allSettled(closing)) {
      if (result.status === 'rejected')
        new Logger('MailModule').error(`A mailer could not be closed: ${String(result.reason)}`);
    }
  }
}
