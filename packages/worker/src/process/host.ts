// An outbox inside an application, wherever its worker is: what the framework packages are made of.
import { InputError } from '@mailgrant/core';
import { createOutbox, type OutboxOptions } from '../outbox/create-outbox.ts';
import type { Outbox } from '../outbox/outbox.ts';
import { openStore } from '../store/open-store.ts';
import type { StoreOptions } from '../store/store.ts';
import { createMailWorker, type MailWorker, type MailWorkerOptions } from '../worker.ts';
import { controlMethods } from './access.ts';
import { connectOutbox } from './control-client.ts';
import { type ControlServer, listenForControl, socketPathOf } from './control-server.ts';

/** A worker in this process: what `createMailWorker()` takes, with the options of its store. */
export interface HostedWorkerOptions extends Omit<MailWorkerOptions, 'store'> {
  readonly store: StoreOptions;
  /** Milliseconds that mails on their way have to finish at the end. @default 25_000 */
  readonly drain?: number | undefined;
}

/** Exactly one of these. */
export interface HostOptions {
  /** One that is there already; whoever made it closes it. */
  readonly outbox?: Outbox | undefined;
  /** The directory of a worker with an embedded store, which is another process of the same user on this machine. */
  readonly dir?: string | undefined;
  /** Instead of `dir`: the worker's socket, where its configuration names one. */
  readonly socket?: string | undefined;
  /** The PostgreSQL database that workers somewhere else send from. */
  readonly store?: (Omit<OutboxOptions, 'store'> & StoreOptions) | undefined;
  /** The worker is in this process. */
  readonly worker?: HostedWorkerOptions | undefined;
}

export interface HostedOutbox {
  readonly outbox: Outbox;
  /** Where it is in this process. */
  readonly worker: MailWorker | undefined;
  /** Begins to send, where the worker is in this process. */
  start(): Promise<void>;
  /** Ends what was opened for it; a worker finishes what is on its way. */
  close(): Promise<void>;
}

/**
 * Opens an outbox for an application.
 *
 * @throws TypeError `ERR_INPUT_OPTION` for options that do not fit together
 * @throws StoreError where a store cannot be opened
 */
export async function hostOutbox(options: HostOptions): Promise<HostedOutbox> {
  const { outbox, dir, socket, store, worker } = options;
  const given = Object.entries({ outbox, dir, socket, store, worker }).filter(([, value]) => value !== undefined);
  if (given.length !== 1) {
    const got = given.length === 0 ? 'none of them' : given.map(([name]) => name).join(' and ');
    throw new InputError('ERR_INPUT_OPTION', `outbox: give one of outbox, dir, socket, store and worker; got ${got}`);
  }
  if (worker !== undefined) return hostWorker(worker);
  if (store !== undefined) return hostClient(store);
  const made = outbox ?? connectOutbox(socket === undefined ? { dir: dir ?? '' } : { socket });
  return { outbox: made, worker: undefined, start: async () => {}, close: async () => {} };
}

async function hostClient(options: NonNullable<HostOptions['store']>): Promise<HostedOutbox> {
  if (options.kind !== 'postgres') {
    throw new InputError('ERR_INPUT_OPTION', 'store: an embedded one belongs to its worker: give dir, or worker');
  }
  const store = await openStore({ migrate: false, ...options });
  const outbox = createOutbox({ ...options, store });
  await outbox.ready().catch(() => {}); // the store may still be without a worker: the first mail tells
  const close = async (): Promise<void> => {
    await outbox.close();
    await store.close();
  };
  return { outbox, worker: undefined, start: async () => {}, close };
}

async function hostWorker({
  store: storeOptions,
  drain = 25_000,
  ...options
}: HostedWorkerOptions): Promise<HostedOutbox> {
  const store = await openStore(storeOptions);
  const noSocket = (error: unknown): undefined => {
    if (options.onProblem !== undefined) options.onProblem(error);
    else process.emitWarning(String(error), 'MailgrantWorkerWarning');
  };
  let control: ControlServer | undefined;
  try {
    const worker = createMailWorker({ ...options, store });
    return {
      outbox: worker.outbox,
      worker,
      async start() {
        await worker.start();
        // So that `mailgrant-worker list` and its kin work beside the application, which does as well without.
        if (storeOptions.kind === 'embedded') {
          const path = socketPathOf(storeOptions.dir);
          control = await listenForControl(path, controlMethods(worker.outbox, store)).catch(noSocket);
        }
      },
      async close() {
        await worker.stop({ drainMs: drain });
        await control?.close();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}
