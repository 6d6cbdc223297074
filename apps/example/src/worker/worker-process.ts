// The worker as a process of its own: `mailgrant-worker run`.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

// The demo runs from its sources in tests, else as it was built.
const ENDING = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const MAIN = fileURLToPath(new URL(`main.${ENDING}`, import.meta.resolve('@mailgrant/worker/cli')));
const CONFIG = fileURLToPath(new URL(`mailgrant.config.${ENDING}`, import.meta.url));

export interface WorkerProcess {
  readonly pid: number | undefined;
  /** Resolves when it sends; rejects when it ended before, with what it said. */
  readonly started: Promise<void>;
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
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const messages: unknown[] = [];
  return {
    pid: child.pid,
    started: whenStarted(child, messages),
    count: (message) => messages.filter((each) => each === message).length,
    async end(signal) {
      child.kill(signal);
      await ended;
    },
  };
}

function whenStarted(child: ChildProcess, messages: unknown[]): Promise<void> {
  let rest = '';
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const started = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => reject(new Error(`The worker ended: ${errors}`)));
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) messages.push((JSON.parse(line) as { msg?: unknown }).msg);
      if (messages.includes('started')) resolve();
    });
  });
  started.catch(() => {}); // whoever waits for it is told
  return started;
}
