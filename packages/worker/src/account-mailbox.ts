// A mailbox for a worker out of the settings of an account.
import { cached, genericProvider, isCached, type Mailer, PROVIDERS } from '@mailgrant/core';
import { createAccountMailer, type MailAccount } from '@mailgrant/mail';
import type { WorkerMailbox } from './worker.ts';

/**
 * A mailbox from an account as `@mailgrant/mail` knows it, or from what core's `createMailer()` takes. The provider's limits, with
 * what `limits` changes of them, become the worker's, which all workers on a store keep together. A `token` source is cached
 * once for all connections; with other ways to a token each connection gets one of its own.
 *
 * @throws TypeError `ERR_INPUT_OPTION` for settings no mailer could be made with
 */
export function mailboxOf(account: MailAccount): WorkerMailbox {
  const provider = providerOf(account);
  const limits = { ...provider.limits, ...account.limits };
  const { token } = account;
  const shared =
    typeof token !== 'function' || isCached(token)
      ? token
      : cached(token, { earlyBy: provider.tokenMargin, reserve: provider.tokenReserve });
  const mailer = (): Mailer =>
    createAccountMailer({
      ...account,
      ...(shared !== undefined && { token: shared }),
      // The worker has a better place to wait, and counts over all workers.
      retries: 0,
      limits: { ...account.limits, connections: 1, messagesPerMinute: undefined, recipientsPerDay: undefined },
    });
  void mailer().close(); // opens nothing, and says what is wrong
  return {
    mailer,
    connections: limits.connections,
    ratePerMinute: limits.messagesPerMinute ?? null,
    recipientsPerDay: limits.recipientsPerDay ?? null,
    recipientsPerMessage: limits.recipientsPerMessage,
    idleTimeout: account.idleTimeout,
  };
}

/** An unknown name is for the mailer to refuse, which says what there is. */
function providerOf({ provider, host }: MailAccount): (typeof PROVIDERS)['microsoft365'] {
  if (typeof provider === 'object') return provider;
  if (provider === undefined && host !== undefined) return genericProvider(host);
  return (PROVIDERS as Partial<typeof PROVIDERS>)[provider ?? 'microsoft365'] ?? PROVIDERS.microsoft365;
}
