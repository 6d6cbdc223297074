// Schedules as methods of providers.
import type { ScheduleDefinition } from '@mailgrant/worker';
import { SetMetadata } from '@nestjs/common';

/** A schedule whose functions are methods of the same provider. */
export interface ScheduledMailOptions extends Omit<ScheduleDefinition<never>, 'render' | 'recipients'> {
  /** The method that says to whom: an iterable, or an async one. Without it there is one mail for each occurrence. */
  readonly recipients?: string | undefined;
}

/** Where the metadata of a decorated method is. */
export const SCHEDULED_MAIL = '@mailgrant/nestjs:scheduled-mail';

/**
 * The method makes the mails of a schedule, one for each recipient. They are sent by the worker in this process.
 *
 * ```ts
 * @ScheduledMail({ id: 'digest', cron: '0 9 * * MON-FRI', timeZone: 'Europe/Berlin', recipients: 'readers' })
 * digest({ recipient }: { recipient: Reader }) { return { from, to: recipient.email, subject: 'News', text: '…' }; }
 *
 * async *readers() { yield* this.users.subscribed(); }
 * ```
 */
export function ScheduledMail(options: ScheduledMailOptions): MethodDecorator {
  return SetMetadata(SCHEDULED_MAIL, options);
}
