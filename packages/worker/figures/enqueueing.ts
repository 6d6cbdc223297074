// How long it takes to put many mails in, in one call and one after another.
import { createMailWorker } from '../src/index.ts';
import { type Place, say } from './place.ts';

export async function enqueueing(place: Place): Promise<void> {
  const store = await place.open();
  await using worker = createMailWorker({ store, mailboxes: { noreply: { mailer: place.mailer } } });
  const text = 'Dear customer, '.repeat(100);
  const mail = (n: number) => ({
    mailbox: 'noreply',
    mail: { from: place.sandbox.mailbox, to: `guest${n}@example.com`, subject: `No. ${n}`, text },
    sendAt: Date.now() + 3_600_000,
  });
  await worker.outbox.scheduleMail(mail(0));
  const many = Array.from({ length: 10_000 }, (_, n) => mail(n));
  const began = performance.now();
  await worker.outbox.scheduleMails(many);
  const together = performance.now() - began;
  const again = performance.now();
  for (let n = 0; n < 200; n++) await worker.outbox.scheduleMail(mail(n));
  const each = (performance.now() - again) / 200;
  say(place, 'enqueue', { '10 000 in one call s': (together / 1000).toFixed(2), 'one alone ms': each.toFixed(2) });
}
