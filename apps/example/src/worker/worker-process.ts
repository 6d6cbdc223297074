// The worker as a process of its own: `mailgrant-worker run`.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

// The demo runs from its sources in tests, else as it was built.
const ENDING = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const MAIN = fileURLToPath(new URL(`main.${ENDING}`, import.meta.resolve('@mailgrant/worker/cli')));
const CONFIG = fileURLToPath(new URL(`mailgrant.config.${ENDING}`, import.meta.url));

export interface WorkerProcess {
  readonly pid: number | undefined;
  /** Resolves when the log has so many lines with this message; rejects when the worker ends before, with what it said. */
  logged(message: string, count?: number): Promise<void>;
  /** Lines of the log with this message. */
  count(message: string): number;
  /** Ends it and waits for the end. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

export function startWorker(env: Record<string, string>): WorkerProcess {
  const child = spawn(process.execPath, [...process.execArgv, MAIN, 'run', '--config', CONFIG], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const messages: unknown[] = [];
  const waiting = new Set<() => void>();
  const count = (message: string): number => messages.filter((each) => each === message).length;
  let rest = '';
  let errors = '';
  let over = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) messages.push((JSON.parse(line) as { msg?: unknown }).msg);
    for (const look of waiting) look();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      over = true;
      resolve();
      for (const look of waiting) look();
    };
    child.once('close', end).once('error', end);
  });
  return {
    pid: child.pid,
    logged: (message, wanted = 1) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const enough = count(message) >= wanted;
          if (!enough && !over) return;
          waiting.delete(look);
          if (enough) resolve();
          else reject(new Error(`The worker ended: ${errors}`));
        };
        waiting.add(look);
        look();
      }),
    count,
    async end(signal) {
      child.kill(signal);
      await ended;
    },
  };
}
