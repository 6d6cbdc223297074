// A sandbox, and workers on an empty store; they are gone when the rig is.
import { cached, type CachedTokenSource, clientCredentials, createMailer, type Mailer } from '@mailgrant/core';
import { createSandbox, type Sandbox, type SandboxOptions } from '@mailgrant/sandbox';
import { createMailWorker, type MailWorker, type MailWorkerOptions, type ToldEvent } from '../../src/index.ts';
import { openStore } from '../../src/store/open-store.ts';
import type { Store } from '../../src/store/store.ts';
import { createStoreDirectory } from './embedded.ts';
import { createDatabase } from './postgres.ts';

export const KINDS = ['embedded', 'postgres'] as const;
export type Kind = (typeof KINDS)[number];

export interface Place extends AsyncDisposable {
  open(): Promise<Store>;
}

/** An empty place for a store. */
export async function createPlace(kind: Kind): Promise<Place> {
  if (kind === 'embedded') {
    const directory = await createStoreDirectory();
    return {
      open: () => openStore({ kind, dir: directory.dir, durability: 'process-crash' }),
      [Symbol.asyncDispose]: async () => directory[Symbol.dispose](),
    };
  }
  const database = await createDatabase();
  return {
    open: () => openStore({ kind, url: database.url }),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

/** A store for the tests of a file: making one takes longer than most tests. */
export interface Base extends AsyncDisposable {
  readonly store: Store;
}

export async function createBase(kind: Kind): Promise<Base> {
  const place = await createPlace(kind);
  const store = await place.open();
  return {
    store,
    async [Symbol.asyncDispose]() {
      await store.close();
      await place[Symbol.asyncDispose]();
    },
  };
}

/** As if nothing had been in it. */
async function empty({ store }: Base): Promise<void> {
  const db = store.executor();
  await db.executeSql('truncate mailgrant.mailbox, mailgrant.suppression, mailgrant.event, mailgrant.blob cascade');
  const { rows } = await db.executeSql("select to_regclass('mailgrant_boss.job') is not null as there");
  if (rows[0]?.there === true) await db.executeSql('delete from mailgrant_boss.job');
}

export interface Rig extends AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly store: Store;
  readonly events: ToldEvent[];
  readonly problems: unknown[];
  /** A worker with the mailbox `noreply`, not started. Limits are off unless they are given. */
  worker(options?: Partial<MailWorkerOptions>, mailbox?: Partial<MailWorkerOptions['mailboxes'][string]>): MailWorker;
  /** A mail from the sandbox's mailbox. */
  mail(subject?: string): { from: string; to: string; subject: string; text: string };
  /** Resolves when this many events of the type were told. */
  told(type: ToldEvent['type'], count?: number): Promise<readonly ToldEvent[]>;
}

export async function createRig(base: Base, sandboxOptions: SandboxOptions = {}): Promise<Rig> {
  const { store } = base;
  await empty(base);
  const sandbox = await createSandbox(sandboxOptions);
  const { tokenEndpoint, clientId, clientSecret, scope } = sandbox;
  const token = cached(clientCredentials({ tokenEndpoint, clientId, clientSecret, scope }));
  const workers: MailWorker[] = [];
  const events: ToldEvent[] = [];
  const problems: unknown[] = [];
  const waiting = new Set<() => void>();
  return {
    sandbox,
    store,
    events,
    problems,
    worker(options = {}, mailbox = {}) {
      const worker = createMailWorker({
        store,
        mailboxes: {
          noreply: { mailer: mailerOf(sandbox, token), ratePerMinute: null, recipientsPerDay: null, ...mailbox },
        },
        onProblem: (error) => void problems.push(error),
        ...options,
        onEvent(event) {
          events.push(event);
          options.onEvent?.(event);
          for (const look of waiting) look();
        },
      });
      workers.push(worker);
      return worker;
    },
    mail: (subject = 'Hello') => ({ from: sandbox.mailbox, to: 'ada@example.com', subject, text: 'Hello, Ada.' }),
    told(type, count = 1) {
      return new Promise((resolve, reject) => {
        const late = setTimeout(() => {
          waiting.delete(look);
          reject(
            new Error(
              `no ${type} in time; told: ${events.map((event) => event.type).join(', ') || 'nothing'}; ${problems.join('; ')}`,
            ),
          );
        }, 15_000);
        const look = (): void => {
          const found = events.filter((event) => event.type === type);
          if (found.length < count) return;
          clearTimeout(late);
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      });
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(workers.map((worker) => worker.stop({ drainMs: 0 })));
      await sandbox.close();
    },
  };
}

/** What `mailer` of a mailbox should be: one connection, no limits and no retries of its own, a token for all. */
function mailerOf(sandbox: Sandbox, token: CachedTokenSource): () => Mailer {
  const { smtp, ca, mailbox: user } = sandbox;
  const limits = { connections: 1, messagesPerMinute: undefined, recipientsPerDay: undefined };
  return () => createMailer({ provider: 'microsoft365', ...smtp, ca, user, token, limits, retries: 0 });
}
