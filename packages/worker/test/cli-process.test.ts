// `mailgrant-worker` from start to end, against a sandbox; other commands and processes talk to it while it runs.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runWorkerCommand } from '../src/process/command-line.ts';
import { controlClient, controlOutbox } from '../src/process/control-client.ts';
import { listRuns } from '../src/schedule/schedule-list.ts';
import { openStore } from '../src/store/open-store.ts';
import { createStoreDirectory, type TestDirectory } from './support/embedded.ts';
import { CONFIG, settingsFor, startWorker, type WorkerProcess } from './support/worker-process.ts';

const SECRETS = /[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}\.|canary/;

let sandbox: Sandbox;
let directory: TestDirectory;
let env: Record<string, string>;
const workers: WorkerProcess[] = [];

beforeAll(async () => {
  sandbox = await createSandbox({ tenants: [{ apps: [{ secrets: ['canary-secret'] }] }] });
});
afterAll(() => sandbox.close());
beforeEach(async () => {
  directory = await createStoreDirectory();
  env = settingsFor(sandbox, directory.dir);
});
afterEach(async () => {
  for (const { child, ended } of workers.splice(0)) {
    child.kill('SIGKILL');
    await ended;
  }
  sandbox.inbox.clear();
  directory[Symbol.dispose]();
});

function start(...args: string[]): WorkerProcess {
  const worker = startWorker([...args, '--config', CONFIG], env);
  workers.push(worker);
  return worker;
}

const mailTo = (to: string) => ({ from: sandbox.mailbox, to, subject: `For ${to}`, text: 'Hello' });

describe('the process', { timeout: 90_000 }, () => {
  test('sends, tells how it is, is talked to by others, and drains at SIGTERM', async () => {
    const worker = start('run');
    const { http, socket } = (await worker.line('started')) as { http: string; socket: string };

    for (const path of ['/livez', '/readyz']) expect((await fetch(`${http}${path}`)).status).toBe(200);

    const outbox = controlOutbox(controlClient(socket));
    const sent = await outbox.scheduleMail({ mailbox: 'noreply', mail: mailTo('ada@example.org') });
    const later = await outbox.scheduleMail({
      mailbox: 'noreply',
      mail: mailTo('grace@example.org'),
      sendAt: Date.now() + 3_600_000,
    });
    await worker.line('mail.accepted');
    expect(sandbox.inbox.messages.map(({ envelope }) => envelope.to)).toEqual([['ada@example.org']]);
    expect(await outbox.get(sent.id)).toMatchObject({ state: 'accepted' });

    const metrics = await (await fetch(`${http}/metrics`)).text();
    expect(metrics).toContain('mailgrant_events_total{mailbox="noreply",type="mail.accepted"} 1\n');
    expect(metrics).toContain('mailgrant_mails{mailbox="noreply",state="scheduled"} 1\n');
    expect(metrics).toMatch(/^process_resident_memory_bytes \d+$/m);

    await expect(outbox.scheduleMail({ mailbox: 'nobody', mail: mailTo('x@example.org') })).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_INPUT_OPTION' }),
    );
    expect(await outbox.cancel(later.id)).toBe('done');

    worker.child.kill('SIGTERM');
    expect(await worker.ended).toEqual({ exitCode: 0, signal: null });
    expect(worker.log.map(({ msg }) => msg)).toEqual(
      expect.arrayContaining(['stopping: finishing what is on its way', 'stopped']),
    );
    expect(worker.stderr()).toBe('');
    expect(JSON.stringify(worker.log)).not.toMatch(SECRETS);
    expect(JSON.stringify(worker.log)).not.toContain('@example.org');
  });

  test('is killed, started again, and everything arrives once', async () => {
    env = settingsFor(sandbox, directory.dir, { secondly: true });
    const first = start('run');
    const { socket } = (await first.line('started')) as { socket: string };
    await controlOutbox(controlClient(socket)).scheduleMail({
      mailbox: 'noreply',
      mail: mailTo('later@example.org'),
      sendAt: Date.now() + 4000,
    });
    await sandbox.inbox.waitFor(4, { timeout: 30_000 });
    first.child.kill('SIGKILL');
    await first.ended;

    const second = start('run');
    await second.line('started');
    await sandbox.inbox.waitFor(({ subject }) => subject === 'For later@example.org', { timeout: 30_000 });
    second.child.kill('SIGTERM');
    expect(await second.ended).toEqual({ exitCode: 0, signal: null });

    const subjects = sandbox.inbox.messages.map(({ subject, envelope }) => `${subject} ${envelope.to.join()}`);
    const flagged = second.log.filter(({ msg }) => msg === 'mail.in-doubt').length;
    expect(subjects.length - new Set(subjects).size).toBeLessThanOrEqual(flagged);
    // no occurrence is missing between the first and the last, in spite of the kill, and each has its two mails
    const store = await openStore({ kind: 'embedded', dir: directory.dir, durability: 'process-crash' });
    const runs = await listRuns(store.db, 'digest', 1000);
    const made = await store.db.selectFrom('mail').select('id').where('schedule_id', '=', 'digest').execute();
    await store.close();
    const seconds = runs.map(({ occurrence }) => occurrence / 1000).sort((a, b) => a - b);
    expect(seconds.length).toBeGreaterThan(2);
    expect(seconds).toEqual(Array.from(seconds, (_, at) => (seconds[0] ?? 0) + at));
    const done = runs.filter(({ state }) => state === 'done').length;
    expect(done).toBeGreaterThan(0);
    // those given back at the end are for the next start
    expect(runs.filter(({ state }) => state === 'skipped' || state === 'failed')).toEqual([]);
    expect(made.length).toBeGreaterThanOrEqual(2 * done);
    expect(made.length).toBeLessThanOrEqual(2 * runs.length);
  });

  test('leaves at once at a second signal, and the next start takes up what was left', async () => {
    env = settingsFor(sandbox, directory.dir, { secondly: true, stuck: true });
    const worker = start('run');
    await worker.line('run-started'); // it never ends, and may take a minute to be given up
    worker.child.kill('SIGTERM');
    await worker.line('stopping: finishing what is on its way');
    worker.child.kill('SIGINT');
    expect(await worker.ended).toEqual({ exitCode: 1, signal: null });
    expect(worker.log.at(-1)).toMatchObject({ msg: 'leaving at once', signal: 'SIGINT' });

    env = settingsFor(sandbox, directory.dir, { secondly: true });
    const next = start('run');
    await next.line('mail.accepted');
    const { occurrence } = worker.log.find(({ msg }) => msg === 'run-started') ?? {};
    await sandbox.inbox.waitFor(({ subject }) => subject === `Digest of ${String(occurrence)}`, { timeout: 30_000 });
  });

  test('has its directory for itself', async () => {
    const first = start('run');
    await first.line('started');
    const second = start('run');
    expect((await second.ended).exitCode).toBe(1);
    expect(second.stderr()).toMatch(
      /^mailgrant-worker run: The store in .* is open in process \d+, since .*\n\(ERR_STORE_LOCKED;/,
    );
  });
});

describe('commands', { timeout: 90_000 }, () => {
  /** Runs a command in this process; the configuration is loaded once, with the first test's settings. */
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

  test('work beside the worker and without it', async () => {
    process.env['SETTINGS'] = env['SETTINGS'];
    const worker = start('run');
    const { socket } = (await worker.line('started')) as { socket: string };
    const outbox = controlOutbox(controlClient(socket));
    const sendAt = Date.now() + 3_600_500;
    const { id } = await outbox.scheduleMail({ mailbox: 'noreply', mail: mailTo('ada@example.org'), sendAt });

    for (const beside of [true, false]) {
      if (!beside) {
        worker.child.kill('SIGTERM');
        await worker.ended;
      }
      const list = await command('list');
      expect(list.stdout).toMatch(/^ID +STATE +DUE +MAILBOX +SUBJECT +LAST ERROR\n/);
      expect(list.stdout).toMatch(new RegExp(`^${id} +scheduled +in \\S.* +noreply +For ada@example.org\n`, 'm'));
      expect(list).toMatchObject({ exitCode: 0, stderr: '' });
      expect(JSON.parse((await command('list', '--json')).stdout)).toMatchObject([{ id, state: 'scheduled' }]);
      expect((await command('list', '--state', 'dead')).stdout).toBe('No mails.\n');
      expect((await command('show', id)).stdout).toMatch(/\nada@example.org +pending/);

      const schedules = await command('schedules', '--next', '2');
      expect(schedules.stdout).toMatch(/^digest +0 9 \* \* MON-FRI +Europe\/Berlin +noreply +active +\w{3} \d{4}-/m);
      expect(schedules.stdout).toMatch(
        /\ndigest\n {2}\w{3} \S+ 09:00:00 GMT\+[12]\n {2}\w{3} \S+ 09:00:00 GMT\+[12]\n$/,
      );

      expect((await command('pause', '--schedule', 'digest')).stdout).toBe('The schedule digest is paused.\n');
      expect((await command('schedules')).stdout).toMatch(/^digest .* paused/m);
      expect((await command('resume', '--schedule', 'digest')).stdout).toBe('The schedule digest is resumed.\n');
      expect(await command('pause', '--mailbox', 'nobody')).toMatchObject({ exitCode: 1 });
      expect((await command('dead')).stdout).toBe('No dead mails.\n');
      expect((await command('in-doubt')).stdout).toBe('No mails in doubt.\n');
    }
    expect(await command('cancel', id, '00000000-0000-4000-8000-000000000000')).toEqual({
      exitCode: 1,
      stdout: `${id}  done\n00000000-0000-4000-8000-000000000000  there is no such mail\n`,
      stderr: '',
    });
    const file = join(directory.dir, 'export.jsonl');
    expect(await command('export', file)).toEqual({ exitCode: 0, stdout: '', stderr: `Exported to ${file}.\n` });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).toContain(id);
    expect(await command('import', file)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/The store is not empty: .*\n\(ERR_STORE_TRANSFER;/) as string,
    });
    expect((await command('import', 'nothing.jsonl')).stderr).toMatch(/nothing\.jsonl cannot be read: ENOENT/);

    expect((await command('retry', id)).stdout).toBe(`${id}  done\n`);

    const check = await command('check');
    expect(check.stdout).toMatch(
      /^configuration +ok +.*mailgrant\.config\.ts\nschedules +ok +1 in order\nstore +ok +opened\nmailbox noreply +ok +logged in\n/m,
    );
    expect(check.exitCode).toBe(0);
  });
});
