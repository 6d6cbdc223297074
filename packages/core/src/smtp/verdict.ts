// What an error says about the mailbox, read from the diagnosis. The catalogue is large, so it is loaded at the first error.
import { type ErrorCode, MailError, TokenError } from '../errors.ts';
import type { Verdict } from './gate.ts';

/** Ended by the caller or by the caller's own data: says nothing about the server. */
const SILENT: ReadonlySet<string> = new Set<ErrorCode>([
  'ERR_SMTP_ABORTED',
  'ERR_SMTP_DEADLINE',
  'ERR_SMTP_BODY',
  'ERR_SMTP_HELD',
  'ERR_MAILER_CLOSED',
  'ERR_OAUTH_NOT_CONNECTED',
]);

/** `undefined` where the error says nothing about the mailbox. */
export async function verdictOn(error: unknown): Promise<Verdict | undefined> {
  if (!(error instanceof MailError) || SILENT.has(error.code)) return undefined;
  const diagnosis = await import('../diagnosis/index.ts').catch(() => undefined);
  if (diagnosis === undefined) return undefined; // a broken installation: the error itself is still told
  const { class: kind, aboutSender, retry } = diagnosis.explain(error);
  const asked = error instanceof TokenError ? (error.retryAfter ?? 0) : 0;
  // A daily quota frees itself over hours: asking every few seconds is what turns a limit into a block.
  return { class: kind, aboutSender, wait: kind === 'slow-down' ? Math.max(asked, retry.wait) : asked };
}
