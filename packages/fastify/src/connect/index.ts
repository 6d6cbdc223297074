// "Connect with Microsoft" for a Fastify server: the plugin. Exported in every way `import`, `import()` and `require()` look for.
import type { FastifyPluginAsync } from 'fastify';
import { checkOptions, type ConnectOptions } from './options.ts';
import { connectRoutes, takeAnyBody, withoutQuery } from './routes.ts';

export type { AuthorizeHook, ConnectableMailbox, ConnectedAccount, ConnectEvent, ConnectOptions } from './options.ts';

/** The plugin, which is what `require()` gives. */
export interface ConnectPlugin extends FastifyPluginAsync<ConnectOptions> {
  readonly connect: ConnectPlugin;
  readonly default: ConnectPlugin;
}

const register: FastifyPluginAsync<ConnectOptions> = async (fastify, options) => {
  const checked = checkOptions(options);
  const { begin, callback, disconnect } = connectRoutes(checked);
  const guarded = { preHandler: checked.authorize, schema: { querystring: QUERY } };
  takeAnyBody(fastify);
  // No HEAD: what looks ahead at links would begin.
  fastify.get('/begin', { ...guarded, exposeHeadRoute: false }, begin);
  fastify.post('/disconnect', guarded, disconnect);
  fastify.get('/callback', { exposeHeadRoute: false, logSerializers: { req: withoutQuery } }, callback);
};

const QUERY = { type: 'object', properties: { name: { type: 'string', minLength: 1, maxLength: 200 } } };

/**
 * Mounts three routes under the prefix it is registered with, for mailboxes made by `entraConnect()`:
 *
 * - `GET begin` leads to Microsoft's sign-in page;
 * - `GET callback` is where Microsoft sends the browser back to: the `redirectUri` of the mailbox;
 * - `POST disconnect` forgets the consent.
 *
 * `?name=` names the mailbox where there are several; a mailer of `fastify.mail` that has the same name tries again at once what
 * failed before. Programs that accept `application/json` get JSON.
 * @throws FastifyError `FST_MAIL_CONNECT_OPTIONS`, when it is registered without `authorize` among others.
 */
export const connect: ConnectPlugin = Object.assign(register as ConnectPlugin, {
  connect: register,
  default: register,
});

// oxlint-disable-next-line import/no-default-export -- for `register(import(…))`
export { connect as default, connect as 'module.exports' };
