// What the process tells of its worker: each event as a line of the log and as a count.
import type { Logger } from 'pino';
import type { ToldEvent } from '../delivery/events.ts';
import type { MailboxStats, Outbox } from '../outbox/outbox.ts';
import type { ScheduleEvent } from '../schedule/scheduler.ts';
import type { Metrics, Sample } from './metrics.ts';

export interface Watch {
  readonly onEvent: (event: ToldEvent) => void;
  readonly onScheduleEvent: (event: ScheduleEvent) => void;
  readonly onProblem: (error: unknown) => void;
}

type Level = 'debug' | 'info' | 'warn' | 'error';

const MAIL_LEVELS: Readonly<Record<ToldEvent['type'], Level>> = {
  'mail.accepted': 'info',
  'mail.deferred': 'info',
  'mail.recipients-refused': 'warn',
  'mail.dead': 'error',
  'mail.expired': 'warn',
  'mail.suppressed': 'info',
  'mail.in-doubt': 'warn',
  'mailbox.blocked': 'warn',
  'mailbox.recovered': 'info',
};

const RUN_LEVELS: Readonly<Record<ScheduleEvent['type'], Level>> = {
  'run-started': 'debug',
  'run-done': 'info',
  'run-lost': 'warn',
  'run-failed': 'error',
  'run-skipped': 'warn',
};

/** Seconds. */
const LAG_BUCKETS = [0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600];

export function createWatch(log: Logger, metrics: Metrics, now: () => number): Watch {
  const events = metrics.counter('mailgrant_events_total', 'What happened to mails and mailboxes.');
  const runs = metrics.counter('mailgrant_occurrences_total', 'What became of occurrences of schedules.');
  const problems = metrics.counter('mailgrant_problems_total', 'What went wrong in the background and is tried again.');
  const lag = metrics.histogram(
    'mailgrant_occurrence_lag_seconds',
    'From the moment of an occurrence to its start.',
    LAG_BUCKETS,
  );
  const mailLag = metrics.histogram(
    'mailgrant_mail_lag_seconds',
    'From when a mail was due until the server took it.',
    LAG_BUCKETS,
  );
  return {
    onEvent(event) {
      const { type, mailbox } = event;
      if (event.type === 'mail.accepted') mailLag.observe(Math.max(0, event.at - event.sendAt) / 1000, { mailbox });
      const error = 'error' in event ? event.error : undefined;
      events.add({ mailbox, type, ...(error && { class: error.class, code: error.code }) });
      const level = type === 'mailbox.blocked' && event.alert ? 'error' : MAIL_LEVELS[type];
      const { id: _, at: __, type: ___, ...facts } = event;
      log[level](facts, type);
    },
    onScheduleEvent(event) {
      const { type, scheduleId, ...facts } = event;
      runs.add({ schedule: scheduleId, result: type.slice('run-'.length) });
      if (event.type === 'run-started')
        lag.observe(Math.max(0, now() - event.occurrence) / 1000, { schedule: scheduleId });
      log[RUN_LEVELS[type]]({ schedule: scheduleId, ...withTimes(facts) }, type);
    },
    onProblem(error) {
      problems.add();
      log.warn({ error }, 'something went wrong and is tried again');
    },
  };
}

function withTimes(facts: object): object {
  const isTime = (key: string): boolean => key === 'occurrence' || key === 'first' || key === 'last';
  return Object.fromEntries(
    Object.entries(facts).map(([key, value]: [string, unknown]) => [
      key,
      isTime(key) && typeof value === 'number' ? new Date(value).toISOString() : value,
    ]),
  );
}

/** Milliseconds for which numbers asked of the store are given again: several may scrape. */
const FRESH = 5000;

/** Gauges of the outbox: one query for all of them. */
export function watchOutbox(metrics: Metrics, outbox: Pick<Outbox, 'stats'>, now: () => number): void {
  let cached: { readonly at: number; readonly stats: Promise<readonly MailboxStats[]> } | undefined;
  const stats = (): Promise<readonly MailboxStats[]> => {
    if (cached === undefined || now() - cached.at > FRESH) cached = { at: now(), stats: outbox.stats() };
    return cached.stats;
  };
  metrics.gauges(
    {
      mailgrant_mails: 'Mails by mailbox and state.',
      mailgrant_oldest_due_seconds: 'How late the mail is that has been due for longest.',
      mailgrant_mailbox_paused: '1 where somebody paused the mailbox.',
      mailgrant_mailbox_blocked: '1 where the server, or the limit of a day, lets nothing go out.',
      mailgrant_slots_in_use: 'Connections in use, over all workers.',
      mailgrant_recipients_24h: 'Recipients of the last 24 hours.',
    },
    async () => {
      const all = await stats();
      const each = (value: (one: MailboxStats) => number): Sample[] =>
        all.map((one) => [value(one), { mailbox: one.mailbox }]);
      return {
        mailgrant_mails: all.flatMap(({ mailbox, counts }) =>
          Object.entries(counts).map(([state, count]): Sample => [count, { mailbox, state }]),
        ),
        mailgrant_oldest_due_seconds: each(({ oldestDue }) => oldestDue / 1000),
        mailgrant_mailbox_paused: each(({ paused }) => Number(paused)),
        mailgrant_mailbox_blocked: each(({ blocked }) => Number(blocked !== undefined)),
        mailgrant_slots_in_use: each(({ slots }) => slots),
        mailgrant_recipients_24h: each(({ recipientsToday }) => recipientsToday),
      };
    },
  );
  metrics.gauges(
    {
      process_resident_memory_bytes: 'Memory of the process.',
      process_start_time_seconds: 'When the process started, seconds since 1970.',
    },
    async () => ({
      process_resident_memory_bytes: [[process.memoryUsage.rss()]],
      process_start_time_seconds: [[Math.round(now() / 1000 - process.uptime())]],
    }),
  );
}
