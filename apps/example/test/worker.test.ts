// The part of the demo that kills a worker: with processes, a store on the disk and a mailbox of its own.
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { readSettings } from '../src/settings.ts';
import { openTarget } from '../src/target.ts';
import { createTerminal } from '../src/terminal.ts';
import { showWorker } from '../src/worker/show.ts';
import { SECRETS } from './fixtures.ts';

test('a worker is killed and started again, and everything arrives once', { timeout: 120_000 }, async () => {
  const target = await openTarget(readSettings([], {})!);
  const stdout = new PassThrough();
  try {
    await showWorker(target, createTerminal(stdout), new AbortController().signal);
  } finally {
    await target.sandbox?.close();
  }
  const printed = await text(stdout.end());
  expect(printed).toContain(' ✓ killed (SIGKILL: it had no chance to tidy up)\n');
  expect(printed).toMatch(/\n ✓ the mail for \d\d:\d\d:\d\d arrived\n/);
  expect(printed.replace(/\s+/g, ' ')).toContain('none is missing');
  // The kill may come between a last byte and its answer; then the repeat is flagged.
  expect(printed).toMatch(/arrived once\n$|(\d+) arrived twice[^]*?\b\1\s+flagged/);
  expect(printed).not.toMatch(SECRETS);
});
