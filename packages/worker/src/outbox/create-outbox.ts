// The outbox over a store: checks what it is given, and leaves the rest to the files beside it.
import { InputError } from '@mailgrant/core';
import type { ComposeOptions } from '@mailgrant/nodemailer';
import { sql } from 'kysely';
import { createEngine, type Engine } from '../engine.ts';
import { pauseSchedule, resumeSchedule } from '../schedule/schedule-list.ts';
import { build, run } from '../store/statements.ts';
import type { SqlExecutor, Store } from '../store/store.ts';
import { cancel, reschedule, resolveInDoubt, retry } from './changes.ts';
import { checkName, checkText, checkWhole, toTime } from './checks.ts';
import { enqueue, type PreparedMail } from './enqueue.ts';
import { freeze } from './freeze.ts';
import { queueOf } from './mail-job.ts';
import type { ChangeResult, MailRef, Outbox, ScheduledMail } from './outbox.ts';
import { conditions, get, list, stats } from './queries.ts';
import { createSeal, type EncryptionKey } from './seal.ts';
import { suppress, unsuppress } from './suppression.ts';
import { inTime, toExecutor } from './user-transaction.ts';

export interface OutboxOptions extends ComposeOptions {
  readonly store: Store;
  /** For mails marked `sensitive`: 32 bytes, or their base64. With several, the first encrypts and all decrypt. */
  readonly encryptionKey?: EncryptionKey | undefined;
  /** Bytes a message may have. Default 150 MB, what Exchange Online takes. */
  readonly maxMessageSize?: number | undefined;
  /** Epoch milliseconds. Default: `Date.now`. */
  readonly now?: (() => number) | undefined;
}

/** An outbox for a process that sends nothing itself. */
export interface OutboxClient extends Outbox {
  /**
   * Looks up what it needs to know of the store, once. After that, mails of a transaction (`db`) need no other connection than
   * that transaction's, which matters where both come from one pool.
   *
   * @throws StoreError `ERR_STORE_SCHEMA` where no worker has made its tables yet
   */
  ready(): Promise<void>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * An outbox for processes that only put mails in; some worker on the same PostgreSQL store sends them. Close it before the
 * store.
 */
export function createOutbox(options: OutboxOptions): OutboxClient {
  const { store } = options;
  const engine = createEngine({ store, claims: false, migrate: false, onProblem: () => {} });
  let starting: Promise<void> | undefined;
  const started = (): Promise<void> => {
    starting ??= engine.start();
    starting.catch(() => (starting = undefined));
    return starting;
  };
  const close = async (): Promise<void> => {
    // A start that failed has told so to whoever asked for it.
    if (starting !== undefined)
      await starting.then(
        () => engine.stop(),
        () => {},
      );
  };
  const ready = async (): Promise<void> => {
    await started();
    for (const { id } of await store.db.selectFrom('mailbox').select('id').execute()) {
      await engine.openQueue(queueOf(id));
    }
  };
  return { ...outboxOver(engine, options, started), ready, close, [Symbol.asyncDispose]: close };
}

/** An outbox over an engine that somebody else stops. */
export function outboxOver(
  engine: Engine,
  options: OutboxOptions,
  started: () => Promise<void>,
  onMail = (): void => {},
): Outbox {
  const { store, now = Date.now, allowFiles = false, allowUrls = false, maxMessageSize = 157_286_400 } = options;
  const seal = options.encryptionKey === undefined ? undefined : createSeal(options.encryptionKey);
  checkWhole(maxMessageSize, 1, 2 ** 31 - 1, 'maxMessageSize');
  const known = new Set<string>();

  const ensureMailbox = async (mailbox: string, db: SqlExecutor | undefined): Promise<void> => {
    if (known.has(checkName(mailbox, 'mailbox'))) return;
    const rows = await run(db ?? store.executor(), build.selectFrom('mailbox').select('id').where('id', '=', mailbox));
    if (rows.length === 0) {
      throw new InputError(
        'ERR_INPUT_OPTION',
        `mailbox: no worker on this store has one of the name ${JSON.stringify(mailbox)}`,
      );
    }
    await inTime(engine.openQueue(queueOf(mailbox)), db);
    known.add(mailbox);
  };

  const prepare = async (mail: ScheduledMail, db: SqlExecutor | undefined): Promise<PreparedMail> => {
    const sendAt = mail.sendAt === undefined ? now() : toTime(mail.sendAt, 'sendAt');
    const expiresAt = mail.expiresAt === undefined ? undefined : toTime(mail.expiresAt, 'expiresAt');
    if (expiresAt !== undefined && expiresAt <= sendAt) {
      throw new InputError('ERR_INPUT_OPTION', 'expiresAt: it would expire before it is sent');
    }
    const { idempotencyKey, tag, priority = 0, run, mailbox } = mail;
    if (idempotencyKey !== undefined) checkText(idempotencyKey, 255, 'idempotencyKey');
    if (tag !== undefined) checkText(tag, 100, 'tag');
    checkWhole(priority, -100, 100, 'priority');
    if (typeof mail.mail !== 'object' || mail.mail === null)
      throw new InputError('ERR_INPUT_MESSAGE', 'mail: expected an object');
    await ensureMailbox(mailbox, db);
    const frozen = await freeze(mail, Math.max(sendAt, now()), {
      put: (body) => store.blobs.put(body, db),
      seal,
      compose: { allowFiles, allowUrls },
      maxSize: maxMessageSize,
    });
    return { frozen, mailbox, sendAt, expiresAt, idempotencyKey, priority, tag, run };
  };

  const scheduleMails: Outbox['scheduleMails'] = async (mails, { db } = {}) => {
    if (db !== undefined && store.kind === 'embedded') {
      throw new InputError('ERR_INPUT_OPTION', 'db: the embedded store takes no transaction from outside');
    }
    const executor = db === undefined ? undefined : toExecutor(db);
    await inTime(started(), executor);
    const prepared: PreparedMail[] = [];
    for await (const mail of mails) prepared.push(await prepare(mail, executor));
    const tools = { blobs: store.blobs, engine, now: now() };
    if (executor !== undefined) return enqueue(prepared, { ...tools, db: executor });
    const enqueued = await store.transaction((trx) => enqueue(prepared, { ...tools, db: store.executor(trx) }));
    onMail();
    return enqueued;
  };

  const changing = async (run: () => Promise<ChangeResult>): Promise<ChangeResult> => {
    await started();
    const result = await run();
    if (result === 'done') onMail();
    return result;
  };
  // A queue that is not known yet would be looked up while the transaction holds the only connection.
  const opened = async (ref: MailRef): Promise<void> => {
    const mail = await get(store, ref);
    if (mail !== undefined) await engine.openQueue(queueOf(mail.mailbox));
  };

  return {
    async scheduleMail(mail, options) {
      const [enqueued] = await scheduleMails([mail], options);
      if (enqueued === undefined) throw new Error('one mail, one result');
      return enqueued;
    },
    scheduleMails,
    cancel: (ref) => changing(async () => (await opened(ref), cancel(store, engine, ref))),
    reschedule: (ref, { sendAt, expiresAt }) => {
      const at = toTime(sendAt, 'sendAt');
      const expires = expiresAt === undefined || expiresAt === null ? expiresAt : toTime(expiresAt, 'expiresAt');
      return changing(async () => (await opened(ref), reschedule(store, engine, ref, { at, expiresAt: expires })));
    },
    sendNow: (ref) => changing(async () => (await opened(ref), reschedule(store, engine, ref, { at: now() }))),
    retry: (ref) => changing(async () => (await opened(ref), retry(store, engine, ref, now()))),
    async replayDead({ limit = 10_000, ...filter } = {}) {
      checkWhole(limit, 1, 1_000_000, 'limit');
      const dead = await store.db
        .selectFrom('mail')
        .select('id')
        .where((mail) => mail.and(conditions(mail, { ...filter, state: 'dead' })))
        .orderBy('created_at')
        .orderBy('id')
        .limit(limit)
        .execute();
      let replayed = 0;
      for (const { id } of dead) {
        const result = await changing(async () => (await opened(id), retry(store, engine, id, now())));
        if (result === 'done') replayed += 1;
      }
      return replayed;
    },
    resolveInDoubt(ref, resolution) {
      if (!['sent', 'resend', 'drop'].includes(resolution)) {
        throw new InputError('ERR_INPUT_OPTION', "resolution: 'sent', 'resend' or 'drop'");
      }
      return changing(async () => (await opened(ref), resolveInDoubt(store, engine, ref, resolution, now())));
    },
    pause: (what) =>
      'schedule' in what ? pauseSchedule(store.db, what.schedule, now()) : pauseMailbox(store, what.mailbox),
    async resume(what) {
      const resumed = await ('schedule' in what
        ? resumeSchedule(store.db, what.schedule, now())
        : resumeMailbox(store, what.mailbox));
      onMail();
      return resumed;
    },
    list: (options = {}) => list(store, options),
    get: (ref) => get(store, ref),
    stats: () => stats(store),
    suppress: (who) => suppress(store, who),
    unsuppress: (who) => unsuppress(store, who),
  };
}

async function pauseMailbox(store: Store, id: string): Promise<boolean> {
  const { numUpdatedRows } = await store.db
    .updateTable('mailbox')
    .set({ paused_at: sql<Date>`coalesce(paused_at, now())` })
    .where('id', '=', id)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

async function resumeMailbox(store: Store, id: string): Promise<boolean> {
  const free = { blocked_until: null, block_class: null, block_reason: null, blocks: 0, slow_until: null };
  const { numUpdatedRows } = await store.db
    .updateTable('mailbox')
    .set({ paused_at: null, ...free })
    .where('id', '=', id)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}
