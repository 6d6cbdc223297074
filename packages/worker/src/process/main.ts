#!/usr/bin/env node
// mailgrant-worker
import { runWorkerCommand } from './command-line.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

const exit = runWorkerCommand(process.argv.slice(2), {
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
  cwd: process.cwd(),
  onSignal(listener) {
    for (const signal of SIGNALS) process.on(signal, listener);
    return () => {
      for (const signal of SIGNALS) process.off(signal, listener);
    };
  },
  leave: (exitCode) => process.exit(exitCode),
});

exit.then(
  (exitCode) => {
    process.exitCode = exitCode;
  },
  (error: unknown) => {
    process.exitCode = 1;
    process.stderr.write(
      `mailgrant-worker: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
  },
);
