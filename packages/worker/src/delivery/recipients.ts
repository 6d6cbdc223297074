// What the server said to each recipient, in the rows of the mail.
import type { RecipientResult } from '@mailgrant/core';
import type { Transaction } from 'kysely';
import type { RecipientState, Tables } from '../schema/tables.ts';
import type { Attempt } from './begin.ts';
import { printable } from './failure.ts';

/** What the server said to some of an attempt's recipients. Two of one address share an answer. */
export async function settleRecipients(
  trx: Transaction<Tables>,
  attempt: Attempt,
  results: readonly RecipientResult[],
  state: RecipientState,
): Promise<void> {
  for (const { code, reply, addresses } of byReply(results)) {
    const told = attempt.recipients.filter(({ address }) => addresses.has(canonical(address)));
    if (told.length === 0) continue;
    const positions = told.map(({ position }) => position);
    await trx
      .updateTable('mail_recipient')
      .set({ state, code, reply })
      .where('mail_id', '=', attempt.mail.id)
      .where('position', 'in', positions)
      .execute();
  }
}

/** The server took the message for everybody. Mostly with the same words, which then need not be told apart by address. */
export async function settleAll(
  trx: Transaction<Tables>,
  attempt: Attempt,
  results: readonly RecipientResult[],
): Promise<void> {
  const [first, ...others] = byReply(results);
  await settleRecipients(trx, attempt, others.length === 0 ? [] : results, 'accepted');
  const positions = attempt.recipients.map(({ position }) => position);
  await trx
    .updateTable('mail_recipient')
    .set({ state: 'accepted', code: first?.code ?? null, reply: first?.reply ?? null })
    .where('mail_id', '=', attempt.mail.id)
    .where('position', 'in', positions)
    .where('state', '=', 'pending')
    .execute();
}

interface SameReply {
  readonly code: number;
  readonly reply: string;
  readonly addresses: Set<string>;
}

function byReply(results: readonly RecipientResult[]): Iterable<SameReply> {
  const groups = new Map<string, SameReply>();
  for (const { address, reply } of results) {
    const text = printable(reply.lines.join(' '), 500);
    const key = `${reply.code} ${text}`;
    const group = groups.get(key) ?? { code: reply.code, reply: text, addresses: new Set() };
    group.addresses.add(canonical(address));
    groups.set(key, group);
  }
  return groups.values();
}

/** Core answers with the domain in A-labels. */
function canonical(address: string): string {
  const at = address.lastIndexOf('@');
  const domain = address.slice(at + 1);
  let ascii = domain;
  try {
    ascii = new URL(`http://${domain}`).hostname;
  } catch {
    // An address literal: both sides have it as it is.
  }
  return `${address.slice(0, at)}@${ascii.toLowerCase()}`;
}
