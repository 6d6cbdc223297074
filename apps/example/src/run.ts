// One run: opens what is sent to, sends, keeps the inbox open, and closes everything again.
import { runDemo } from './demo.ts';
import { showFrameworks } from './frameworks.ts';
import { printProblem } from './problem.ts';
import type { Settings } from './settings.ts';
import { openTarget, type Target } from './target.ts';
import type { Terminal } from './terminal.ts';
import { showWorker } from './worker/show.ts';

export interface RunOptions {
  readonly terminal: Terminal;
  /** Where problems are printed. */
  readonly errors: Terminal;
  /** Ends the run. */
  readonly stop: AbortSignal;
}

/** Runs the demo; returns the exit code. */
export async function run(settings: Settings, { terminal, errors, stop }: RunOptions): Promise<number> {
  let target: Target | undefined;
  try {
    target = await openTarget(settings);
    await runDemo(target, terminal, { ...settings, signal: stop });
    await showFrameworks(target, terminal, stop);
    if (settings.worker) await showWorker(target, terminal, stop);
    if (target.sandbox !== undefined) {
      if (settings.once) terminal.line('\nWithout --once, the inbox they arrived in stays open.');
      else await keepOpen(target.sandbox.url, terminal, stop);
    }
    return 0;
  } catch (error) {
    if (stop.aborted) {
      terminal.line('\nStopped before all mails were sent.');
      return 130; // what shells say of a program ended by Ctrl-C
    }
    printProblem(error, target, errors);
    return 1;
  } finally {
    await target?.sandbox?.close();
  }
}

async function keepOpen(url: string, terminal: Terminal, stop: AbortSignal): Promise<void> {
  terminal.line(`\nRead them in the inbox:  ${terminal.style(['cyan', 'underline'], url)}`);
  terminal.line('Press Ctrl-C to stop.');
  if (!stop.aborted) await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }));
  terminal.line('\nStopped.');
}
