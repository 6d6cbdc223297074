// An error as the worker keeps it: what it means, and what of it may be written down.
import { InputError, MailError, type Reply, ReplyError, AuthenticationError, type Stage } from '@mailgrant/core';
import { classPolicy, type DiagnosisClass, type Explanation, explain } from '@mailgrant/core/diagnosis';
import type { EventError } from './events.ts';
import type { Failure } from './retry-policy.ts';

export interface ReadFailure extends Failure, Omit<EventError, 'class'> {
  readonly reply: Reply | undefined;
}

const BEFORE_MAIL: ReadonlySet<Stage> = new Set([
  'queue',
  'token',
  'connect',
  'tls',
  'greeting',
  'EHLO',
  'STARTTLS',
  'AUTH',
]);

/** No mailer could be made: what is wrong with that is wrong for every mail of the mailbox. */
export class NoMailer extends Error {
  override readonly name = 'NoMailer';
}

/** Reads an error of `mailer.send()`, or the reply to a recipient. */
export function readFailure(error: unknown): ReadFailure {
  const explanation = explain(error);
  const { remedy, aboutSender, retry } = explanation;
  const kind = classOf(error, explanation.class);
  const reply = replyOf(error);
  return {
    class: kind,
    aboutSender,
    beforeMail:
      error instanceof NoMailer ||
      (error instanceof MailError && error.stage !== undefined && BEFORE_MAIL.has(error.stage)),
    advice: kind === explanation.class ? retry : classPolicy(kind).retry,
    code: codeOf(error),
    message: shown(error, explanation),
    remedy,
    reply,
  };
}

function classOf(error: unknown, explained: DiagnosisClass): DiagnosisClass {
  if (error instanceof NoMailer) return 'admin';
  if (error instanceof InputError) return 'message';
  // A message that could not be read out of the store, and what nobody knows: no reason to give a mail up at once.
  if (error instanceof MailError ? error.code === 'ERR_SMTP_BODY' : replyOf(error) === undefined) return 'transient';
  return explained;
}

function replyOf(error: unknown): Reply | undefined {
  if (error instanceof ReplyError || error instanceof AuthenticationError) return error.reply;
  return typeof error === 'object' && error !== null && 'lines' in error && 'code' in error
    ? (error as Reply)
    : undefined;
}

function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return 'unknown';
  return String(error.code).slice(0, 100);
}

/** Core's errors hold no secret, and what a server said is redacted there; what others throw is known by its kind only. */
function shown(error: unknown, { title, cause }: Explanation): string {
  const known = error instanceof MailError || error instanceof InputError || error instanceof NoMailer;
  const text = known ? error.message : `${title}. ${cause}`;
  return printable(text);
}

/** Half of a pair of surrogates, which is no character: JSON in a database refuses it, and a cut may leave one. */
const HALF_PAIR = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Without what a database refuses or a terminal obeys. */
export function printable(text: string, most = 1000): string {
  // oxlint-disable-next-line no-control-regex -- these are what is taken out
  const plain = text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
  return plain.slice(0, most).replace(HALF_PAIR, '\ufffd');
}
