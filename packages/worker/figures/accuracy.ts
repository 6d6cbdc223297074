// How late mails go out that are due at random times: from `sendAt` to the server's acceptance.
import { createMailWorker } from '../src/index.ts';
import { percentile, type Place, say } from './place.ts';

const MAILS = 1_000;
const SPAN = 60_000;

export async function accuracy(place: Place): Promise<void> {
  const store = await place.open();
  const dueAt = new Map<string, number>();
  const late: number[] = [];
  let finished: () => void = () => {};
  const done = new Promise<void>((resolve) => (finished = resolve));
  await using worker = createMailWorker({
    store,
    mailboxes: { noreply: { mailer: place.mailer, ratePerMinute: null, recipientsPerDay: null } },
    onEvent(event) {
      if (event.type !== 'mail.accepted') return;
      late.push(event.at - (dueAt.get(event.mailId) ?? 0));
      if (late.length === MAILS) finished();
    },
  });
  await worker.start();
  const mail = { from: place.sandbox.mailbox, to: 'ada@example.com', subject: 'x', text: 'x' };
  const from = Date.now() + 5_000;
  const times = Array.from({ length: MAILS }, () => from + Math.floor(Math.random() * SPAN));
  const made = await worker.outbox.scheduleMails(times.map((sendAt) => ({ mailbox: 'noreply', mail, sendAt })));
  for (const [n, { id }] of made.entries()) dueAt.set(id, times[n] ?? 0);
  await done;
  say(place, `${MAILS} mails due at random times within ${SPAN / 1000} s`, {
    'p50 ms': percentile(late, 50),
    'p95 ms': percentile(late, 95),
    'p99 ms': percentile(late, 99),
    'most ms': percentile(late, 100),
    early: late.filter((ms) => ms < 0).length,
  });
}
