// A worker: an outbox, the lanes that send from it, the schedules that put mails in, and what keeps house.
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Mailer } from '@mailgrant/core';
import { InputError } from '@mailgrant/core';
import type { ComposeOptions } from '@mailgrant/nodemailer';
import { type Context, type InDoubtPolicy, transacting } from './delivery/context.ts';
import { type DispatchedMailbox, Dispatcher } from './delivery/dispatcher.ts';
import { createEventSink, type ToldEvent } from './delivery/events.ts';
import { checkRetention, Housekeeper, reconcile, type RetentionOptions } from './delivery/housekeeping.ts';
import { registerMailbox, type MailboxLimits } from './delivery/mailboxes.ts';
import { paceOf } from './delivery/pace.ts';
import { retryPolicy, type RetryPolicy } from './delivery/retry-policy.ts';
import { clearSlots } from './delivery/slots.ts';
import { checkWebhook, type WebhookOptions, WebhookTeller } from './delivery/webhook.ts';
import { createEngine } from './engine.ts';
import { checkName, checkWhole } from './outbox/checks.ts';
import { outboxOver } from './outbox/create-outbox.ts';
import { DUE_CHANNEL, queueOf } from './outbox/mail-job.ts';
import type { Outbox } from './outbox/outbox.ts';
import { createSeal, type EncryptionKey } from './outbox/seal.ts';
import { type AnySchedule, checkSchedules } from './schedule/definition.ts';
import { listSchedules, type ScheduleSummary } from './schedule/schedule-list.ts';
import { createScheduler, type ScheduleEvent } from './schedule/scheduler.ts';
import type { Store } from './store/store.ts';

/** A mailbox that this worker sends from. */
export interface WorkerMailbox {
  /**
   * Makes the mailer of one connection. It is called for each, and what it makes is closed with the connection; so make it
   * with `limits: { connections: 1 }`, without its own limits per minute and day, with `retries: 0`, and share one `cached()`
   * token source between the calls.
   */
  readonly mailer: () => Mailer;
  /** Messages a minute, over all workers; `null`: no limit. Default 30. */
  readonly ratePerMinute?: number | null | undefined;
  /** Connections at a time, over all workers. Default 3. */
  readonly connections?: number | undefined;
  /** Recipients in 24 hours; `null`: no limit. Default 10 000. */
  readonly recipientsPerDay?: number | null | undefined;
  /** Recipients of one message; a mail with more goes out as several. Default 500. */
  readonly recipientsPerMessage?: number | undefined;
  /** Milliseconds an unused connection stays open. Default 30 s. */
  readonly idleTimeout?: number | undefined;
}

export interface MailWorkerOptions extends ComposeOptions {
  /** Where mails are kept. Close it after the worker. */
  readonly store: Store;
  readonly mailboxes: Readonly<Record<string, WorkerMailbox>>;
  readonly schedules?: readonly AnySchedule[] | undefined;
  readonly retry?:
    | {
        /** Milliseconds for which a mail that fails by itself is tried again. Default 3 days. */
        readonly maxAge?: number | undefined;
        /** Instead of the worker's own policy. */
        readonly policy?: RetryPolicy | undefined;
      }
    | undefined;
  /** What to do about a mail that may have been sent, flagged in any case. Default `'resend'`. */
  readonly onInDoubt?: InDoubtPolicy | undefined;
  /** Milliseconds after which things are deleted. */
  readonly retention?: RetentionOptions | undefined;
  /** For mails marked `sensitive`: 32 bytes, or their base64. With several, the first encrypts and all decrypt. */
  readonly encryptionKey?: EncryptionKey | undefined;
  /** Bytes a message may have. Default 150 MB. */
  readonly maxMessageSize?: number | undefined;
  /** What happened to mails and mailboxes, after it was committed, in the process where it happened. */
  readonly onEvent?: ((event: ToldEvent) => void) | undefined;
  readonly onScheduleEvent?: ((event: ScheduleEvent) => void) | undefined;
  /** Told of what went wrong in the background, where nobody awaits; it is tried again. Default: `process.emitWarning`. */
  readonly onProblem?: ((error: unknown) => void) | undefined;
  readonly webhook?: WebhookOptions | undefined;
  /** Whether the engine's tables may be made and brought up to date. Default `true`. */
  readonly migrate?: boolean | undefined;
  /** Epoch milliseconds. Default: `Date.now`. What is due is decided by the database's clock. */
  readonly now?: (() => number) | undefined;
}

export interface WorkerHealth {
  /** `starting` and `stopped`: it does not send. */
  readonly state: 'starting' | 'running' | 'stopping' | 'stopped';
  /** When it last looked for mail, epoch milliseconds; 0: not yet. */
  readonly lookedAt: number;
  /** Its connections. `busy`: at a message. */
  readonly lanes: readonly { readonly mailbox: string; readonly slot: number; readonly busy: boolean }[];
}

export interface MailWorker {
  readonly outbox: Outbox;
  /** Names this worker in tables: host, process, and a random part. */
  readonly name: string;
  /** Makes what it needs in the store, and begins to send. */
  start(): Promise<void>;
  /**
   * Takes nothing new, lets what is on its way finish for `drainMs` (default 25 s), gives the rest back. What is at its last
   * bytes by then is in doubt.
   */
  stop(options?: { readonly drainMs?: number | undefined }): Promise<void>;
  health(): WorkerHealth;
  /** The schedules that are stored, with their next `count` occurrences. Default 1. */
  schedules(count?: number): Promise<readonly ScheduleSummary[]>;
  /** `stop()`. The store stays open. */
  [Symbol.asyncDispose](): Promise<void>;
}

const DAY = 86_400_000;

/**
 * Makes a worker. Nothing is done before `start()`; its outbox takes mails as soon as it has been started once.
 * @throws TypeError `ERR_INPUT_OPTION` naming the option
 */
export function createMailWorker(options: MailWorkerOptions): MailWorker {
  const { store, now = Date.now, onInDoubt = 'resend', migrate = true } = options;
  const onProblem = careful(options.onProblem ?? warn);
  const mailboxes = checkMailboxes(options.mailboxes);
  const schedules = checkSchedules(options.schedules ?? [], [...mailboxes.keys()]);
  const webhook = options.webhook && checkWebhook(options.webhook);
  const retention = checkRetention(options.retention);
  if (!(onInDoubt === 'resend' || onInDoubt === 'hold' || typeof onInDoubt === 'function')) {
    throw new InputError('ERR_INPUT_OPTION', "onInDoubt: 'resend', 'hold' or a function");
  }
  const name = `${hostname().slice(0, 100)}/${process.pid}/${randomBytes(4).toString('hex')}`;
  const engine = createEngine({ store, claims: true, migrate, onProblem });
  const sink = createEventSink({ onEvent: options.onEvent, kept: webhook !== undefined, onProblem });
  const context: Context = {
    store,
    engine,
    worker: name,
    retryPolicy: options.retry?.policy ?? retryPolicy(options.retry?.maxAge ?? 3 * DAY),
    onInDoubt,
    seal: options.encryptionKey === undefined ? undefined : createSeal(options.encryptionKey),
    now,
    random: Math.random,
    onProblem,
    transact: transacting(store, sink, now),
  };
  const dispatcher = new Dispatcher(context, mailboxes);
  const housekeeper = new Housekeeper(context, retention);
  const teller = webhook && new WebhookTeller({ store, webhook, now, onProblem });

  let state: WorkerHealth['state'] = 'starting';
  let ready: Promise<void> | undefined;
  const prepared = (): Promise<void> => {
    ready ??= prepare();
    ready.catch(() => (ready = undefined));
    return ready;
  };
  const prepare = async (): Promise<void> => {
    await engine.start();
    for (const [id, mailbox] of mailboxes) {
      await registerMailbox(store.db, id, mailbox.limits);
      await engine.openQueue(queueOf(id));
    }
  };
  const outbox = outboxOver(engine, options, prepared, () => dispatcher.wake());
  const scheduler = createScheduler({
    store,
    engine,
    outbox,
    schedules,
    worker: name,
    now,
    onEvent: options.onScheduleEvent ?? (() => {}),
    onProblem,
  });

  let started: Promise<void> | undefined;
  let stopped: Promise<void> | undefined;
  let unlisten: (() => Promise<void>) | undefined;
  const start = async (): Promise<void> => {
    await prepared();
    if (store.kind === 'embedded') {
      // The store belongs to this process: whoever held something is dead.
      await clearSlots(store.db);
      for (const id of mailboxes.keys()) await engine.releaseAll(queueOf(id));
    }
    await reconcile(context);
    unlisten = await store.listen(DUE_CHANNEL, () => dispatcher.wake());
    if (schedules.size > 0) await scheduler.start();
    dispatcher.start();
    housekeeper.start();
    teller?.start();
    if (state === 'starting') state = 'running';
  };
  const stop = async (drainMs: number): Promise<void> => {
    state = 'stopping';
    // Before anything is awaited: the lanes begin nothing new, and their time runs.
    const drained = dispatcher.stop(drainMs);
    const late = AbortSignal.timeout(drainMs);
    // A start that failed has told so itself; what it began is ended all the same.
    await started?.catch(() => {});
    await Promise.all([
      drained,
      schedules.size > 0 && started !== undefined ? scheduler.stop({ signal: late }) : undefined,
      unlisten?.(),
      housekeeper.stop(),
      teller?.stop(),
    ]);
    // Its own start may have succeeded where the rest of it did not.
    await ready?.catch(() => {});
    await engine.stop();
    state = 'stopped';
  };
  return {
    outbox,
    name,
    start: () => (started ??= start()),
    async stop({ drainMs = 25_000 } = {}) {
      checkWhole(drainMs, 0, 2 ** 31 - 1, 'drainMs');
      await (stopped ??= stop(drainMs));
    },
    health: () => ({ state, lookedAt: dispatcher.lookedAt, lanes: dispatcher.lanes }),
    schedules: (count = 1) => listSchedules(store.db, now(), count),
    [Symbol.asyncDispose]: () => (stopped ??= stop(25_000)),
  };
}

interface CheckedMailbox extends DispatchedMailbox {
  readonly limits: MailboxLimits;
}

function checkMailboxes(mailboxes: MailWorkerOptions['mailboxes']): ReadonlyMap<string, CheckedMailbox> {
  const checked = new Map(Object.entries(mailboxes).map(([id, mailbox]) => [id, checkMailbox(id, mailbox)]));
  if (checked.size === 0) throw new InputError('ERR_INPUT_OPTION', 'mailboxes: at least one');
  return checked;
}

function checkMailbox(id: string, mailbox: WorkerMailbox): CheckedMailbox {
  checkName(id, 'mailboxes');
  const where = `mailboxes.${id}`;
  const { mailer, ratePerMinute = 30, recipientsPerDay = 10_000 } = mailbox;
  const { connections = 3, recipientsPerMessage = 500, idleTimeout = 30_000 } = mailbox;
  if (typeof mailer !== 'function')
    throw new InputError('ERR_INPUT_OPTION', `${where}.mailer: a function that makes a mailer`);
  if (ratePerMinute !== null) checkWhole(ratePerMinute, 1, 100_000, `${where}.ratePerMinute`);
  if (recipientsPerDay !== null) checkWhole(recipientsPerDay, 1, 2 ** 31 - 1, `${where}.recipientsPerDay`);
  checkWhole(connections, 1, 100, `${where}.connections`);
  checkWhole(recipientsPerMessage, 1, 10_000, `${where}.recipientsPerMessage`);
  checkWhole(idleTimeout, 0, 2 ** 31 - 1, `${where}.idleTimeout`);
  return {
    mailer,
    connections,
    recipientsPerMessage,
    idleTime: idleTimeout,
    pace: ratePerMinute === null ? undefined : paceOf(ratePerMinute),
    limits: { ratePerMinute, connections, recipientsPerDay },
  };
}

/** A listener that fails is in nobody's way. */
function careful(listener: (error: unknown) => void): (error: unknown) => void {
  return (error) => {
    try {
      const result: unknown = listener(error);
      if (result instanceof Promise) result.catch(warn);
    } catch (mistake) {
      warn(mistake);
    }
  };
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error.message : String(error), 'MailgrantWorkerWarning');
}
