// One mailer's line in a health check. Health checks are read by anybody who can reach them, so there are no addresses in it.
import type { MailClientHealth } from '@mailgrant/mail';

export type MailerStatus = MailClientHealth['status'];

export interface MailerReport {
  readonly status: MailerStatus;
  /** Messages that wait or are under way. */
  readonly pending: number;
  /** Why it is not `up`: one sentence each, without addresses. */
  readonly reasons: readonly string[];
}

const BY_SEVERITY = ['up', 'degraded', 'down'] as const;

export function reportOf({ status, pending, reasons }: MailClientHealth, loginFailure?: unknown): MailerReport {
  const failed = loginFailure === undefined ? [] : [`login failed: ${codeOf(loginFailure)}`];
  return {
    status: failed.length > 0 ? 'down' : status,
    pending,
    reasons: [...reasons.map(withoutAddresses), ...failed],
  };
}

/** `up` where there is nothing to judge. */
export function worstOf(statuses: readonly MailerStatus[]): MailerStatus {
  return BY_SEVERITY[Math.max(0, ...statuses.map((status) => BY_SEVERITY.indexOf(status)))] ?? 'down';
}

/** What servers say names mailboxes. Word by word: no text, however long, takes more than its length. */
const withoutAddresses = (text: string): string =>
  text.replaceAll(/[^\s<>"'=,;:()[\]]+/g, (word) => (word.includes('@') ? '[address]' : word));

const codeOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'no code';
