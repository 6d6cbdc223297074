// What things are called inside the injector. Symbols of the global registry, so that two copies of this package agree.
import { Inject } from '@nestjs/common';

/** The mailer that has no other name. */
export const DEFAULT_MAILER = 'default';

/** The options of one `MailModule`, seen by that module only. */
export const MAIL_OPTIONS: unique symbol = Symbol.for('@mailgrant/nestjs:options');

/** The name and the client of one `MailModule`, seen by that module only. */
export const MAIL_NAME: unique symbol = Symbol.for('@mailgrant/nestjs:name');
export const MAIL_CLIENT: unique symbol = Symbol.for('@mailgrant/nestjs:client');

/** The options of the mailers made at run time. */
export const MAIL_TENANTS: unique symbol = Symbol.for('@mailgrant/nestjs:tenants');

/** What makes clients; where nobody provides it, `createMailClient`. */
export const MAIL_CLIENT_FACTORY: unique symbol = Symbol.for('@mailgrant/nestjs:client-factory');

/**
 * The injection token of a mailer, for `overrideProvider()`, `inject: [...]` and `app.get()`.
 *
 * @param name default: the mailer that has no name
 */
export function getMailerToken(name: string = DEFAULT_MAILER): symbol {
  return Symbol.for(`@mailgrant/nestjs:mailer:${name}`);
}

/**
 * Injects a mailer by name: `constructor(@InjectMailer('billing') private readonly mail: MailClient)`.
 *
 * @param name default: the mailer that has no name, which can be injected as `MailService`, too
 */
export function InjectMailer(name: string = DEFAULT_MAILER): PropertyDecorator & ParameterDecorator {
  return Inject(getMailerToken(name));
}
