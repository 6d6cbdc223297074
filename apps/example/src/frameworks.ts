// The same mailbox from applications of the frameworks there are packages for: one request each.
import type { MailClientOptions } from '@mailgrant/mail';
import type { Target } from './target.ts';
import type { Terminal } from './terminal.ts';

/** An application that listens. */
export interface Served {
  readonly framework: string;
  readonly url: string;
  readonly close: () => Promise<unknown>;
}

/** Loaded when they are shown: frameworks take a while. */
const APPLICATIONS: readonly (() => Promise<{ serve: (mail: MailClientOptions) => Promise<Served> }>)[] = [
  () => import('./nest/serve.ts'),
  () => import('./fastify/serve.ts'),
];

/** Posts an order to each application, which answers when the confirmation is on its way, and asks how it stands. */
export async function showFrameworks(target: Target, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const { server, user, clientId, clientSecret, tokenEndpoint, scope, sender, to } = target;
  const account = { ...server, user, clientId, clientSecret, tokenEndpoint, scope };
  for (const load of APPLICATIONS) {
    const { serve } = await load();
    const { framework, url, close } = await serve({ account, defaults: { from: sender } });
    try {
      terminal.line(`\n${terminal.style('bold', `The same from ${framework}`)}`);
      const order = { method: 'POST', body: JSON.stringify({ email: to[0], name: 'Ada' }) };
      const headers = { 'content-type': 'application/json', connection: 'close' };
      const ordered = await fetch(`${url}/orders`, { ...order, headers, signal });
      terminal.field('order', `POST /orders: ${ordered.status} ${await ordered.text()}`);
      const health = await fetch(`${url}/health`, { headers: { connection: 'close' }, signal });
      const { status } = (await health.json()) as { status?: unknown };
      terminal.field('health', `GET /health: ${health.status} ${String(status)}`);
    } finally {
      await close();
    }
  }
}
