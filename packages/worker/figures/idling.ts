// What a worker costs that has nothing to do.
import { setTimeout as sleep } from 'node:timers/promises';
import { createMailWorker } from '../src/index.ts';
import { type Place, say } from './place.ts';

const SPAN = 30_000;

export async function idling(place: Place): Promise<void> {
  const store = await place.open();
  await using worker = createMailWorker({ store, mailboxes: { noreply: { mailer: place.mailer } } });
  await worker.start();
  await sleep(5_000);
  const before = process.cpuUsage();
  const began = performance.now();
  await sleep(SPAN);
  const { user, system } = process.cpuUsage(before);
  const share = (user + system) / 1000 / (performance.now() - began);
  say(place, `idle for ${SPAN / 1000} s`, {
    'of a core %': (share * 100).toFixed(1),
    'memory MB': Math.round(process.memoryUsage.rss() / 1e6),
  });
}
