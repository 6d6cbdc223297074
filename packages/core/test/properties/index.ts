// Every property of the core. properties.test.ts tries each a little, `npm run fuzz` for as long as it is told.
import { ADDRESSES } from './addresses.ts';
import { CAPABILITIES } from './capabilities.ts';
import { CONVERSATIONS } from './conversations.ts';
import { EXPLANATIONS } from './explanations.ts';
import { MESSAGES } from './messages.ts';
import { POOLS } from './pools.ts';
import type { Property } from './property.ts';
import { REPLIES } from './replies.ts';
import { SECRETS } from './secrets.ts';
import { SESSIONS } from './sessions.ts';
import { TRANSACTIONS } from './transactions.ts';

export const PROPERTIES: readonly Property[] = [
  ...REPLIES,
  ...CAPABILITIES,
  ...MESSAGES,
  ...ADDRESSES,
  ...SESSIONS,
  ...TRANSACTIONS,
  ...SECRETS,
  ...EXPLANATIONS,
  ...CONVERSATIONS,
  ...POOLS,
];
