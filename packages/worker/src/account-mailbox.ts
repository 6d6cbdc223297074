// A mailbox for a worker out of the settings of a mailer.
import { cached, createMailer, genericProvider, isCached, type MailerOptions, PROVIDERS } from '@mailgrant/core';
import type { WorkerMailbox } from './worker.ts';

/**
 * A mailbox from what `createMailer()` takes: all its connections share one cached token, and the provider's limits, with
 * what `limits` changes of them, become the worker's, which all workers on a store keep together.
 *
 * @throws TypeError `ERR_INPUT_OPTION` for settings no mailer could be made with
 */
export function mailboxOf(options: MailerOptions): WorkerMailbox {
  const { provider: given } = options;
  // An unknown name is for createMailer() to refuse, which says what there is.
  const known = typeof given === 'string' ? (PROVIDERS as Partial<typeof PROVIDERS>)[given] : given;
  const provider = known ?? genericProvider(options.host ?? 'localhost');
  const token = isCached(options.token)
    ? options.token
    : cached(options.token, { earlyBy: provider.tokenMargin, reserve: provider.tokenReserve });
  const limits = { ...provider.limits, ...options.limits };
  const mailer = (): ReturnType<typeof createMailer> =>
    createMailer({
      ...options,
      token,
      // The worker has a better place to wait, and counts over all workers.
      retries: 0,
      limits: { ...options.limits, connections: 1, messagesPerMinute: undefined, recipientsPerDay: undefined },
    });
  void mailer().close(); // opens nothing, and says what is wrong
  return {
    mailer,
    connections: limits.connections,
    ratePerMinute: limits.messagesPerMinute ?? null,
    recipientsPerDay: limits.recipientsPerDay ?? null,
    recipientsPerMessage: limits.recipientsPerMessage,
    idleTimeout: options.idleTimeout,
  };
}
