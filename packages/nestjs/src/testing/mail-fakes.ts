// The fake mailers of one application under test.
import { type MailClientOptions, createMailClients } from '@mailgrant/mail';
import { type FakeMailClient, createFakeMailClient } from '@mailgrant/mail/testing';
import type { MailClientFactory, MailTenants } from '../mail-registry.ts';
import type { MailTenantsOptions } from '../options.ts';
import { DEFAULT_MAILER } from '../tokens.ts';

export class MailFakes implements MailClientFactory {
  readonly makesUp = true;
  readonly #fakes = new Map<string, FakeMailClient>();

  /** @throws when there is no such mailer, or not yet */
  get(name: string): FakeMailClient {
    const fake = this.#fakes.get(name);
    if (fake !== undefined) return fake;
    const names = [...this.#fakes.keys()].join(', ');
    throw new Error(`No mailer "${name}" was asked for in this application; there are: ${names || 'none'}.`);
  }

  readonly one = (options: MailClientOptions): FakeMailClient => {
    const { account, accounts, mailer: _, closeMailer: __, strategy: ___, ...treatment } = options;
    const user = account?.user ?? accounts?.[0]?.user ?? 'noreply@example.com'; // settings may be missing in tests
    const fake = createFakeMailClient({ ...treatment, user });
    this.#fakes.set(options.name ?? DEFAULT_MAILER, fake);
    return fake;
  };

  readonly tenants = ({ resolve }: MailTenantsOptions): MailTenants => {
    const made = new Map<string, FakeMailClient>();
    const none = createMailClients({});
    return {
      has: (name) => made.has(name),
      get: (name = DEFAULT_MAILER) => made.get(name) ?? none.get(name),
      get names() {
        return [...made.keys()];
      },
      resolve: async (name) => {
        const options = made.has(name) ? undefined : await resolve(name);
        if (options !== undefined && !made.has(name)) made.set(name, this.one({ ...options, name }));
        return made.get(name) ?? none.get(name);
      },
      remove: (name) => Promise.resolve(void made.delete(name)),
      close: () => Promise.resolve(),
    };
  };
}
