// The Fastify versions everything is shown on, and a server with an account of a sandbox.
import type { Sandbox } from '@mailgrant/sandbox';
import { fastify as newest } from 'fastify';
import { fastify as oldest } from 'fastify-5.0';
import { expect } from 'vitest';
import type { AccountOptions } from '../src/index.ts';

/** The oldest is typed as the newest: types are checked against both elsewhere. */
export const FASTIFYS: readonly (readonly [version: string, create: typeof newest])[] = [
  ['5.0.0', oldest as unknown as typeof newest],
  ['5.12', newest],
];

export const FROM = 'noreply@contoso.com';

export function accountOf(sandbox: Sandbox, more: Partial<AccountOptions> = {}): AccountOptions {
  const { smtp, ca, mailbox, tokenEndpoint, clientId, clientSecret, scope } = sandbox;
  return { ...smtp, ca, user: mailbox, tokenEndpoint, clientId, clientSecret, scope, ...more };
}

/** No connection is left. The server's end of one learns of it a moment later than ours. */
export async function allClosed(sandbox: Sandbox): Promise<void> {
  await expect.poll(() => sandbox.sessions.filter(({ open }) => open).length, { timeout: 10_000 }).toBe(0);
}
