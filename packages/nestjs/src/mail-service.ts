// The default mailer as a class, so that it can be injected by its type.
import type {
  MailClient,
  MailClientHealth,
  MailEvents,
  MailInput,
  MailSendOptions,
  MailVerification,
  SentMail,
} from '@mailgrant/mail';
import { Inject, Injectable } from '@nestjs/common';
import { getMailerToken } from './tokens.ts';

/** Sends mails through the mailer that has no name. The application closes it when it ends. */
@Injectable()
export class MailService implements Omit<MailClient, 'close' | typeof Symbol.asyncDispose> {
  readonly #client: MailClient;

  constructor(@Inject(getMailerToken()) client: MailClient) {
    this.#client = client;
  }

  get name(): string {
    return this.#client.name;
  }

  /** Sends a mail: `send()` of `MailClient`. Resolves when the server has taken it for at least one recipient. */
  send(mail: MailInput, options?: MailSendOptions): Promise<SentMail> {
    return this.#client.send(mail, options);
  }

  /** The same, for call sites of other mail modules. */
  sendMail(mail: MailInput, options?: MailSendOptions): Promise<SentMail> {
    return this.#client.sendMail(mail, options);
  }

  /** Gets a token, connects and logs in without sending. */
  verify(options?: Parameters<MailClient['verify']>[0]): Promise<MailVerification> {
    return this.#client.verify(options);
  }

  /** How it stands, from what happened so far. */
  health(): MailClientHealth {
    return this.#client.health();
  }

  /** Tries again at once what failures hold back, for whoever repaired what was wrong. Limits stay. */
  resume(): void {
    this.#client.resume();
  }

  /** Calls the listener at each such event until the returned function is called. */
  on<E extends keyof MailEvents>(event: E, listener: (event: MailEvents[E]) => void): () => void {
    return this.#client.on(event, listener);
  }
}
