// The bootstrap as a person meets it: a command in, what is printed and the exit code out.
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { freshMachine } from './test/machine.ts';

const FOLDER = `1.2.3-${process.platform}-${process.arch}`;
const root = process.getuid?.() === 0;
const print = (text: string): string[] => ['node', '-p', text];

// The stand-ins for pnpm and node are shell scripts.
describe.skipIf(process.platform === 'win32').concurrent('the bootstrap', () => {
  test('fetches and installs what is missing, says so in one line each, and is silent from then on', async () => {
    await using machine = await freshMachine();
    const first = await machine.runOnOldNode(print('process.env.FETCHED_NODE'));
    expect(first).toEqual({
      code: 0,
      stdout: '1\n',
      stderr:
        'bootstrap: fetching pnpm 1.2.3\nbootstrap: fetching node 1.2.3\nbootstrap: installing the dependencies\n',
    });
    expect(machine.tools()).toEqual([`node-${FOLDER}`, `pnpm-${FOLDER}`]);
    expect(machine.pnpmCalls()).toEqual(['install --frozen-lockfile --reporter=append-only']);

    const offline = { npm_config_registry: 'http://127.0.0.1:1/' };
    expect(await machine.runOnOldNode(print('1'), offline)).toEqual({ code: 0, stdout: '1\n', stderr: '' });

    writeFileSync(join(machine.root, 'pnpm-lock.yaml'), 'changed');
    expect((await machine.runOnOldNode(print('1'))).stderr).toBe('bootstrap: installing the dependencies\n');
  });

  test('keeps to the running Node where that suits the tools, or where it is told to', async () => {
    await using machine = await freshMachine({ fetched: ['pnpm'] });
    expect((await machine.run(print('process.env.FETCHED_NODE'))).stdout).toBe('undefined\n');
    const told = await machine.runOnOldNode(print('process.env.FETCHED_NODE'), { MAILGRANT_OWN_NODE: '1' });
    expect(told).toEqual({ code: 0, stdout: 'undefined\n', stderr: '' });
    expect(machine.downloads).toEqual([]);
  });

  test('passes arguments, exit code and environment on', async () => {
    await using machine = await freshMachine({ fetched: ['pnpm'] });
    const script = `console.log(JSON.stringify([process.argv.slice(1), process.env.MAILGRANT_HOST_NODE])); process.exit(7)`;
    const { code, stdout } = await machine.run(['node', '-e', script, 'a b', '"quoted"', '$HOME', '']);
    expect(code).toBe(7);
    expect(JSON.parse(stdout)).toEqual([['a b', '"quoted"', '$HOME', ''], process.execPath]);
  });

  test('ends like a command that a signal ended', async () => {
    await using machine = await freshMachine({ fetched: ['pnpm'] });
    expect((await machine.run(['sh', '-c', 'kill -TERM $$'])).code).toBe(128 + 15);
  });

  test('passes a signal on and waits for the command to end', async () => {
    await using machine = await freshMachine({ fetched: ['pnpm'] });
    const script = `
      const alive = setInterval(() => {}, 1000);
      process.once('SIGTERM', () => { clearInterval(alive); console.log('ended in peace'); process.exitCode = 3; });
      process.kill(process.ppid, 'SIGTERM');`;
    expect(await machine.run(['node', '-e', script])).toMatchObject({ code: 3, stdout: 'ended in peace\n' });
  });

  test('ends its command when the shell that npm started it in is gone', async () => {
    await using machine = await freshMachine({ fetched: ['pnpm'] });
    const CHILD = `
      setInterval(() => {}, 1000);
      process.once('SIGTERM', () => { console.log('ended'); process.exit(); });
      require('fs').writeFileSync('started', '');`;
    const shell = `
      mkfifo started
      MAILGRANT_OWN_NODE=1 npm_lifecycle_event=demo node tooling/bootstrap/run.mjs node -e "$CHILD" &
      cat started`;
    // The output is complete when the last program that could write to it has ended.
    expect(await machine.run(['sh', '-c', shell], { CHILD })).toMatchObject({ code: 0, stdout: 'ended\n' });
  });

  test('says which command does not exist', async () => {
    await using machine = await freshMachine({ fetched: ['pnpm'] });
    const { code, stderr } = await machine.run(['no-such-program']);
    expect(code).toBe(1);
    expect(stderr).toContain('bootstrap: cannot run no-such-program: there is no such program\n');
  });

  test('leaves the installing to pnpm where pnpm is the command', async () => {
    await using machine = await freshMachine({ fetched: ['pnpm'] });
    await machine.run(['pnpm', 'add', 'something']);
    expect(machine.pnpmCalls()).toEqual(['add something']);
  });

  test('two at once fetch and install once', async () => {
    await using machine = await freshMachine();
    const both = await Promise.all([machine.run(print('1')), machine.run(print('2'))]);
    expect(both.map(({ code, stdout }) => [code, stdout])).toEqual([
      [0, '1\n'],
      [0, '2\n'],
    ]);
    expect(machine.downloads).toEqual(['fake-pnpm']);
    expect(machine.pnpmCalls()).toHaveLength(1);
    expect(machine.tools()).toEqual([`pnpm-${FOLDER}`]);
  });

  test('takes up where a killed run left off', async () => {
    await using machine = await freshMachine();
    mkdirSync(join(machine.root, '.toolchain', 'draft-abc'), { recursive: true });
    mkdirSync(join(machine.root, '.toolchain', `pnpm-${FOLDER}`), { recursive: true });
    expect((await machine.run(print('1'))).code).toBe(0);
    expect(machine.tools()).toEqual([`pnpm-${FOLDER}`]);
  });

  describe('says plainly what failed', () => {
    test('the registry has another package than the pinned one', async () => {
      await using machine = await freshMachine();
      machine.changePin('pnpm', { integrity: 'sha512-other' });
      const { code, stderr } = await machine.run(print('1'));
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /^bootstrap: fetching pnpm 1.2.3\nbootstrap: fake-pnpm@1.2.3 is not the package that tooling\/bootstrap\/toolchain.json pins: nothing of it was run or kept.\n {2}pinned {3}sha512-other\n {2}received sha512-.{88}\n$/,
      );
      expect(machine.tools()).toEqual([]);
      expect(machine.pnpmCalls()).toEqual([]);
    });

    test('a wrong Node is not replaced by the running one in silence', async () => {
      await using machine = await freshMachine({ fetched: ['pnpm'] });
      machine.changePin('node', { integrity: 'sha512-other' });
      const { code, stderr } = await machine.runOnOldNode(print('1'));
      expect([code, stderr]).toEqual([1, expect.stringContaining('fake-node@1.2.3 is not the package')]);
    });

    test('no network', async () => {
      await using machine = await freshMachine();
      const { code, stderr } = await machine.run(print('1'), { npm_config_registry: 'http://127.0.0.1:1/' });
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /\nbootstrap: fake-pnpm@1.2.3 could not be fetched: the npm registry cannot be reached. Check the network .*\n$/,
      );
      expect(stderr, 'no stack trace, neither ours nor npm’s').not.toMatch(/^(npm error)?\s+at /m);
      expect(machine.tools()).toEqual([]);
    });

    test('no Node for this machine: goes on with the one that runs, and says so', async () => {
      await using machine = await freshMachine({ fetched: ['pnpm'] });
      machine.changePin('node', { package: 'fake-nothing' });
      const { code, stdout, stderr } = await machine.runOnOldNode(print('process.env.FETCHED_NODE'));
      expect([code, stdout]).toEqual([0, 'undefined\n']);
      expect(stderr).toMatch(/the npm registry does not have it\.\n {2}Going on with Node 20\.20\.2/);
    });

    test('the lockfile is out of date: all that pnpm says, then what to do', async () => {
      await using machine = await freshMachine({ fetched: ['pnpm'] });
      writeFileSync(join(machine.root, 'pnpm-fails'), 'Error: ERR_PNPM_OUTDATED_LOCKFILE\n  * typescript\n');
      const { code, stderr } = await machine.run(print('1'));
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /\n {2}\* typescript\n\nbootstrap: .*pnpm-lock.yaml is not up to date.*run.mjs pnpm install\n$/,
      );
      rmSync(join(machine.root, 'pnpm-fails'));
      expect((await machine.run(print('1'))).code, 'once that is repaired').toBe(0);
    });

    test('a file stands where the folder of the tools belongs', async () => {
      await using machine = await freshMachine();
      writeFileSync(join(machine.root, '.toolchain'), '');
      const { code, stderr } = await machine.run(print('1'));
      expect([code, stderr]).toEqual([
        1,
        expect.stringMatching(/^bootstrap: cannot write .*\.toolchain: a file stands/),
      ]);
    });

    test.skipIf(root)('no permission to write (skipped as root, who always has it)', async () => {
      await using machine = await freshMachine();
      mkdirSync(join(machine.root, '.toolchain'));
      chmodSync(join(machine.root, '.toolchain'), 0o555);
      const { code, stderr } = await machine.run(print('1'));
      expect([code, stderr]).toEqual([1, expect.stringMatching(/^bootstrap: no permission to write .*\.toolchain/)]);
    });

    test.skipIf(root)('a home that cannot be written is no reason to fail (skipped as root)', async () => {
      await using machine = await freshMachine();
      expect((await machine.run(print('1'), { HOME: '/nonexistent' })).code).toBe(0);
    });
  });
});
