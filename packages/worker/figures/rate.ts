// How many mails a worker gets out that has no limit to keep, and what each costs.
import { createMailWorker } from '../src/index.ts';
import { type Place, say } from './place.ts';

const MAILS = 300;

export async function rate(place: Place): Promise<void> {
  const store = await place.open();
  let left = MAILS;
  let finished: () => void = () => {};
  const done = new Promise<void>((resolve) => (finished = resolve));
  await using worker = createMailWorker({
    store,
    mailboxes: { noreply: { mailer: place.mailer, ratePerMinute: null, recipientsPerDay: null } },
    onEvent(event) {
      if (event.type === 'mail.accepted' && (left -= 1) === 0) finished();
    },
  });
  const mail = { from: place.sandbox.mailbox, to: 'ada@example.com', subject: 'x', text: 'x' };
  await worker.outbox.scheduleMails(Array.from({ length: MAILS }, () => ({ mailbox: 'noreply', mail })));
  const cpu = process.cpuUsage();
  const began = performance.now();
  await worker.start();
  await done;
  const took = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  say(place, `${MAILS} mails as fast as they go`, {
    'a second': Math.round((MAILS / took) * 1000),
    'ms of a core each, sandbox included': ((user + system) / 1000 / MAILS).toFixed(1),
  });
}
