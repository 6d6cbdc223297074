// Ids that every worker computes alike, so that what two of them enqueue is one job.
import { createHash } from 'node:crypto';

/** The namespace of all ids made here: a random UUID, fixed for good. */
const NAMESPACE = Buffer.from('6d0f3c1e9f5b4c0d8a57b7f0c9a4e215', 'hex');

/** Characters of an idempotency key. */
const LONGEST_KEY = 255;

/** UUID version 5, from a name (RFC 9562 section 5.5). */
export function uuidFromName(name: string, namespace: Uint8Array = NAMESPACE): string {
  const hash = createHash('sha1').update(namespace).update(name).digest().subarray(0, 16);
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  return hash.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** What names an occurrence: `digest|2026-03-29T07:00:00.000Z`. Ids of schedules hold no `|`. */
function occurrenceName(scheduleId: string, occurrence: number): string {
  return `${scheduleId}|${new Date(occurrence).toISOString()}`;
}

/**
 * The id of the job that runs an occurrence. `turn` counts up each time the occurrence is put off: a job that ended keeps its
 * id, so that the next one needs another.
 */
export function occurrenceJobId(scheduleId: string, occurrence: number, turn = 0): string {
  const name = occurrenceName(scheduleId, occurrence);
  return uuidFromName(turn === 0 ? name : `${name}|${turn}`);
}

/** Sent at most once for this key, however often the occurrence is started again. */
export function recipientKey(scheduleId: string, occurrence: number, recipient: string): string {
  const key = `${occurrenceName(scheduleId, occurrence)}|${recipient}`;
  return key.length <= LONGEST_KEY ? key : `${occurrenceName(scheduleId, occurrence)}|${uuidFromName(recipient)}`;
}
