// From what the caller handed over to a message: defaults, the hook, staging rules, text, and nodemailer's composer.
import { LimitError } from '@mailgrant/core';
import { compose, type ComposedMail, type Mail } from '@mailgrant/nodemailer';
import type { MailClientOptions, MailSendContext } from './mail-client.ts';
import type { StagingRules } from './staging.ts';
import { withDefaults } from './defaults.ts';
import { withText } from './text-of.ts';

/** How a client treats mails: its options, complete. */
export interface Treatment {
  readonly defaults: Partial<Mail>;
  readonly staging: StagingRules;
  readonly beforeSend: NonNullable<MailClientOptions['hooks']>['beforeSend'];
  readonly textFromHtml: boolean;
  readonly allowFiles: boolean;
  readonly allowUrls: boolean;
}

/**
 * The mail as it is to be composed.
 * @throws LimitError `ERR_MAIL_CANCELLED` when the hook said so; what the hook threw.
 */
export async function treat(given: Mail, treatment: Treatment, context: MailSendContext): Promise<Mail> {
  const filled = withDefaults(given, treatment.defaults);
  const changed = await treatment.beforeSend?.(filled, context);
  if (changed === false) throw new LimitError('ERR_MAIL_CANCELLED', 'beforeSend cancelled this mail');
  const mail = treatment.staging.redirect(changed ?? filled);
  return treatment.textFromHtml ? withText(mail) : mail;
}

/** A composed mail, and the recipients the allow-list took out of its envelope. */
export interface Composed extends ComposedMail {
  readonly dropped: readonly string[];
}

/**
 * Composes a treated mail for an account.
 * @param sender who it is from, where it does not say so
 * @throws TypeError what `compose()` throws. @throws LimitError `ERR_MAIL_NOT_ALLOWED`.
 */
export async function composeFor(mail: Mail, sender: string | undefined, treatment: Treatment): Promise<Composed> {
  const { allowFiles, allowUrls, staging } = treatment;
  const from = mail.from ?? (mail.raw ? undefined : sender);
  const composed = await compose({ ...mail, ...(from !== undefined && { from }) }, { allowFiles, allowUrls });
  return staging.sift(composed);
}
