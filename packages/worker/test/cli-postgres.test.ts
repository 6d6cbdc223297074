// Two workers on PostgreSQL, commands that ask the database, and one of the workers killed.
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createOutbox } from '../src/outbox/create-outbox.ts';
import { runWorkerCommand } from '../src/process/command-line.ts';
import { openStore } from '../src/store/open-store.ts';
import { createDirectory, type TestDirectory } from './support/embedded.ts';
import { createDatabase, type TestDatabase } from './support/postgres.ts';
import { CONFIG, settingsFor, startWorker, type WorkerProcess } from './support/worker-process.ts';

let sandbox: Sandbox;
let directory: TestDirectory;
let database: TestDatabase;
let env: Record<string, string>;
const workers: WorkerProcess[] = [];

beforeAll(async () => {
  [sandbox, database] = await Promise.all([createSandbox(), createDatabase()]);
  directory = createDirectory();
  env = settingsFor(sandbox, directory.dir, { url: database.url });
  process.env['SETTINGS'] = env['SETTINGS'];
}, 60_000);
afterAll(async () => {
  for (const { child, ended } of workers) {
    child.kill('SIGKILL');
    await ended;
  }
  await sandbox.close();
  await database[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

async function command(...args: string[]) {
  let [stdout, stderr] = ['', ''];
  const exitCode = await runWorkerCommand([...args, '--config', CONFIG], {
    stdout: (text) => (stdout += text),
    stderr: (text) => (stderr += text),
    cwd: directory.dir,
    onSignal: () => () => {},
    leave: () => {},
  });
  return { exitCode, stdout, stderr };
}

test('two workers share the mail, one is killed, and commands ask the database', { timeout: 120_000 }, async () => {
  expect(await command('migrate')).toEqual({ exitCode: 0, stdout: 'The tables are up to date.\n', stderr: '' });
  for (let n = 0; n < 2; n += 1) workers.push(startWorker(['run', '--config', CONFIG], env));
  const [first, second] = workers as [WorkerProcess, WorkerProcess];
  const started = await Promise.all([first.line('started'), second.line('started')]);
  expect(started.map(({ socket }) => socket)).toEqual([undefined, undefined]);

  const store = await openStore({ kind: 'postgres', url: database.url, connections: 2, migrate: false });
  const outbox = createOutbox({ store });
  const mails = Array.from({ length: 40 }, (_, n) => ({
    mailbox: 'noreply',
    mail: { from: sandbox.mailbox, to: 'ada@example.org', subject: `Mail ${n}`, text: 'Hello' },
    sendAt: Date.now() + n * 50,
  }));
  const [kept] = await outbox.scheduleMails(mails);
  await sandbox.inbox.waitFor(10, { timeout: 30_000 });
  first.child.kill('SIGKILL');
  // What the killed one had claimed is taken up when the claim has ended.
  const accepted = async () => (await outbox.stats()).map(({ counts }) => counts.accepted);
  await expect.poll(accepted, { timeout: 60_000, interval: 250 }).toEqual([40]);

  expect((await command('show', kept?.id ?? '')).stdout).toMatch(/\nada@example.org +accepted +250/);
  expect((await command('check')).stdout).toMatch(/^store +ok +PostgreSQL answers$/m);
  expect((await command('schedules')).stdout).toMatch(/^digest .* active/m);

  second.child.kill('SIGTERM');
  expect(await second.ended).toEqual({ exitCode: 0, signal: null });
  const { mails: left } = await outbox.list({ limit: 1000 });
  const flagged = left.filter(({ duplicatePossible }) => duplicatePossible).length;
  expect(new Set(sandbox.inbox.messages.map(({ subject }) => subject)).size).toBe(40);
  expect(sandbox.inbox.messages.length - 40).toBeLessThanOrEqual(flagged);
  await outbox.close();
  await store.close();
});
