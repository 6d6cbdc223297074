// Decorators for methods that are told of mails, or asked before one is sent.
import { SetMetadata } from '@nestjs/common';
import type { MailEventName } from './mail-events.ts';

export interface MailListenerOptions {
  /** The only mailer the method is for. Default: all of them, those of tenants included. */
  readonly mailer?: string;
}

/** Where the metadata of a decorated method is. */
export const listenerKey = (event: MailEventName | 'beforeSend'): string => `@mailgrant/nestjs:on:${event}`;

/**
 * The method is called with each event of this kind. It changes nothing about the mail: what it throws is logged. Several of
 * these may stand over one method of a provider or controller; request-scoped ones are not searched.
 *
 * ```ts
 * @OnMailEvent('failed')
 * countFailure({ mailer, error }: MailEvents['failed']) { … }
 * ```
 */
export function OnMailEvent(event: MailEventName, options: MailListenerOptions = {}): MethodDecorator {
  return SetMetadata(listenerKey(event), options);
}

/**
 * The method is asked before a mail is composed, after `hooks.beforeSend` of the mailer's options: it returns another mail to
 * send instead, `false` to send none, or nothing. What it throws fails the send.
 */
export function BeforeMailSend(options: MailListenerOptions = {}): MethodDecorator {
  return SetMetadata(listenerKey('beforeSend'), options);
}
