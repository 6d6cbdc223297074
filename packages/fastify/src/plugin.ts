// The plugin: mailers into a scope of the server, `mail` onto requests, all closed when the server is.
import {
  defineMail,
  html,
  httpProblem,
  isMailError,
  mailOptionsFromEnv,
  mailOptionsSchema,
  textOf,
} from '@mailgrant/mail';
import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import fp from 'fastify-plugin';
import { createMailers, type FastifyMail, mailOf, type Mailers } from './mailers.ts';
import { type MailPluginOptions, readOptions } from './options.ts';
import { logTokens, verifyOnReady } from './ready.ts';
import { requestMail, type RequestMail } from './request-mail.ts';
import { noteResponse } from './request-signal.ts';
import { standInOf } from './stand-in.ts';

declare module 'fastify' {
  interface FastifyInstance {
    mail: FastifyMail;
  }
  interface FastifyRequest {
    readonly mail: RequestMail;
  }
}

/** The plugin, which is what `require()` gives; what else there is to import hangs on it. */
export interface MailPlugin extends FastifyPluginAsync<MailPluginOptions> {
  readonly default: MailPlugin;
  readonly mail: MailPlugin;
  readonly defineMail: typeof defineMail;
  readonly html: typeof html;
  readonly httpProblem: typeof httpProblem;
  readonly isMailError: typeof isMailError;
  readonly mailOptionsFromEnv: typeof mailOptionsFromEnv;
  readonly mailOptionsSchema: typeof mailOptionsSchema;
  readonly textOf: typeof textOf;
}

const scopes = new WeakMap<FastifyInstance, Mailers>();

const register: FastifyPluginAsync<MailPluginOptions> = async (fastify, options) => {
  const registration = standInOf(fastify)(readOptions(options));
  const clients = scopeOf(fastify).add(registration);
  for (const [name, client] of clients) logTokens(fastify.log, name, client);
  if (registration.verifyOnReady !== 'off') verifyOnReady(fastify, clients, registration.verifyOnReady);
};

/**
 * Adds mailers to the server: `fastify.mail`, `request.mail`. Nothing is connected or fetched before the first mail, unless
 * `verifyOnReady` says so. Closed in `onClose`, when the requests under way have been answered.
 *
 * ```ts
 * await fastify.register(mail, { user: 'noreply@contoso.com', tenantId, clientId, clientSecret });
 * await fastify.mail.send({ from: 'noreply@contoso.com', to: 'ada@example.org', subject: 'Hello', text: 'Hi' });
 * ```
 *
 * Registering again adds mailers under other names.
 * @throws FastifyError `FST_MAIL_OPTIONS`, `FST_MAIL_NAME_TAKEN`; TypeError `ERR_INPUT_OPTION` naming every option that cannot work.
 */
export const mail: MailPlugin = Object.assign(
  fp(register, { fastify: '5.x', name: '@mailgrant/fastify' }) as MailPlugin,
  { mail: register, default: register },
  { defineMail, html, httpProblem, isMailError, mailOptionsFromEnv, mailOptionsSchema, textOf },
);

/** The mailers of a scope of their own, made with its first registration. */
function scopeOf(fastify: FastifyInstance): Mailers {
  const known = scopes.get(fastify);
  if (known !== undefined) return known;
  const outer = mailOf(fastify);
  const mailers = createMailers(outer);
  fastify.decorate('mail', mailers.mail);
  if (outer === undefined) {
    fastify.decorateRequest('mail', {
      getter() {
        return requestMail(this, this.server.mail);
      },
    });
    fastify.addHook('onRequest', noteResponse);
  }
  fastify.addHook('onClose', async () => {
    try {
      await mailers.close();
    } catch (err) {
      // The server is to end all the same.
      fastify.log.error({ err }, 'the mailers could not be closed');
    }
  });
  scopes.set(fastify, mailers);
  return mailers;
}
