// `request.mail`: the server's mailers, for one request. Its log gets a line for each mail, its end ends what is not sent yet.
import { mayHaveBeenSent } from '@mailgrant/core';
import type { MailClient, MailInput, MailSendOptions, SentMail } from '@mailgrant/mail';
import type { FastifyRequest } from 'fastify';
import type { FastifyMail, MailerName } from './mailers.ts';
import { DEFAULT_NAME } from './options.ts';
import { signalOf } from './request-signal.ts';

/** A mailer, for one request. */
export interface RequestMailer {
  readonly name: string;
  /**
   * Sends a mail. When the caller hangs up, or the route's `handlerTimeout` passes, before the request is answered, a mail
   * that is not sent yet is not sent any more (`ERR_SMTP_ABORTED`); `fastify.mail.send()` sends it all the same.
   */
  send(mail: MailInput, options?: MailSendOptions): Promise<SentMail>;
  /** The same, for call sites of other mail plugins. */
  sendMail(mail: MailInput, options?: MailSendOptions): Promise<SentMail>;
}

/** `request.mail` */
export interface RequestMail {
  /** Sends through the mailer `'default'`. */
  send: RequestMailer['send'];
  sendMail: RequestMailer['send'];
  /** @throws TypeError `ERR_MAIL_CLIENT_UNKNOWN`. */
  mailer(name?: MailerName): RequestMailer;
  /** @throws TypeError `ERR_MAIL_CLIENT_UNKNOWN`; what `resolve` throws. */
  resolve(name: string): Promise<RequestMailer>;
}

const made = new WeakMap<FastifyRequest, RequestMail>();

/** The same one each time. */
export function requestMail(request: FastifyRequest, mail: FastifyMail): RequestMail {
  const known = made.get(request);
  if (known !== undefined) return known;
  const send: RequestMail['send'] = async (input, options) =>
    requestMailer(request, mail.mailer(), DEFAULT_NAME).send(input, options);
  const own: RequestMail = {
    send,
    sendMail: send,
    mailer: (name = DEFAULT_NAME) => requestMailer(request, mail.mailer(name as MailerName), name),
    resolve: async (name) => requestMailer(request, await mail.resolve(name), name),
  };
  made.set(request, own);
  return own;
}

function requestMailer(request: FastifyRequest, client: MailClient, name: string): RequestMailer {
  const send: RequestMailer['send'] = async (input, options = {}) => {
    const ends = signalOf(request);
    const signal = options.signal === undefined ? ends : AbortSignal.any([ends, options.signal]);
    const start = performance.now();
    const took = (): number => Math.round(performance.now() - start);
    try {
      const sent = await client.send(input, { ...options, signal });
      const { messageId, accepted, rejected } = sent;
      const counts = { accepted: accepted.length, rejected: rejected.length };
      // No address and no subject: logs are read by more people than mails.
      request.log.info({ mail: { mailer: name, messageId, ...counts, milliseconds: took() } }, 'mail sent');
      return sent;
    } catch (error) {
      const { code } = error as { readonly code?: unknown };
      const facts = { mailer: name, code, mayHaveBeenSent: mayHaveBeenSent(error), milliseconds: took() };
      request.log.warn({ mail: facts }, 'mail not sent');
      throw error;
    }
  };
  return { name, send, sendMail: send };
}
