// Four workers on a mailbox that may send 30 messages a minute over 3 connections: what the server sees.
import { setTimeout as sleep } from 'node:timers/promises';
import { createMailWorker, type MailWorker } from '../src/index.ts';
import { type Place, say } from './place.ts';

const MINUTE = 60_000;
const MINUTES = 3;

export async function pacing(place: Place): Promise<void> {
  const workers: MailWorker[] = [];
  const shared = place.kind === 'embedded' ? await place.open() : undefined;
  for (let n = 0; n < (shared === undefined ? 4 : 1); n++) {
    const store = shared ?? (await place.open());
    workers.push(
      createMailWorker({ store, mailboxes: { noreply: { mailer: place.mailer, ratePerMinute: 30, connections: 3 } } }),
    );
  }
  for (const worker of workers) await worker.start();
  const mail = { from: place.sandbox.mailbox, to: 'ada@example.com', subject: 'x', text: 'x' };
  const mails = Array.from({ length: 30 * MINUTES + 60 }, () => ({ mailbox: 'noreply', mail }));
  await workers[0]?.outbox.scheduleMails(mails);
  const traffic = place.sandbox.exchange.traffic(place.sandbox.mailbox);
  await place.sandbox.inbox.waitFor(1, { timeout: MINUTE });
  await sleep(MINUTES * MINUTE);
  const first = traffic.messages[0] ?? 0;
  const counted = traffic.messages.filter((at) => at < first + MINUTES * MINUTE).length;
  for (const worker of workers) await worker.stop();
  say(place, `${workers.length} workers for ${MINUTES} minutes, 30 a minute and 3 connections allowed`, {
    'most in any minute': traffic.maxMessagesIn(MINUTE),
    'most connections': traffic.maxConnections,
    'of the limit %': ((counted / (30 * MINUTES)) * 100).toFixed(1),
  });
}
