// `verifyOnReady`, and what the log is told of a mailer's tokens.
import type { MailClient } from '@mailgrant/mail';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { MailVerificationError } from './errors.ts';

/** Milliseconds kept back of Fastify's limit for plugins and `onReady`, so that what is told is why the login failed. */
const SPARE = 1000;

/** @param clients those of one registration, by name */
export function verifyOnReady(
  fastify: FastifyInstance,
  clients: ReadonlyMap<string, MailClient>,
  mode: 'warn' | 'fail',
): void {
  const closing = new AbortController();
  fastify.addHook('onReady', async () => {
    const logins = [...clients].map(([name, client]) => logIn(fastify, name, client, mode, closing.signal));
    if (mode === 'fail') await Promise.all(logins);
  });
  fastify.addHook('onClose', async () => closing.abort());
}

async function logIn(
  { log, initialConfig }: FastifyInstance,
  name: string,
  client: MailClient,
  mode: 'warn' | 'fail',
  signal: AbortSignal,
): Promise<void> {
  const limit = initialConfig.pluginTimeout ?? 10_000;
  const inTime = mode === 'fail' && limit > 2 * SPARE ? { deadline: limit - SPARE } : {};
  try {
    await client.verify({ signal, ...inTime });
    log.info({ mailer: name }, 'the mailer can log in');
  } catch (cause) {
    if (signal.aborted) return;
    // Loaded with the first failure: the catalogue is larger than all of this plugin.
    const { explain } = await import('@mailgrant/core/diagnosis');
    const { title, remedy } = explain(cause);
    if (mode === 'fail') throw new MailVerificationError(name, title, { cause });
    log.warn({ mailer: name, err: cause, remedy }, `the mailer cannot log in: ${title}`);
  }
}

/** A token that cannot be renewed stops no mail as long as the old one is valid; nobody would notice. */
export function logTokens(log: FastifyBaseLogger, name: string, client: MailClient): void {
  client.on('token', ({ account, event }) => {
    const facts = { mailer: name, account };
    if (event.type === 'renewal-failed') {
      const { error: err, usableUntil } = event;
      const until = usableUntil === undefined ? undefined : new Date(usableUntil).toISOString();
      log.warn({ ...facts, err, usableUntil: until }, 'the access token could not be renewed');
    } else if (event.type === 'refused') {
      // What comes of it is told by whatever needed the token.
      log.debug(facts, 'the mail server refused an access token');
    } else if (event.type === 'store-failed') {
      log.warn({ ...facts, err: event.error }, 'the token store failed: tokens are not shared with other processes');
    }
  });
}
