// The mails of an occurrence, into the outbox. Begun again wherever it was interrupted, with the same keys.
import { InputError } from '@mailgrant/core';
import type { Outbox, ScheduledMail } from '../outbox/outbox.ts';
import { withoutAddresses } from '../without-addresses.ts';
import type { Schedule } from './definition.ts';
import { recipientKey } from './job-id.ts';
import { keyOf } from './recipient-key.ts';
import type { OccurrenceJob } from './schedule-rows.ts';

/** Mails of one transaction: large enough to be quick, small enough that an interruption costs little. */
const BATCH = 50;

export interface Made {
  /** Mails of the occurrence, those of earlier attempts among them. */
  readonly mails: number;
  /** Recipients whose mail could not be made. */
  readonly failed: number;
  readonly error: unknown;
}

/**
 * Makes the mails. What was made by an attempt before is found by its key and stays as it is.
 * @throws what `recipients` throws, and what the store throws; a recipient whose mail cannot be made stops nobody else's.
 */
export async function makeMails(
  { outbox }: { readonly outbox: Outbox },
  schedule: Schedule,
  { scheduleId, occurrence }: OccurrenceJob,
  signal: AbortSignal,
): Promise<Made> {
  const { definition, stored, mailbox } = schedule;
  const context = { scheduleId, occurrence, timeZone: stored.timeZone, signal };
  let mails = 0;
  let failed = 0;
  let error: unknown;
  const failure = (cause: unknown): void => {
    failed += 1;
    error ??= cause instanceof InputError ? withoutPeople(cause) : cause;
  };
  let batch: ScheduledMail[] = [];
  const flush = async (): Promise<void> => {
    const due = batch;
    batch = [];
    signal.throwIfAborted();
    mails += await enqueue(outbox, due, failure);
  };
  const recipients: Iterable<unknown> | AsyncIterable<unknown> =
    definition.recipients === undefined ? [undefined] : await definition.recipients(context);
  for await (const recipient of recipients) {
    signal.throwIfAborted();
    // Without a key nobody could tell who has a mail already: the mistake is the schedule's, not this recipient's.
    const key = definition.recipients === undefined ? '' : keyOf(schedule, recipient);
    try {
      const mail = await definition.render({ ...context, recipient });
      if (mail === null || mail === undefined) continue;
      batch.push({
        mailbox,
        mail,
        sendAt: occurrence,
        idempotencyKey: recipientKey(scheduleId, occurrence, key),
        expiresAt: definition.expiresAfter === undefined ? undefined : occurrence + definition.expiresAfter,
        priority: definition.priority,
        tag: definition.tag,
        sensitive: definition.sensitive,
        run: { scheduleId, occurrence },
      });
    } catch (cause) {
      signal.throwIfAborted();
      failure(cause);
    }
    if (batch.length >= BATCH) await flush();
  }
  if (batch.length > 0) await flush();
  return { mails, failed, error };
}

/** Our own errors quote what they refuse, and at times that is somebody. */
function withoutPeople({ code, message }: InputError): InputError {
  return new InputError(
    code,
    withoutAddresses(code === 'ERR_INPUT_ADDRESS' ? message.replace(/".*/s, '[…]') : message),
  );
}

/** All in one transaction; if one of them is no mail that can be sent, each on its own. */
async function enqueue(outbox: Outbox, mails: ScheduledMail[], failure: (cause: unknown) => void): Promise<number> {
  try {
    return (await outbox.scheduleMails(mails)).length;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
  }
  let made = 0;
  for (const mail of mails) {
    try {
      await outbox.scheduleMail(mail);
      made += 1;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      failure(error);
    }
  }
  return made;
}
