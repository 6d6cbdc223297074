// The three steps of connecting a mailbox: the authorization code grant with PKCE (RFC 6749 section 4.1, RFC 7636).
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type MailerName, mailOf } from '../mailers.ts';
import { isCrossSite } from './cross-site.ts';
import { type CheckedOptions, type ConnectableMailbox, DEFAULT_NAME } from './options.ts';
import { CONNECTED, CROSS_SITE, DISCONNECTED, NOT_BEGUN, type Outcome, outcomeOf, UNKNOWN_MAILBOX } from './outcome.ts';
import { sendOn, sendOutcome } from './page.ts';
import { forgetBegun, recallBegun, rememberBegun } from './state-cookie.ts';

type Step = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;

export function connectRoutes(options: CheckedOptions): Record<'begin' | 'callback' | 'disconnect', Step> {
  /** For what the application's own pages call. */
  const own =
    (run: (mailbox: ConnectableMailbox, name: string, request: FastifyRequest, reply: FastifyReply) => Promise<void>) =>
    async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      const { name = DEFAULT_NAME } = request.query as { readonly name?: string };
      const mailbox = await options.find(name);
      if (isCrossSite(request)) sendOutcome(request, reply, CROSS_SITE, name);
      else if (mailbox === undefined) sendOutcome(request, reply, UNKNOWN_MAILBOX, name);
      else await run(mailbox, name, request, reply);
      return reply;
    };

  const succeed = (request: FastifyRequest, reply: FastifyReply, outcome: Outcome, name: string): void => {
    const { code, title } = outcome;
    if (options.returnTo === undefined) sendOutcome(request, reply, outcome, name);
    else sendOn(request, reply, options.returnTo, { code, message: title });
  };

  return {
    begin: own(async (mailbox, name, request, reply) => {
      const begun = await attempt(request, reply, name, () => mailbox.begin());
      if (begun === undefined) return;
      const { url, state, expiresAt } = begun;
      rememberBegun(reply, { name, state }, expiresAt - Date.now());
      request.log.info({ mailbox: name }, 'somebody begins to connect a mailbox');
      sendOn(request, reply, url, { url, expiresAt });
    }),

    async callback(request, reply) {
      const { state } = request.query as { readonly state?: unknown };
      const begun = recallBegun(request, state);
      if (begun === undefined) {
        // The cookie stays: a link somebody sent must not spoil a sign-in that is under way.
        request.log.warn('a callback that this browser did not begin was refused');
        // Which of several mailboxes it was about, nobody knows.
        sendOutcome(request, reply, { ...NOT_BEGUN, again: options.single }, DEFAULT_NAME);
        return reply;
      }
      forgetBegun(reply);
      const { name } = begun;
      const mailbox = await options.find(name);
      if (mailbox === undefined) {
        sendOutcome(request, reply, UNKNOWN_MAILBOX, name);
        return reply;
      }
      const account = await attempt(request, reply, name, () => mailbox.finish(request.url, { state: begun.state }));
      if (account === undefined) return reply;
      request.log.info({ mailbox: name }, 'a mailbox was connected');
      resume(request.server, name);
      await options.onConnected({ name, account, request });
      succeed(request, reply, CONNECTED, name);
      return reply;
    },

    disconnect: own(async (mailbox, name, request, reply) => {
      const done = await attempt(request, reply, name, async () => (await mailbox.disconnect(), true));
      if (done === undefined) return;
      request.log.info({ mailbox: name }, 'a mailbox was disconnected');
      await options.onDisconnected({ name, request });
      succeed(request, reply, DISCONNECTED, name);
    }),
  };
}

/** Mails that failed because nobody had signed in hold the next ones back, and now need not. */
function resume(server: FastifyInstance, name: string): void {
  const mail = mailOf(server);
  if (mail?.has(name)) mail.mailer(name as MailerName).resume();
}

/** Does what may fail for reasons of Microsoft or of the store; then the answer is given here, and the log has the reason. */
async function attempt<T>(
  request: FastifyRequest,
  reply: FastifyReply,
  name: string,
  run: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await run();
  } catch (err) {
    const outcome = outcomeOf(err);
    request.log[outcome.status < 500 ? 'warn' : 'error']({ mailbox: name, err }, `connecting failed: ${outcome.code}`);
    sendOutcome(request, reply, outcome, name);
    return undefined;
  }
}

/** No route here reads a body; forms and JSON are both welcome. */
export function takeAnyBody(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', { parseAs: 'string', bodyLimit: 16_384 }, (_request, _body, done) => done(null));
}

/** A request for the log: the query of a callback holds an authorization code. */
export function withoutQuery(request: FastifyRequest): object {
  const { method, url, host, ip, socket } = request;
  return { method, url: url.split('?', 1)[0], host, remoteAddress: ip, remotePort: socket?.remotePort };
}
