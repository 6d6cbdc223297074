// A mailer that is looked up at each use: the one a MailModule makes may come after those who inject this.
import type { MailClient } from '@mailgrant/mail';

export function laterMailer(name: string, mailer: () => MailClient): MailClient {
  return {
    name,
    send: (mail, options) => mailer().send(mail, options),
    sendMail: (mail, options) => mailer().sendMail(mail, options),
    verify: (options) => mailer().verify(options),
    health: () => mailer().health(),
    resume: () => mailer().resume(),
    on: (event, listener) => mailer().on(event, listener),
    close: (options) => mailer().close(options),
    [Symbol.asyncDispose]: () => mailer()[Symbol.asyncDispose](),
  };
}
