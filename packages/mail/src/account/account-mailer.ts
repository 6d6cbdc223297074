// Settings made into a mailer of core, and into a transport for nodemailer.
import type { Mailer, TokenEvent } from '@mailgrant/core';
import { mailgrantTransport, type MailgrantTransport, type TransportOptions } from '@mailgrant/nodemailer';
import { problemsError } from '../problems.ts';
import { checkAccount } from './check-account.ts';
import type { MailAccount } from './mail-account.ts';
import { toSender } from './senders.ts';

/**
 * Makes a mailer of `@mailgrant/core` from settings. Whoever makes it closes it.
 * @param onToken told when a token is renewed, cannot be renewed, or is refused
 * @throws TypeError `ERR_INPUT_OPTION` naming every setting that cannot work, and no value.
 */
export function createAccountMailer(account: MailAccount, onToken?: (event: TokenEvent) => void): Mailer {
  const { problems, account: checked } = checkAccount(account, []);
  if (problems.length > 0) throw problemsError(problems);
  return toSender(checked, 0, (_, event) => onToken?.(event)).mailer;
}

/**
 * Makes a transport for `nodemailer.createTransport()` from settings:
 *
 * ```ts
 * const transporter = nodemailer.createTransport(mailTransport({ user, tenantId, clientId, clientSecret }));
 * ```
 *
 * Closing the transporter closes it.
 * @throws TypeError `ERR_INPUT_OPTION` naming every setting that cannot work, and no value.
 */
export function mailTransport(
  account: MailAccount,
  options: Omit<TransportOptions, 'closeMailer'> = {},
): MailgrantTransport {
  return mailgrantTransport(createAccountMailer(account), { ...options, closeMailer: true });
}
