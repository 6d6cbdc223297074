// A directory belongs to one process, and to nobody once that process is gone.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { openStore } from '../src/store/open-store.ts';
import { lockDirectory } from '../src/store/lock.ts';
import { createDirectory, createStoreDirectory } from './support/embedded.ts';

const HOLDER = fileURLToPath(new URL('support/lock-holder.ts', import.meta.url));

/** Another process that has the lock. */
async function holder(dir: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--conditions=@mailgrant/source', HOLDER, dir], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [answer] = await once(child.stdout, 'data');
  expect(String(answer)).toBe('locked\n');
  return child;
}

test('a second process is refused with a sentence that names the owner', async () => {
  using directory = createDirectory();
  const child = await holder(directory.dir);
  const open = openStore({ kind: 'embedded', dir: directory.dir });
  await expect(open).rejects.toMatchObject({
    name: 'StoreError',
    code: 'ERR_STORE_LOCKED',
    message: expect.stringMatching(
      new RegExp(`^The store in ${directory.dir} is open in process ${child.pid}, since \\d{4}-.*Z\\. .*PostgreSQL`),
    ),
  });
});

test('a process that was killed leaves no lock behind', async () => {
  using directory = await createStoreDirectory();
  const child = await holder(directory.dir);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(readFileSync(join(directory.dir, 'owner.json'), 'utf8')).toContain(`"pid":${child.pid}`);
  const store = await openStore({ kind: 'embedded', dir: directory.dir });
  expect(readFileSync(join(directory.dir, 'owner.json'), 'utf8')).toContain(`"pid":${process.pid}`);
  await store.close();
});

test('the same process is refused as well, and may come back when it is done', () => {
  using directory = createDirectory();
  const lock = lockDirectory(directory.dir, () => Date.parse('2026-11-20T22:00:00Z'));
  expect(() => lockDirectory(directory.dir)).toThrow(`process ${process.pid}, since 2026-11-20T22:00:00.000Z`);
  lock.release();
  expect(existsSync(join(directory.dir, 'owner.json'))).toBe(false);
  lockDirectory(directory.dir).release();
});

test('the lock says nothing about SQLite, and lets other warnings through', async () => {
  using directory = createDirectory();
  const child = spawn(process.execPath, ['--conditions=@mailgrant/source', HOLDER, directory.dir, 'warn'], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (text) => {
    said += String(text);
  });
  await once(child.stdout, 'data');
  child.stdin.end();
  await once(child, 'close');
  expect(said).not.toContain('SQLite');
  expect(said).toContain('another warning');
});
