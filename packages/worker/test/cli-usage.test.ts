// What the commands say when they are called wrongly, and what a configuration is refused for. No store is opened here.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runWorkerCommand } from '../src/process/command-line.ts';
import { loadConfig } from '../src/process/config.ts';
import { createDirectory, type TestDirectory } from './support/embedded.ts';
import { startWorker } from './support/worker-process.ts';

let directory: TestDirectory;
beforeEach(() => {
  directory = createDirectory();
});
afterEach(() => directory[Symbol.dispose]());

async function command(...args: string[]) {
  let [stdout, stderr] = ['', ''];
  const exitCode = await runWorkerCommand(args, {
    stdout: (text) => (stdout += text),
    stderr: (text) => (stderr += text),
    cwd: directory.dir,
    onSignal: () => () => {},
    leave: () => {},
  });
  return { exitCode, stdout, stderr };
}

function write(name: string, text: string): string {
  const file = join(directory.dir, name);
  writeFileSync(file, text);
  return file;
}

describe('the command line', () => {
  test('lists its commands', async () => {
    const { exitCode, stdout } = await command('--help');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^mailgrant-worker <command> \[options\]\n/);
    for (const name of [
      'run',
      'check',
      'schedules',
      'list',
      'cancel',
      'retry',
      'dead',
      'in-doubt',
      'pause',
      'resume',
      'migrate',
    ]) {
      expect(stdout).toMatch(new RegExp(`^ {2}${name} +\\S`, 'm'));
    }
    expect(await command()).toMatchObject({ exitCode: 2, stdout: '', stderr: stdout });
  });

  test('tells of each command how it is used', async () => {
    expect((await command('in-doubt', '-h')).stdout).toMatch(
      /^mailgrant-worker in-doubt \[options\]\n.*--sent \| --resend/,
    );
  });

  test('may have another name', async () => {
    let stdout = '';
    await runWorkerCommand(['--help'], {
      program: 'mailgrant worker',
      stdout: (text) => (stdout += text),
      stderr: () => {},
      cwd: '.',
      onSignal: () => () => {},
      leave: () => {},
    });
    expect(stdout).toMatch(/^mailgrant worker <command>/);
  });

  test.each([
    [['frob'], 'there is no command "frob". `mailgrant-worker --help` lists them.'],
    [['list', '--frob'], "Unknown option '--frob'"],
    [['list', 'x'], 'It takes no "x".'],
    [['list', '--limit', '0'], '--limit takes a whole number from 1 to 1000, not "0".'],
    [['list', '--state', 'sent'], '--state sent: there is no such state; there are scheduled, sending,'],
    [['cancel'], 'Give the id of a mail; `mailgrant-worker list` shows them.'],
    [['in-doubt', 'id'], 'Say what became of it: --sent, --resend or --drop.'],
    [['in-doubt', 'id', '--sent', '--drop'], 'Give one of --sent, --resend and --drop.'],
    [['pause'], 'Give --mailbox or --schedule.'],
    [['pause', '--mailbox', 'a', '--schedule', 'b'], 'Give --mailbox or --schedule.'],
    [['schedules', '--next', 'x'], '--next takes a whole number from 1 to 1000, not "x".'],
  ])('%j is not understood: exit code 2', async (args, words) => {
    const { exitCode, stdout, stderr } = await command(...args);
    expect(stderr).toContain(words);
    expect(stdout).toBe('');
    expect(exitCode).toBe(2);
  });

  test('prints the SQL of the tables without any configuration', async () => {
    const { exitCode, stdout } = await command('migrate', '--sql');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('create table mail (');
    expect(stdout).toContain('mailgrant_boss');
  });
});

describe('the configuration', () => {
  test('is looked for where one is', async () => {
    expect(await command('list')).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: `mailgrant-worker list: There is no mailgrant.config.ts in ${directory.dir}. Name one with --config, or write one: https://github.com/mailgrant/mailgrant/tree/main/packages/worker/examples has one to begin with.\n(ERR_WORKER_CONFIG; docs/worker-errors.md tells more)\n`,
    });
    expect((await command('list', '-c', 'x.ts')).stderr).toContain(
      `There is no configuration ${join(directory.dir, 'x.ts')}.`,
    );
  });

  test('is TypeScript or JavaScript, a value or a function, and says where the store is', async () => {
    const text = "{ store: { kind: 'embedded', dir: './mail' }, mailboxes: {} }";
    const ts = write('mailgrant.config.ts', `const config: object = ${text};\nexport default config;\n`);
    const store = { kind: 'embedded', dir: join(directory.dir, 'mail') };
    expect(await loadConfig(undefined, directory.dir)).toMatchObject({
      file: ts,
      store,
      socket: join(directory.dir, 'mail', 'worker.sock'),
    });
    const mjs = write(
      'other.mjs',
      `export default async () => (${text.replace('}, mail', "}, socket: 'w.sock', mail")});\n`,
    );
    expect(await loadConfig(mjs, '/')).toMatchObject({ store, socket: join(directory.dir, 'w.sock') });
    const postgres = write(
      'pg.mjs',
      "export default { store: { kind: 'postgres', url: 'postgres://x' }, mailboxes: {} };\n",
    );
    expect(await loadConfig(postgres, '/')).toMatchObject({ socket: undefined });
  });

  test.each([
    ['a.mjs', 'export const config = {};', 'its default export has no `store` and `mailboxes`'],
    ['b.mjs', 'export default { store: {}, mailboxes: {} };', "store.kind has to be 'embedded' or 'postgres'."],
    ['c.mjs', 'throw new Error("MAILGRANT_TENANT_ID is not set");', 'MAILGRANT_TENANT_ID is not set.'],
    ['d.mjs', 'export default () => { throw new Error("no tenant"); };', 'no tenant.'],
  ])('%s is refused', async (name, text, words) => {
    const file = write(name, text);
    await expect(loadConfig(file, '/')).rejects.toThrow(expect.objectContaining({ code: 'ERR_WORKER_CONFIG' }));
    await expect(loadConfig(file, '/')).rejects.toThrow(`The configuration ${file} cannot be used: `);
    await expect(loadConfig(file, '/')).rejects.toThrow(words);
  });

  // In a process of its own: the test runner would translate it.
  test.each([
    ['e.ts', 'enum A { B }\nexport default A;', 'no enum, no namespace, no parameter properties.'],
    ['f.mjs', 'export default {', 'Unexpected end of input.'],
  ])('%s, which Node.js cannot run, is refused', async (name, text, words) => {
    const worker = startWorker(['list', '--config', write(name, text)], {});
    expect((await worker.ended).exitCode).toBe(1);
    expect(worker.stderr()).toContain(words);
    expect(worker.stderr()).not.toContain('    at ');
  });

  test('in TypeScript is refused by a Node.js that does not run it', async () => {
    const file = write('mailgrant.config.ts', 'export default {};');
    const { typescript } = process.features;
    Object.defineProperty(process.features, 'typescript', { value: false, configurable: true });
    try {
      await expect(loadConfig(file, '/')).rejects.toThrow(
        /Node\.js v\S+ does not run TypeScript\. Use Node\.js 22\.18 or later/,
      );
    } finally {
      Object.defineProperty(process.features, 'typescript', { value: typescript, configurable: true });
    }
  });

  test.each([
    ["{ kind: 'embedded', dir: './mail' }", 'not started', /^$/],
    [
      "{ kind: 'postgres', url: 'postgres://127.0.0.1:1/none' }",
      'not known',
      /^The store cannot be asked: The database does not answer \(/,
    ],
  ])('tells what comes next without a store: %s', async (store, state, note) => {
    write(
      'mailgrant.config.mjs',
      `export default {
        store: ${store},
        mailboxes: { noreply: {} },
        schedules: [{ id: 'digest', cron: '0 9 * * *', timeZone: 'UTC', render: () => null }],
      };\n`,
    );
    const { exitCode, stdout, stderr } = await command('schedules', '--next', '2', '--json');
    expect(stderr).toMatch(note);
    expect(JSON.parse(stdout)).toMatchObject([{ id: 'digest', state, next: [expect.any(Number), expect.any(Number)] }]);
    expect(existsSync(join(directory.dir, 'mail'))).toBe(false);
    expect(exitCode).toBe(0);
  });

  test('with a mistake in a schedule is told so by `check`', async () => {
    mkdirSync(join(directory.dir, 'mail'));
    write(
      'mailgrant.config.mjs',
      `export default {
        store: { kind: 'postgres', url: 'postgres://127.0.0.1:1/none' },
        mailboxes: { noreply: { mailer: () => ({ verify: async () => {}, close: async () => {} }) } },
        schedules: [{ id: 'digest', cron: '0 25 * * *', timeZone: 'UTC', render: () => null }],
      };\n`,
    );
    const { exitCode, stdout } = await command('check');
    expect(stdout).toMatch(
      /^schedules +failed +schedules\.digest\.cron: "0 25 \* \* \*" is not a cron expression: "25" is no hour/m,
    );
    expect(stdout).toMatch(/^store +failed +The database does not answer/m);
    expect(stdout).toMatch(/^mailbox noreply +ok +logged in$/m);
    expect(exitCode).toBe(1);
  });
});
