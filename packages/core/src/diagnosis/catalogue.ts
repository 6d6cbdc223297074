// The catalogues put together, and the names of all their entries. Each is met by sending in test/catalogue-*.test.ts.
import { AADSTS } from './catalogue/aadsts.ts';
import { AUTHENTICATION } from './catalogue/authentication.ts';
import { FALLBACK } from './catalogue/fallback.ts';
import { GMAIL } from './catalogue/gmail.ts';
import { HVE, HVE_BILLING } from './catalogue/hve.ts';
import { LIMITS } from './catalogue/limits.ts';
import { MESSAGES } from './catalogue/messages.ts';
import { NETWORK } from './catalogue/network.ts';
import { OAUTH } from './catalogue/oauth.ts';
import { OWN_ERRORS } from './catalogue/own-errors.ts';
import { RECIPIENTS } from './catalogue/recipients.ts';
import { SENDER } from './catalogue/sender.ts';
import { SERVICE } from './catalogue/service.ts';
import type { AadstsEntry, Entry, ReplyEntry } from './entry.ts';

/** The name of an explanation: stable, safe to compare with. */
export type ExplanationId =
  | (typeof AADSTS)[number]['id']
  | (typeof AUTHENTICATION)[number]['id']
  | (typeof FALLBACK)[number]['id']
  | (typeof GMAIL)[number]['id']
  | (typeof HVE)[number]['id']
  | (typeof HVE_BILLING)['id']
  | (typeof LIMITS)[number]['id']
  | (typeof MESSAGES)[number]['id']
  | (typeof NETWORK)[number]['id']
  | (typeof OAUTH)[number]['id']
  | (typeof OWN_ERRORS)[number]['id']
  | (typeof RECIPIENTS)[number]['id']
  | (typeof SENDER)[number]['id']
  | (typeof SERVICE)[number]['id'];

/** An entry whose name is one of the catalogues'. */
export type Named<E extends { readonly id: string }> = E & { readonly id: ExplanationId };

/** Replies of mail servers. The first entry that fits is taken: what is particular stands before what is general. */
export const REPLY_CATALOGUE: readonly Named<ReplyEntry>[] = [
  ...GMAIL,
  ...HVE,
  ...AUTHENTICATION,
  ...SENDER,
  ...LIMITS,
  ...RECIPIENTS,
  ...MESSAGES,
  ...SERVICE,
];

/** Numbers in the error texts of Microsoft Entra ID. */
export const AADSTS_CATALOGUE: readonly Named<AadstsEntry>[] = AADSTS;

/** Everything else `explain` can answer: codes without an entry, OAuth errors, the network, errors of this package. */
export const OTHER_ENTRIES: readonly Named<Entry>[] = [...FALLBACK, ...OAUTH, ...NETWORK, ...OWN_ERRORS, HVE_BILLING];

/** The entry of `OTHER_ENTRIES` with this name. */
export function otherEntry(
  id:
    | (typeof FALLBACK)[number]['id']
    | (typeof OAUTH)[number]['id']
    | (typeof OWN_ERRORS)[number]['id']
    | (typeof HVE_BILLING)['id'],
): Named<Entry> {
  const entry = OTHER_ENTRIES.find((candidate) => candidate.id === id);
  if (entry === undefined) throw new Error(`the catalogue has no entry ${id}`);
  return entry;
}
