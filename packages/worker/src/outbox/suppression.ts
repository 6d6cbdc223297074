// Who gets no mail any more. The list holds hashes of addresses, not addresses.
import { createHash } from 'node:crypto';
import { InputError } from '@mailgrant/core';
import type { Store } from '../store/store.ts';
import { checkText, toTime } from './checks.ts';
import type { Suppressed } from './outbox.ts';

/** The keys an address is found under: its own and its domain's. */
export function suppressionKeys(address: string): readonly [string, string] {
  const lower = address.toLowerCase();
  const hash = createHash('sha256').update(lower).digest('hex');
  return [`sha256:${hash}`, `domain:${lower.slice(lower.lastIndexOf('@') + 1)}`];
}

function keyOf(who: Suppressed): string {
  if ('address' in who) {
    if (!/^[^@\s]+@[^@\s]+$/.test(who.address)) throw new InputError('ERR_INPUT_ADDRESS', 'address: a plain address');
    return suppressionKeys(who.address)[0];
  }
  if (!/^[^@\s]+$/.test(who.domain)) throw new InputError('ERR_INPUT_ADDRESS', 'domain: a domain');
  return `domain:${who.domain.toLowerCase()}`;
}

export async function suppress(
  store: Store,
  {
    reason = 'asked for',
    until,
    ...who
  }: Suppressed & { readonly reason?: string | undefined; readonly until?: Date | number | undefined },
): Promise<void> {
  const ends = until === undefined ? null : new Date(toTime(until, 'until'));
  checkText(reason, 500, 'reason');
  await store.db
    .insertInto('suppression')
    .values({ key: keyOf(who), reason, until: ends })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ reason, until: ends }))
    .execute();
}

export async function unsuppress(store: Store, who: Suppressed): Promise<boolean> {
  const { numDeletedRows } = await store.db.deleteFrom('suppression').where('key', '=', keyOf(who)).executeTakeFirst();
  return numDeletedRows > 0n;
}
