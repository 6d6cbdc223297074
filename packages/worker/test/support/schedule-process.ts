// A worker that only runs schedules, on the PostgreSQL server it is told of, until it is killed.
import { createEngine } from '../../src/engine.ts';
import { outboxOver } from '../../src/outbox/create-outbox.ts';
import { checkSchedules } from '../../src/schedule/definition.ts';
import { createScheduler } from '../../src/schedule/scheduler.ts';
import { openStore } from '../../src/store/open-store.ts';

const [url = ''] = process.argv.slice(2);
const onProblem = (error: unknown): void => void process.stderr.write(`${String(error)}\n`);

const store = await openStore({ kind: 'postgres', url, connections: 4, onProblem });
const engine = createEngine({ store, claims: true, migrate: true, onProblem });
await engine.start();
await store.db
  .insertInto('mailbox')
  .values({ id: 'noreply', connections: 1 })
  .onConflict((conflict) => conflict.doNothing())
  .execute();

const schedule = (id: string, cron: string) => ({
  id,
  cron,
  timeZone: 'UTC',
  recipients: async function* () {
    for (const name of ['ada', 'grace', 'edsger']) yield `${name}@example.org`;
  },
  render: ({ recipient }: { readonly recipient: string }) => ({
    from: 'noreply@contoso.com',
    to: recipient,
    subject: id,
    text: 'Hello',
  }),
});

const scheduler = createScheduler({
  store,
  engine,
  outbox: outboxOver(engine, { store }, async () => {}),
  schedules: checkSchedules([schedule('each', '* * * * * *'), schedule('second', '*/2 * * * * *')], ['noreply']),
  worker: String(process.pid),
  now: Date.now,
  onEvent: () => {},
  onProblem,
});
await scheduler.start();
process.stdout.write('started\n');
