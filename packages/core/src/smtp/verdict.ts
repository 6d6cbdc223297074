// What an error says about the mailbox, read from the diagnosis. The catalogue is large, so it is loaded at the first error.
import type { ExplanationId } from '../diagnosis/catalogue.ts';
import { ConnectionError, MailError, TokenError } from '../errors.ts';
import type { Verdict } from './gate.ts';

/** Ended by the caller or by the caller's own data: says nothing about the server. */
const SILENT: ReadonlySet<string> = new Set([
  'ERR_SMTP_ABORTED',
  'ERR_SMTP_DEADLINE',
  'ERR_SMTP_BODY',
  'ERR_MAILER_CLOSED',
]);

/** The sender address is what was refused; other senders of the same mailbox are not concerned. */
const ABOUT_SENDER: ReadonlySet<ExplanationId> = new Set<ExplanationId>([
  'smtp-sender-refused',
  'smtp-send-as-denied',
  'smtp-send-as-denied-older',
  'smtp-send-as-not-permitted',
  'smtp-sender-not-owned',
]);

/** `undefined` where the error says nothing about the mailbox. */
export async function verdictOn(error: unknown): Promise<Verdict | undefined> {
  if (!(error instanceof MailError) || (error instanceof ConnectionError && SILENT.has(error.code))) return undefined;
  const { explain } = await import('../diagnosis/index.ts');
  const explanation = explain(error);
  return {
    class: explanation.class,
    aboutSender: ABOUT_SENDER.has(explanation.id),
    wait: error instanceof TokenError ? (error.retryAfter ?? 0) : 0,
  };
}
