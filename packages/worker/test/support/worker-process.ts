// `mailgrant-worker` as people start it: a process with a configuration, two streams and an exit code.
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Sandbox } from '@mailgrant/sandbox';

const MAIN = fileURLToPath(new URL('../../src/process/main.ts', import.meta.url));
export const CONFIG: string = fileURLToPath(new URL('../fixtures/mailgrant.config.ts', import.meta.url));

/** Writes what the fixture's configuration reads, and returns the environment that leads to it. */
export function settingsFor(
  sandbox: Sandbox,
  dir: string,
  {
    url,
    secondly = false,
    stuck = false,
  }: { readonly url?: string; readonly secondly?: boolean; readonly stuck?: boolean } = {},
): Record<string, string> {
  const { tokenEndpoint, clientId, clientSecret, scope, smtp, ca, mailbox } = sandbox;
  const file = join(dir, 'settings.json');
  const settings = {
    dir,
    url,
    tokenEndpoint,
    clientId,
    clientSecret,
    scope,
    smtp,
    ca,
    mailbox,
    secondly,
    stuck,
  };
  writeFileSync(file, JSON.stringify(settings));
  return { SETTINGS: file };
}

export interface WorkerProcess {
  readonly child: ChildProcess;
  /** The lines of the log so far. */
  readonly log: readonly Record<string, unknown>[];
  readonly stderr: () => string;
  /** The first line of the log with this message, as soon as there is one. */
  line(message: string): Promise<Record<string, unknown>>;
  readonly ended: Promise<{ readonly exitCode: number | null; readonly signal: string | null }>;
}

/** Starts a command; the caller sees to it that it ends. */
export function startWorker(args: readonly string[], env: Record<string, string>): WorkerProcess {
  const { PATH = '', SystemRoot = '' } = process.env;
  const child = spawn(process.execPath, ['--conditions=@mailgrant/source', MAIN, ...args], {
    env: { PATH, SystemRoot, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log: Record<string, unknown>[] = [];
  const waiting = new Set<() => void>();
  let rest = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) log.push(JSON.parse(line) as Record<string, unknown>);
    for (const look of waiting) look();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<{ exitCode: number | null; signal: string | null }>((resolve) => {
    child.once('close', (exitCode, signal) => {
      resolve({ exitCode, signal });
      for (const look of waiting) look();
    });
  });
  return {
    child,
    log,
    stderr: () => stderr,
    ended,
    line: (message) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = log.find(({ msg }) => msg === message);
          if (found === undefined && child.exitCode === null && child.signalCode === null) return;
          waiting.delete(look);
          if (found !== undefined) resolve(found);
          else reject(new Error(`the worker ended without "${message}": ${stderr}${JSON.stringify(log)}`));
        };
        waiting.add(look);
        look();
      }),
  };
}
