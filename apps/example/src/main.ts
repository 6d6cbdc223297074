// npm run demo: sends three mails, shows what happens, and leaves the inbox open.
import { run } from './run.ts';
import { readSettings, type Settings, USAGE, UsageError } from './settings.ts';
import { createTerminal } from './terminal.ts';

const terminal = createTerminal(process.stdout);
const errors = createTerminal(process.stderr);

async function main(): Promise<number> {
  let settings: Settings | undefined;
  try {
    settings = readSettings(process.argv.slice(2), process.env);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    errors.paragraph(error.message);
    errors.line('npm run demo -- --help says how it is used.');
    return 2;
  }
  if (settings === undefined) {
    terminal.line(USAGE);
    return 0;
  }
  return run(settings, { terminal, errors, stop: whenStopped() });
}

/** Aborted by Ctrl-C and its relatives, and when nobody reads any more (`npm run demo | head`). */
function whenStopped(): AbortSignal {
  const stop = new AbortController();
  // Once: a second Ctrl-C ends the process the hard way.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort());
  process.stdout.on('error', () => stop.abort());
  return stop.signal;
}

process.exitCode = await main();
