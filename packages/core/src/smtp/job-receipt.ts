// How a message ends well: what its groups of recipients got, put together into one receipt.
import { CapabilityError, ReplyError } from '../errors.ts';
import { type Receipt, type RecipientResult, queueId } from '../receipt.ts';
import type { ConnectionFacts } from './connection.ts';
import type { Job } from './job.ts';
import type { TransactionResult } from './transaction.ts';

/** The receipt of a message whose every group of recipients has its answer. */
export function receiptOf(job: Job, server: ConnectionFacts['server']): Receipt {
  const now = performance.now();
  const { parts, startedAt, openingRoundTrips } = job.progress;
  const queueIds: string[] = [];
  for (const part of parts) {
    const id = part.accepted.length > 0 ? queueId(part.reply) : undefined;
    if (id !== undefined) queueIds.push(id);
  }
  const { reply, accepted, deferred, refused, roundTrips } = joined(parts);
  return {
    queueId: queueIds[0],
    queueIds,
    reply,
    accepted,
    deferred,
    refused,
    server,
    roundTrips: roundTrips + openingRoundTrips,
    timings: {
      queue: startedAt - job.submittedAt,
      transaction: now - startedAt,
      total: now - job.submittedAt,
    },
  };
}

function joined(parts: readonly TransactionResult[]): TransactionResult {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const last = parts.findLast(({ accepted }) => accepted.length > 0) ?? parts.at(-1);
  if (last === undefined) throw new Error('a message was finished without an answer');
  return {
    reply: last.reply,
    accepted: parts.flatMap((part) => part.accepted),
    deferred: parts.flatMap((part) => part.deferred),
    refused: parts.flatMap((part) => part.refused),
    roundTrips: parts.reduce((sum, part) => sum + part.roundTrips, 0),
  };
}

/** A group of which nobody was accepted, as a part of the whole. */
export function refusedPart({ reply, recipients }: ReplyError): TransactionResult {
  return { ...byPatience(recipients), accepted: [], reply, roundTrips: 2 };
}

/** What is left of a message that was refused as such: its recipients get the server's words as their own. */
export function unsentPart(job: Job, { reply }: ReplyError): TransactionResult {
  const results = job.progress.remaining.map(({ address }) => ({ address, reply }));
  return { ...byPatience(results), accepted: [], reply, roundTrips: 2 };
}

function byPatience(results: readonly RecipientResult[]): Pick<TransactionResult, 'deferred' | 'refused'> {
  return {
    deferred: results.filter(({ reply }) => reply.code < 500),
    refused: results.filter(({ reply }) => reply.code >= 500),
  };
}

/** Nobody in any group was accepted. */
export function allRefused(parts: readonly TransactionResult[], last: ReplyError): ReplyError {
  const { deferred, refused } = joined(parts);
  const recipients = [...deferred, ...refused];
  const first = recipients[0];
  if (parts.length === 1 || first === undefined) return last;
  return new ReplyError(last.code, `RCPT ${first.address} and ${recipients.length - 1} more`, first.reply, {
    stage: 'RCPT',
    recipients,
  });
}

export function tooManyRecipients(job: Job, limit: number): CapabilityError {
  return new CapabilityError(
    'ERR_SMTP_RECIPIENT_LIMIT',
    `${job.envelope.to.length} recipients, the server takes ${limit} at a time, and a stream can be sent only once: ` +
      'hand the message over as bytes, or send it to fewer recipients',
    { stage: 'RCPT' },
  );
}
