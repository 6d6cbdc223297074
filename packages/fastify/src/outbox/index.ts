// Mail that is sent by a worker, from a Fastify server: `fastify.outbox`. Needs the package `@mailgrant/worker`.
import { hostOutbox, type HostOptions, lateOutbox, type Outbox } from '@mailgrant/worker';
import type { FastifyPluginAsync } from 'fastify';
import fp from 'fastify-plugin';
import { settlesWithin } from './settles-within.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Mails that a worker will send. */
    outbox: Outbox;
  }
}

export type { HostOptions as OutboxPluginOptions, Outbox };

/** The plugin, which is what `require()` gives. */
export interface OutboxPlugin extends FastifyPluginAsync<HostOptions> {
  readonly default: OutboxPlugin;
  readonly outbox: OutboxPlugin;
}

/**
 * Milliseconds a start waits for the outbox. The first one makes a database, which a slow machine may need longer for than
 * the ten seconds Fastify gives a plugin: then calls wait for it, not the server.
 */
const PATIENCE = 8_000;

const register: FastifyPluginAsync<HostOptions> = async (fastify, options) => {
  const onProblem = (err: unknown): void => fastify.log.warn({ err }, 'the mail worker met a problem, and tries again');
  const { worker } = options;
  const opening = hostOutbox(worker === undefined ? options : { ...options, worker: { onProblem, ...worker } });
  fastify.decorate(
    'outbox',
    lateOutbox(async () => (await opening).outbox),
  );
  const onLate = (err: unknown): void => fastify.log.error({ err }, 'the outbox could not be opened');
  if (!(await settlesWithin(PATIENCE, opening))) {
    fastify.log.warn('the outbox is still being opened; whoever uses it waits');
    opening.catch(onLate);
  }
  let started: Promise<void> | undefined;
  fastify.addHook('onReady', async () => {
    started = opening.then((hosted) => hosted.start());
    if (!(await settlesWithin(PATIENCE, started))) started.catch(onLate);
  });
  fastify.addHook('onClose', async () => {
    try {
      await started?.catch(() => undefined);
      await (await opening).close();
    } catch (err) {
      // The server is to end all the same.
      fastify.log.error({ err }, 'the outbox could not be closed');
    }
  });
};

/**
 * Adds `fastify.outbox`: mails that are kept, and sent by a worker: in another process on this machine (`dir`), on the same
 * PostgreSQL database (`store`), or in this process (`worker`), where it starts with the server and ends with it.
 *
 * ```ts
 * await fastify.register(outbox, { dir: '/var/lib/mailgrant' });
 * await fastify.outbox.scheduleMail({ mailbox: 'noreply', mail, sendAt: tomorrow, idempotencyKey: `reminder ${order}` });
 * ```
 *
 * @throws TypeError `ERR_INPUT_OPTION` for options that do not fit together
 */
export const outbox: OutboxPlugin = Object.assign(
  fp(register, { fastify: '5.x', name: '@mailgrant/fastify/outbox' }) as OutboxPlugin,
  { outbox: register, default: register },
);

// oxlint-disable-next-line import/no-default-export -- for `register(import(…))`
export { outbox as default, outbox as 'module.exports' };
