// Fakes in the place of whatever mailers an application registers.
import type { MailClient, MailClientOptions } from '@mailgrant/mail';
import { createFakeMailClient, type FakeMailClient, type FakeMailClientOptions } from '@mailgrant/mail/testing';
import type { FastifyInstance } from 'fastify';
import { DEFAULT_NAME, isClient, type Registration } from '../options.ts';
import { STAND_IN, type StandIn } from '../stand-in.ts';

/**
 * The fake under a name, `'default'` without one.
 * @throws Error while the application has registered, or asked `resolve()` for, no mailer of this name.
 */
export type FakeMail = (name?: string) => FakeMailClient;

/**
 * Makes all mailers that are registered on this server from now on, in whatever scope, into fakes: they compose, keep to the
 * rules they were registered with (`defaults`, `alwaysTo`, `hooks` …), and connect nowhere.
 *
 * ```ts
 * const app = fastify();
 * const mail = fakeMail(app);
 * await app.register(application);
 * await app.inject({ method: 'POST', url: '/invoices' });
 * mail().assertSent({ to: 'ada@example.org', subject: /invoice/ });
 * ```
 */
export function fakeMail(fastify: FastifyInstance): FakeMail {
  const fakes = new Map<string, FakeMailClient>();
  const fakeOf = (name: string, options: MailClientOptions | MailClient): FakeMailClient => {
    const fake = fakes.get(name) ?? createFakeMailClient({ ...treatmentOf(options), name });
    fakes.set(name, fake);
    return fake;
  };

  const standIn: StandIn = ({ clients, resolve, ...registration }): Registration => ({
    ...registration,
    clients: Object.fromEntries(Object.entries(clients).map(([name, one]) => [name, fakeOf(name, one)])),
    resolve: undefined,
    find:
      resolve &&
      (async (name) => {
        const found = await resolve(name);
        return found && fakeOf(name, found);
      }),
    close: [],
    verifyOnReady: 'off',
  });
  fastify.decorate(STAND_IN, standIn);

  return (name = DEFAULT_NAME) => {
    const fake = fakes.get(name);
    if (fake !== undefined) return fake;
    const known = [...fakes.keys()].join(', ') || 'none';
    throw new Error(`no mailer '${name}' is registered (there is: ${known}); await app.ready() first`);
  };
}

/** How mails are treated stays; where they would go does not matter. */
function treatmentOf(options: MailClientOptions | MailClient): FakeMailClientOptions {
  if (isClient(options)) return {};
  const { account, accounts, strategy: _, mailer: __, closeMailer: ___, ...treatment } = options;
  const user = account?.user ?? accounts?.[0]?.user;
  return { ...treatment, ...(user !== undefined && { user }) };
}
