#!/usr/bin/env node
// mailgrant-sandbox
import { runCommand } from './command-line.ts';

runCommand(process.argv.slice(2), process.env, (text) => process.stdout.write(text)).then(
  (sandbox) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void sandbox?.close());
  },
  (error: unknown) => {
    process.stderr.write(`mailgrant-sandbox: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);
