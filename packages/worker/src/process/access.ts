// The way to the mail for commands: PostgreSQL itself, the running worker over its socket, or, when none runs, the directory.
import type { Kysely } from 'kysely';
import { createOutbox } from '../outbox/create-outbox.ts';
import type { Outbox } from '../outbox/outbox.ts';
import {
  listRuns,
  listSchedules,
  removeSchedule,
  type RunSummary,
  type ScheduleSummary,
} from '../schedule/schedule-list.ts';
import type { Tables } from '../schema/tables.ts';
import { openStore } from '../store/open-store.ts';
import type { Store } from '../store/store.ts';
import type { LoadedConfig } from './config.ts';
import { controlClient, controlOutbox } from './control-client.ts';
import type { ControlMethods } from './control-server.ts';
import { ProcessError } from './process-error.ts';

/** What commands work with, wherever the mail is. */
export interface Access {
  /** How it was reached. */
  readonly by: 'postgres' | 'socket' | 'directory';
  readonly outbox: Outbox;
  readonly schedules: {
    list(count: number): Promise<readonly ScheduleSummary[]>;
    runs(id: string, limit: number): Promise<readonly RunSummary[]>;
    remove(id: string): Promise<boolean>;
  };
  close(): Promise<void>;
}

/** @throws what opening the store throws; `ERR_STORE_LOCKED` where a worker has it and has no socket */
export async function openAccess(loaded: LoadedConfig, now: () => number = Date.now): Promise<Access> {
  const { socket } = loaded;
  if (socket !== undefined) {
    const call = controlClient(socket);
    try {
      await call('ping');
      return {
        by: 'socket',
        outbox: controlOutbox(call),
        schedules: {
          list: (count) => call('schedules.list', count) as Promise<readonly ScheduleSummary[]>,
          runs: (id, limit) => call('schedules.runs', id, limit) as Promise<readonly RunSummary[]>,
          remove: (id) => call('schedules.remove', id) as Promise<boolean>,
        },
        close: async () => {},
      };
    } catch (error) {
      if (!(error instanceof ProcessError && error.code === 'ERR_WORKER_NOT_RUNNING')) throw error;
    }
  }
  const store = await openStore({ ...loaded.store, migrate: loaded.store.kind === 'embedded' });
  const { encryptionKey } = loaded.config;
  const outbox = createOutbox({ store, encryptionKey, now });
  return {
    by: store.kind === 'postgres' ? 'postgres' : 'directory',
    outbox,
    schedules: scheduleMethods(store.db, now),
    async close() {
      await outbox.close();
      await store.close();
    },
  };
}

function scheduleMethods(db: Kysely<Tables>, now: () => number): Access['schedules'] {
  return {
    list: (count) => listSchedules(db, now(), count),
    runs: (id, limit) => listRuns(db, id, limit),
    remove: (id) => removeSchedule(db, id),
  };
}

const OUTBOX_METHODS = [
  'scheduleMail',
  'scheduleMails',
  'cancel',
  'reschedule',
  'sendNow',
  'retry',
  'replayDead',
  'resolveInDoubt',
  'pause',
  'resume',
  'list',
  'get',
  'stats',
  'suppress',
  'unsuppress',
] as const satisfies readonly (keyof Outbox)[];

/** What a worker answers on its socket: the same as above. */
export function controlMethods(outbox: Outbox, store: Store, now: () => number = Date.now): ControlMethods {
  const schedules = scheduleMethods(store.db, now);
  const methods = OUTBOX_METHODS.map((name) => {
    const method = outbox[name] as (this: Outbox, ...args: never[]) => Promise<unknown>;
    return [`outbox.${name}`, (...args: never[]) => method.apply(outbox, args)] as const;
  });
  return {
    ...Object.fromEntries(methods),
    ping: async () => ({ pid: process.pid }),
    'schedules.list': (count: number) => schedules.list(count),
    'schedules.runs': (id: string, limit: number) => schedules.runs(id, limit),
    'schedules.remove': (id: string) => schedules.remove(id),
  };
}
