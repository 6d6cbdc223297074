// Mail that is sent by a worker, from a Fastify server: `fastify.outbox`. Needs the package `@mailgrant/worker`.
import { hostOutbox, type HostOptions, type Outbox } from '@mailgrant/worker';
import type { FastifyPluginAsync } from 'fastify';
import fp from 'fastify-plugin';

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

const register: FastifyPluginAsync<HostOptions> = async (fastify, options) => {
  const onProblem = (err: unknown): void => fastify.log.warn({ err }, 'the mail worker met a problem, and tries again');
  const { worker } = options;
  const hosted = await hostOutbox(worker === undefined ? options : { ...options, worker: { onProblem, ...worker } });
  fastify.decorate('outbox', hosted.outbox);
  fastify.addHook('onReady', () => hosted.start());
  fastify.addHook('onClose', async () => {
    try {
      await hosted.close();
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
