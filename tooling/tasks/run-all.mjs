// Runs commands one after the other with this terminal, up to the first that fails; returns its exit code.
import { spawnSync } from 'node:child_process';

export function runAll(commands) {
  for (const [command, ...args] of commands) {
    const quiet = command === 'turbo';
    const done = spawnSync(command, args, {
      shell: process.platform === 'win32',
      stdio: quiet ? ['ignore', 'pipe', 'inherit'] : 'inherit',
    });
    if (done.error) throw done.error;
    if (done.status !== 0) {
      if (quiet) process.stderr.write(done.stdout);
      return done.status ?? 1;
    }
  }
  return 0;
}
