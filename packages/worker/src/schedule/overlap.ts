// Whether mails of an earlier occurrence are still waiting when the next one is due.
import { type Transaction } from 'kysely';
import type { Tables } from '../schema/tables.ts';
import type { OverlapPolicy } from './definition.ts';
import type { OccurrenceJob } from './schedule-rows.ts';

/** The policy to follow, or `allow` where nothing overlaps. A mail held in doubt waits for people, not for its turn. */
export async function isOverlapping(
  trx: Transaction<Tables>,
  { scheduleId, occurrence }: OccurrenceJob,
  policy: OverlapPolicy = 'allow',
): Promise<OverlapPolicy> {
  if (policy === 'allow') return 'allow';
  const before = new Date(occurrence);
  const run = await trx
    .selectFrom('mail_run')
    .select('occurrence')
    .where('schedule_id', '=', scheduleId)
    .where('occurrence', '<', before)
    .where('state', '=', 'running')
    .limit(1)
    .executeTakeFirst();
  if (run !== undefined) return policy;
  const mail = await trx
    .selectFrom('mail')
    .select('id')
    .where('schedule_id', '=', scheduleId)
    .where('occurrence', '<', before)
    .where('state', 'in', ['scheduled', 'sending', 'deferred'])
    .limit(1)
    .executeTakeFirst();
  return mail === undefined ? 'allow' : policy;
}
