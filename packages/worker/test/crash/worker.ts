// A worker that is there to be killed. It takes its orders from the process that started it.
import { readFileSync } from 'node:fs';
import { cached, clientCredentials, createMailer } from '@mailgrant/core';
import type { Sandbox } from '@mailgrant/sandbox';
import { type AnySchedule, createMailWorker, openStore, type StoreOptions } from '../../src/index.ts';

export interface WorkerSettings {
  readonly store: StoreOptions;
  readonly sandbox: Pick<Sandbox, 'smtp' | 'ca' | 'mailbox' | 'tokenEndpoint' | 'clientId' | 'clientSecret' | 'scope'>;
  readonly onInDoubt: 'resend' | 'hold';
  readonly connections: number;
  /** Ids and cron expressions. */
  readonly schedules: Readonly<Record<string, string>>;
}

export type Order =
  | { readonly order: 'enqueue'; readonly keys: readonly string[] }
  | { readonly order: 'count' }
  | { readonly order: 'stop' };
export type Answer =
  | { readonly answer: 'ready' }
  /** These mails are safe now. */
  | { readonly answer: 'enqueued'; readonly keys: readonly string[] }
  /** Mails there is still something to do about. */
  | { readonly answer: 'counted'; readonly open: number };

const settings = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as WorkerSettings;
const { sandbox, schedules } = settings;
const { mailbox: user, smtp, ca } = sandbox;
const token = cached(clientCredentials(sandbox));
const limits = { connections: 1, messagesPerMinute: undefined, recipientsPerDay: undefined };
// Problems are what this is about: with DEBUG they can be seen.
const onProblem = (error: unknown): void => void (process.env['DEBUG'] && process.stderr.write(`${String(error)}\n`));
// One in ten is large enough to be kept beside the tables.
const mail = (subject: string) => {
  const text = `This is ${subject}.\n`.repeat(subject.endsWith('0') ? 6000 : 1);
  return { from: user, to: 'ada@example.com', subject, text };
};

const store = await openStore({ ...settings.store, onProblem });
const worker = createMailWorker({
  store,
  mailboxes: {
    noreply: {
      mailer: () => createMailer({ provider: 'microsoft365', ...smtp, ca, user, token, limits, retries: 0 }),
      connections: settings.connections,
      ratePerMinute: null,
      recipientsPerDay: null,
    },
  },
  schedules: Object.entries(schedules).map(([id, cron]): AnySchedule => ({
    id,
    cron,
    timeZone: 'UTC',
    missed: 'all',
    render: ({ occurrence }) => mail(`${id} of ${new Date(occurrence).toISOString()}`),
  })),
  onInDoubt: settings.onInDoubt,
  onProblem,
});

process.once('disconnect', () => process.exit(1)); // nobody left to obey
process.on('message', (order: Order) => {
  obey(order).catch((error: unknown) => {
    onProblem(error);
    if (order.order === 'stop') process.exit(1);
  });
});
await worker.start();
say({ answer: 'ready' });

async function obey(order: Order): Promise<void> {
  if (order.order === 'enqueue') {
    const mails = order.keys.map((key) => ({ mailbox: 'noreply', mail: mail(key), idempotencyKey: key }));
    await worker.outbox.scheduleMails(mails);
    say({ answer: 'enqueued', keys: order.keys });
  } else if (order.order === 'count') {
    const [{ counts } = { counts: undefined }] = await worker.outbox.stats();
    const { scheduled = 0, sending = 0, deferred = 0 } = counts ?? {};
    say({ answer: 'counted', open: scheduled + sending + deferred });
  } else {
    await worker.stop();
    await store.close();
    process.disconnect?.();
  }
}

function say(answer: Answer): void {
  process.send?.(answer);
}
