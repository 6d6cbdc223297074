// Ends a PostgreSQL server and removes its files when whoever started it is gone, however that came about.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

const [home = ''] = process.argv.slice(2);

process.stdin.resume().on('end', () => void clear());

async function clear() {
  try {
    const pid = Number(readFileSync(join(home, 'data', 'postmaster.pid'), 'utf8').split('\n')[0]);
    process.kill(pid, 'SIGQUIT');
    for (let tries = 0; tries < 100; tries += 1) {
      process.kill(pid, 0); // throws once it is gone; until then it may write files
      await setTimeout(50);
    }
  } catch {
    // stopped
  }
  rmSync(home, { recursive: true, force: true, maxRetries: 5 });
}
// Ctrl-C reaches everybody; the end of stdin follows.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
