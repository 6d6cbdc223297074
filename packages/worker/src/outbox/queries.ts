// Looking into the outbox.
import { InputError } from '@mailgrant/core';
import { type ExpressionBuilder, type Selectable, sql, type SqlBool } from 'kysely';
import type { MailState, MailTable, Tables } from '../schema/tables.ts';
import type { Store } from '../store/store.ts';
import { checkWhole } from './checks.ts';
import type { ListOptions, MailboxStats, MailDetails, MailFilter, MailPage, MailRef, MailSummary } from './outbox.ts';

const COLUMNS = [
  'id',
  'mailbox_id',
  'state',
  'subject',
  'message_id',
  'idempotency_key',
  'tag',
  'schedule_id',
  'occurrence',
  'priority',
  'due_at',
  'next_at',
  'expires_at',
  'created_at',
  'finished_at',
  'failures',
  'dup_possible',
  'mime_size',
  'queue_id',
  'last_code',
  'last_class',
  'last_error',
] as const satisfies readonly (keyof MailTable)[];

type SummaryRow = Pick<Selectable<MailTable>, (typeof COLUMNS)[number]>;

const MAIL_STATES: readonly MailState[] = [
  'scheduled',
  'sending',
  'deferred',
  'in_doubt',
  'accepted',
  'dead',
  'cancelled',
  'suppressed',
  'expired',
];

/** Newest first. */
export async function list(store: Store, { limit = 100, after, ...filter }: ListOptions): Promise<MailPage> {
  checkWhole(limit, 1, 1000, 'limit');
  const start = after === undefined ? undefined : readCursor(after);
  const rows = await store.db
    .selectFrom('mail')
    .select(COLUMNS)
    .where((mail) => mail.and(conditions(mail, filter)))
    .$if(start !== undefined, (query) =>
      query.where(sql<SqlBool>`(created_at, id) < (${start?.at}::timestamptz, ${start?.id}::uuid)`),
    )
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute();
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return {
    mails: rows.slice(0, limit).map(toSummary),
    next: last && `${last.created_at.getTime()}.${last.id}`,
  };
}

/** What a filter asks of a row of `mail`. */
export function conditions(mail: ExpressionBuilder<Tables, 'mail'>, filter: MailFilter): ReturnType<typeof mail.and>[] {
  const asked: ReturnType<typeof mail.and>[] = [];
  const add = (condition: ReturnType<typeof mail.and>): void => void asked.push(condition);
  if (filter.mailbox !== undefined) add(mail.and([mail('mailbox_id', '=', filter.mailbox)]));
  if (filter.state !== undefined) {
    const states = [filter.state].flat();
    const unknown = states.find((state) => !MAIL_STATES.includes(state));
    if (unknown !== undefined || states.length === 0) {
      throw new InputError('ERR_INPUT_OPTION', `state: one of ${MAIL_STATES.join(', ')}`);
    }
    add(mail.and([mail('state', 'in', states)]));
  }
  if (filter.tag !== undefined) add(mail.and([mail('tag', '=', filter.tag)]));
  if (filter.scheduleId !== undefined) add(mail.and([mail('schedule_id', '=', filter.scheduleId)]));
  if (filter.messageId !== undefined) add(mail.and([mail('message_id', '=', filter.messageId)]));
  if (filter.duplicatePossible !== undefined) add(mail.and([mail('dup_possible', '=', filter.duplicatePossible)]));
  if (filter.from !== undefined) add(mail.and([mail('created_at', '>=', new Date(filter.from))]));
  if (filter.to !== undefined) add(mail.and([mail('created_at', '<=', new Date(filter.to))]));
  if (filter.recipient !== undefined) {
    const address = filter.recipient.toLowerCase();
    const mails = mail
      .selectFrom('mail_recipient')
      .select('mail_recipient.mail_id')
      .where(sql<SqlBool>`lower(mail_recipient.address) = ${address}`);
    add(mail.and([mail('id', 'in', mails)]));
  }
  return asked;
}

function readCursor(after: string): { readonly at: Date; readonly id: string } {
  const [, at, id] = /^(\d{1,15})\.([0-9a-f-]{36})$/.exec(after) ?? [];
  if (at === undefined || id === undefined) throw new InputError('ERR_INPUT_OPTION', 'after: the `next` of a page');
  return { at: new Date(Number(at)), id };
}

export async function get(store: Store, ref: MailRef): Promise<MailDetails | undefined> {
  if (typeof ref === 'string' && !/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(ref)) return undefined;
  const mail = await store.db
    .selectFrom('mail')
    .select(COLUMNS)
    .where(typeof ref === 'string' ? 'id' : 'idempotency_key', '=', typeof ref === 'string' ? ref : ref.idempotencyKey)
    .executeTakeFirst();
  if (mail === undefined) return undefined;
  const recipients = await store.db
    .selectFrom('mail_recipient')
    .selectAll()
    .where('mail_id', '=', mail.id)
    .orderBy('position')
    .execute();
  const attempts = await store.db
    .selectFrom('mail_attempt')
    .selectAll()
    .where('mail_id', '=', mail.id)
    .orderBy('n')
    .execute();
  return {
    ...toSummary(mail),
    recipients: recipients.map(({ address, state, code, reply }) => ({
      address,
      state,
      code: code ?? undefined,
      reply: reply ?? undefined,
    })),
    log: attempts.map((attempt) => ({
      n: attempt.n,
      worker: attempt.worker,
      phase: attempt.phase,
      outcome: attempt.outcome ?? undefined,
      startedAt: attempt.started_at.getTime(),
      endedAt: attempt.ended_at?.getTime(),
      errorCode: attempt.error_code ?? undefined,
      errorClass: attempt.error_class ?? undefined,
      replyCode: attempt.reply_code ?? undefined,
      reply: attempt.reply ?? undefined,
    })),
  };
}

function toSummary(row: SummaryRow): MailSummary {
  return {
    id: row.id,
    mailbox: row.mailbox_id,
    state: row.state,
    subject: row.subject ?? undefined,
    messageId: row.message_id ?? undefined,
    idempotencyKey: row.idempotency_key ?? undefined,
    tag: row.tag ?? undefined,
    scheduleId: row.schedule_id ?? undefined,
    occurrence: row.occurrence?.getTime(),
    priority: row.priority,
    sendAt: row.due_at.getTime(),
    nextAt: row.next_at?.getTime(),
    expiresAt: row.expires_at?.getTime(),
    createdAt: row.created_at.getTime(),
    finishedAt: row.finished_at?.getTime(),
    failures: row.failures,
    duplicatePossible: row.dup_possible,
    size: row.mime_size,
    queueId: row.queue_id ?? undefined,
    lastError:
      row.last_error === null
        ? undefined
        : { code: row.last_code ?? undefined, class: row.last_class ?? undefined, message: row.last_error },
  };
}

const NO_COUNTS = Object.fromEntries(MAIL_STATES.map((state) => [state, 0])) as Record<MailState, number>;

export async function stats(store: Store): Promise<readonly MailboxStats[]> {
  const mailboxes = await store.db
    .selectFrom('mailbox as m')
    .select(['m.id', 'm.paused_at', 'm.block_class', 'm.block_reason'])
    .select(sql<Date | null>`case when m.blocked_until > now() then m.blocked_until end`.as('blocked_until'))
    .select(
      sql<number | null>`(select extract(epoch from now() - min(next_at)) * 1000 from mailgrant.mail
        where mailbox_id = m.id and state in ('scheduled', 'deferred'))::double precision`.as('oldest'),
    )
    .select(
      sql<number>`(select count(*) from mailgrant.mailbox_slot where mailbox_id = m.id and until > now())::integer`.as(
        'slots',
      ),
    )
    .select(
      sql<number>`(select coalesce(sum(recipients), 0) from mailgrant.mailbox_usage
        where mailbox_id = m.id and hour > now() - interval '25 hours')::integer`.as('recipients'),
    )
    .orderBy('m.id')
    .execute();
  const counts = await store.db
    .selectFrom('mail')
    .select(['mailbox_id', 'state', sql<number>`count(*)::integer`.as('count')])
    .groupBy(['mailbox_id', 'state'])
    .execute();
  return mailboxes.map((mailbox) => ({
    mailbox: mailbox.id,
    counts: {
      ...NO_COUNTS,
      ...Object.fromEntries(
        counts.filter((row) => row.mailbox_id === mailbox.id).map(({ state, count }) => [state, count]),
      ),
    },
    oldestDue: Math.max(0, Math.round(mailbox.oldest ?? 0)),
    paused: mailbox.paused_at !== null,
    blocked:
      mailbox.blocked_until === null
        ? undefined
        : {
            until: mailbox.blocked_until.getTime(),
            class: mailbox.block_class ?? '',
            reason: mailbox.block_reason ?? '',
          },
    slots: mailbox.slots,
    recipientsToday: mailbox.recipients,
  }));
}
