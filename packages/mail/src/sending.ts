// Through which account: the first that takes the mail. Another one is tried only when it is certain that nothing was sent.
import {
  InputError,
  isTransient,
  LimitError,
  MailError,
  mayHaveBeenSent,
  type Receipt,
  type SendOptions,
} from '@mailgrant/core';
import type { Mail } from '@mailgrant/nodemailer';
import { type Composed, composeFor, type Treatment } from './composing.ts';
import type { FailedAttempt } from './events.ts';
import type { Sender } from './sender.ts';
import { streamsOf } from './streams.ts';
import type { TimeLimit } from './time-limit.ts';

export interface Sent {
  readonly composed: Composed;
  readonly receipt: Receipt;
  readonly account: string | undefined;
}

export interface Sending {
  /** In the order they are tried. */
  readonly senders: readonly Sender[];
  readonly treatment: Treatment;
  readonly limit: TimeLimit;
  /** Core's: called before the last bytes of the message leave. */
  readonly beforeCommit: SendOptions['beforeCommit'];
  /** Gets every account that could not send the mail. */
  readonly attempts: FailedAttempt[];
  /** Called with the composed mail before each attempt. */
  readonly onComposed: (composed: Composed) => void;
}

/** @throws what the last attempt met, or an earlier one that may work later, if there was one. */
export async function sendThrough(given: Mail, sending: Sending): Promise<Sent> {
  const { senders, treatment, limit, beforeCommit, attempts, onComposed } = sending;
  // The same message, whichever account it goes through.
  let mail: Mail = senders.length > 1 && !given.raw ? { ...given, date: given.date ?? new Date() } : given;
  // A stream can be read once, so its mail can be tried once.
  const repeatable = senders.length > 1 && streamsOf(mail).length === 0;
  for (const [index, { account, from, mailer }] of senders.entries()) {
    const composing = composeFor(mail, from, treatment);
    const composed = await limit.within(composing).catch((error: unknown) => {
      composing.then(release, () => undefined); // ready when nobody waits for it any more
      throw error;
    });
    if (composed.messageId !== undefined && !mail.raw) mail = { ...mail, messageId: composed.messageId };
    onComposed(composed);
    try {
      return { composed, receipt: await mailer.send(composed, { ...limit.left(), beforeCommit }), account };
    } catch (error) {
      attempts.push({ account, error });
      // Where it was only held back the caller may send the same mail, with its streams, later.
      if (!(error instanceof LimitError)) release(composed);
      const last = index === senders.length - 1 || !repeatable;
      if (last || !(await anotherMayDoBetter(error))) throw mostHopeful(attempts, error);
    }
  }
  throw new InputError('ERR_INPUT_OPTION', 'account: there is none'); // checked at the door
}

/** Closes what a message would have been read from. */
function release({ message }: Composed): void {
  if ('destroy' in message) message.destroy();
}

/** Of several failures the one that may pass by itself: a job that asks `isTransient()` then tries again. */
function mostHopeful(attempts: readonly FailedAttempt[], last: unknown): unknown {
  if (mayHaveBeenSent(last)) return last;
  return attempts.find(({ error }) => isTransient(error))?.error ?? last;
}

/** These are the caller's own doing, whatever the account. */
const THE_CALLERS: readonly string[] = [
  'ERR_SMTP_ABORTED',
  'ERR_SMTP_DEADLINE',
  'ERR_SMTP_BODY',
  'ERR_SMTP_HELD',
  'ERR_MAILER_CLOSED',
];

/** Nothing was sent, and what stood in the way was the account or its service, not the mail. */
async function anotherMayDoBetter(error: unknown): Promise<boolean> {
  if (mayHaveBeenSent(error)) return false;
  if (error instanceof InputError) return error.code === 'ERR_INPUT_TOKEN';
  if (!(error instanceof MailError) || THE_CALLERS.includes(error.code)) return false;
  const { explain } = await import('@mailgrant/core/diagnosis');
  const { class: what } = explain(error);
  return what !== 'message' && what !== 'recipient';
}
