// What became of mails that were acknowledged, by what the store says and by what arrived.
import type { InboxMessage } from '@mailgrant/sandbox';
import type { Store } from '../../src/index.ts';

export interface Counts {
  /** Acknowledged, but not there, or said to be sent and not arrived. */
  readonly lost: number;
  /** Arrived more than once, in copies beyond the first. */
  readonly extraCopies: number;
  /** Mails that say of themselves that a copy more may have arrived. */
  readonly flagged: number;
  /** Mails that arrived more than once and do not say so. */
  readonly unflaggedDuplicates: number;
  /** Mails that say so and arrived once. */
  readonly falseFlags: number;
  /** Mails that wait for somebody's decision; and how many of them arrived. */
  readonly held: number;
  readonly heldArrived: number;
  /** Mails whose copies are not the same to the byte. */
  readonly differentCopies: number;
  /** Mails in other states than sent and held. */
  readonly unfinished: number;
}

export async function countCopies(
  store: Store,
  acknowledged: ReadonlySet<string>,
  messages: readonly InboxMessage[],
): Promise<Counts> {
  const copies = grouped(messages, ({ messageId = '' }) => bare(messageId));
  const rows = await store.db
    .selectFrom('mail')
    .select(['idempotency_key', 'message_id', 'state', 'dup_possible'])
    .execute();
  const mails = rows.map((row) => ({ ...row, copies: copies.get(bare(row.message_id ?? ''))?.length ?? 0 }));
  const known = new Set(rows.map((row) => row.idempotency_key));
  const held = mails.filter(({ state }) => state === 'in_doubt');
  const settled = mails.filter(({ state }) => state !== 'in_doubt');
  const sum = (numbers: number[]): number => numbers.reduce((total, n) => total + n, 0);
  return {
    lost:
      [...acknowledged].filter((key) => !known.has(key)).length +
      mails.filter((mail) => mail.state === 'accepted' && mail.copies === 0).length,
    extraCopies: sum([...copies.values()].map((list) => list.length - 1)),
    flagged: mails.filter((mail) => mail.dup_possible).length,
    unflaggedDuplicates: mails.filter((mail) => mail.copies > 1 && !mail.dup_possible).length,
    falseFlags: settled.filter((mail) => mail.copies === 1 && mail.dup_possible).length,
    held: held.length,
    heldArrived: held.filter((mail) => mail.copies > 0).length,
    differentCopies: [...copies.values()].filter(areDifferent).length,
    unfinished: settled.filter(({ state }) => state !== 'accepted').length,
  };
}

/** Lists of what has the same key. */
export function grouped<T>(list: readonly T[], key: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of list) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}

const bare = (messageId: string): string => messageId.replace(/^<|>$/g, '');

function areDifferent(copies: readonly InboxMessage[]): boolean {
  const [first, ...others] = copies.map(({ raw }) => Buffer.from(raw));
  return first !== undefined && others.some((other) => !other.equals(first));
}
