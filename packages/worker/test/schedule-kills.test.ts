// Two workers, two schedules, kill -9 at random moments: every occurrence runs once. `MAILGRANT_KILLS=50` is the large run.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { listRuns } from '../src/schedule/schedule-list.ts';
import { openStore } from '../src/store/open-store.ts';
import { createDatabase } from './support/postgres.ts';

const WORKER = fileURLToPath(new URL('support/schedule-process.ts', import.meta.url));
const KILLS = Number(process.env['MAILGRANT_KILLS'] ?? 5);
/** Milliseconds from one kill to the next, on average. */
const EVERY = 1200;

async function start(url: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--conditions=@mailgrant/source', WORKER, url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  return child;
}

test('every occurrence runs once, whoever is killed', { timeout: 120_000 + KILLS * 3 * EVERY }, async () => {
  await using database = await createDatabase();
  const store = await openStore({ kind: 'postgres', url: database.url, connections: 2 });
  const workers: ChildProcess[] = [];
  try {
    workers.push(...(await Promise.all([start(database.url), start(database.url)])));
    for (let kill = 0; kill < KILLS; kill += 1) {
      await pause(EVERY * 2 * Math.random());
      const at = kill % 2;
      workers[at]?.kill('SIGKILL');
      workers[at] = await start(database.url);
    }
    const until = Date.now();
    for (const [id, step] of [
      ['each', 1000],
      ['second', 2000],
    ] as const) {
      // What a killed worker had claimed comes back when its claim has ended.
      const isDone = async (): Promise<boolean> =>
        (await listRuns(store.db, id, 10_000)).every(({ occurrence, state }) => occurrence > until || state === 'done');
      while (!(await isDone())) await pause(250);
      const runs = (await listRuns(store.db, id, 10_000)).filter(({ occurrence }) => occurrence <= until);
      const moments = runs.map(({ occurrence }) => occurrence).sort((a, b) => a - b);
      const first = moments[0] ?? 0;
      expect(moments.length, id).toBeGreaterThan(KILLS / 2);
      expect(moments, 'none is missing').toEqual(moments.map((_, index) => first + index * step));
      const mails = await store.db
        .selectFrom('mail')
        .innerJoin('mail_recipient', 'mail_recipient.mail_id', 'mail.id')
        .select(['mail.occurrence', 'mail_recipient.address'])
        .where('mail.schedule_id', '=', id)
        .where('mail.occurrence', '<=', new Date(until))
        .execute();
      const made = mails.map(({ occurrence, address }) => `${occurrence?.toISOString()} ${address}`);
      expect(new Set(made).size, 'none has two').toBe(made.length);
      expect(made.length, 'each has all three').toBe(3 * moments.length);
      expect((moments.at(-1) ?? 0) + step, 'up to the end').toBeGreaterThan(until - step);
    }
  } finally {
    for (const worker of workers) worker.kill('SIGKILL');
    await store.close();
  }
});
