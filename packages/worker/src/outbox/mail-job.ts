// The job that says an attempt is due.
import type { NewJob } from '../engine.ts';
import { uuidFromName } from '../schedule/job-id.ts';

/** What a job of a mail's queue holds. */
export interface MailJobData {
  readonly mail: string;
  readonly turn: number;
}

/** Each mailbox has a queue of its own, so that none waits behind another's mail. */
export const queueOf = (mailbox: string): string => `mail.${mailbox}`;

/** The channel on which processes tell each other of mail that is due. */
export const DUE_CHANNEL = 'mailgrant_mail';

export const mailJobId = (mail: string, turn: number): string => uuidFromName(`mail|${mail}|${turn}`);

export function mailJob(mail: string, turn: number, dueAt: number, priority: number): NewJob {
  return { id: mailJobId(mail, turn), data: { mail, turn } satisfies MailJobData, dueAt, priority };
}

export function readMailJob(data: unknown): MailJobData | undefined {
  if (typeof data !== 'object' || data === null || !('mail' in data) || !('turn' in data)) return undefined;
  const { mail, turn } = data;
  return typeof mail === 'string' && typeof turn === 'number' ? { mail, turn } : undefined;
}
