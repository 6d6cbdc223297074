// A sandbox without limits, and an empty store of its own for each figure.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { cached, clientCredentials, createMailer, type Mailer } from '@mailgrant/core';
import { openStore } from '../src/store/open-store.ts';
import type { Store } from '../src/store/store.ts';
import { startPostgres } from '../test/support/postgres-server.ts';

export interface Place extends AsyncDisposable {
  readonly kind: 'embedded' | 'postgres';
  readonly sandbox: Sandbox;
  /** A store as another process would have it; the embedded one is there once only. */
  open(): Promise<Store>;
  readonly mailer: () => Mailer;
}

export async function openPlace(kind: Place['kind']): Promise<Place> {
  const dir = mkdtempSync(join(tmpdir(), 'mailgrant-figures-'));
  const server = kind === 'postgres' ? await startPostgres() : undefined;
  const sandbox = await createSandbox();
  const { tokenEndpoint, clientId, clientSecret, scope, smtp, ca, mailbox: user } = sandbox;
  const token = cached(clientCredentials({ tokenEndpoint, clientId, clientSecret, scope }));
  const limits = { connections: 1, messagesPerMinute: undefined, recipientsPerDay: undefined };
  const stores: Store[] = [];
  return {
    kind,
    sandbox,
    async open() {
      const store = await openStore(
        server === undefined ? { kind: 'embedded', dir } : { kind: 'postgres', url: server.url },
      );
      stores.push(store);
      return store;
    },
    mailer: () => createMailer({ provider: 'microsoft365', ...smtp, ca, user, token, limits, retries: 0 }),
    async [Symbol.asyncDispose]() {
      for (const store of stores) await store.close();
      await sandbox.close();
      await server?.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export function say(place: Place, figure: string, facts: Readonly<Record<string, string | number>>): void {
  const told = Object.entries(facts).map(([name, value]) => `${name} ${value}`);
  process.stdout.write(`${figure}, ${place.kind}: ${told.join(', ')}\n`);
}

export const percentile = (values: readonly number[], p: number): number =>
  Math.round(
    values.toSorted((one, other) => one - other)[Math.min(values.length - 1, Math.floor((values.length * p) / 100))] ??
      0,
  );
