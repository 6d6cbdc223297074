// Token stores, alone and between real processes.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { lstat, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { encryptedFileTokenStore } from '../src/oauth/encrypted-file-store.ts';
import { acquireFileLock } from '../src/oauth/file-lock.ts';
import { sealedFile } from '../src/oauth/sealed-file.ts';
import { checkSealingKey } from '../src/oauth/sealing-key.ts';
import { memoryTokenStore, type TokenStore } from '../src/oauth/token-store.ts';
import { Secret } from '../src/secret.ts';
import { selfSigned } from './certificates.ts';
import { createTokenServer, token } from './token-server.ts';

const KEY = Buffer.alloc(32, 7);

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailgrant-store-'));
  path = join(folder, 'made', 'tokens');
});
afterEach(() => rm(folder, { recursive: true }));

const stores: [string, () => TokenStore][] = [
  ['memory', memoryTokenStore],
  ['encrypted file', () => encryptedFileTokenStore({ path, key: KEY })],
];

describe.each(stores)('a token store (%s)', (_, create) => {
  test('gives back what was written, under a new version each time', async () => {
    const store = create();
    expect(await store.get('a')).toBeUndefined();
    const first = await store.compareAndSet('a', undefined, new Secret('one'));
    await store.compareAndSet('b', undefined, new Secret('other'));
    const second = await store.compareAndSet('a', first, new Secret('zwölf'));
    expect(second).not.toBe(first);
    const stored = await store.get('a');
    expect([stored?.value.reveal(), stored?.version]).toEqual(['zwölf', second]);
    expect((await store.get('b'))?.value.reveal()).toBe('other');
  });

  test('writes nothing over what somebody else wrote', async () => {
    const store = create();
    const first = await store.compareAndSet('a', undefined, new Secret('one'));
    expect(await store.compareAndSet('a', undefined, new Secret('two'))).toBeUndefined();
    await store.compareAndSet('a', first, new Secret('three'));
    expect(await store.compareAndSet('a', first, new Secret('four'))).toBeUndefined();
    expect((await store.get('a'))?.value.reveal()).toBe('three');
  });

  test('gives a lock to one at a time, to each in the end, and not to who will not wait', async () => {
    const store = create();
    let inside = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        const lock = await store.lock('a', { lease: 60_000, wait: 60_000 });
        inside += 1;
        most = Math.max(most, inside);
        await new Promise(setImmediate);
        inside -= 1;
        await lock?.release();
      }),
    );
    expect(most).toBe(1);
    const lock = await store.lock('a', { lease: 60_000, wait: 0 });
    expect(await store.lock('a', { lease: 60_000, wait: 1 })).toBeUndefined();
    expect(await store.lock('b', { lease: 60_000, wait: 0 })).toBeDefined();
    await lock?.release();
    await lock?.release();
    expect(await store.lock('a', { lease: 60_000, wait: 60_000 })).toBeDefined();
  });

  test('frees a lock at the end of its lease; its late release does not disturb the next owner', async () => {
    const store = create();
    const late = await store.lock('a', { lease: 20, wait: 0 });
    expect(await store.lock('a', { lease: 60_000, wait: 60_000 })).toBeDefined();
    await late?.release();
    expect(await store.lock('a', { lease: 60_000, wait: 1 })).toBeUndefined();
  });

  test('prints nothing of what it holds', async () => {
    const store = create();
    await store.compareAndSet('a', undefined, new Secret('canary-token'));
    expect(inspect([store, await store.get('a')], { depth: 9, showHidden: true })).not.toContain('canary');
  });
});

describe('the encrypted file', () => {
  const fill = async (key: Parameters<typeof encryptedFileTokenStore>[0]['key'] = KEY) => {
    const store = encryptedFileTokenStore({ path, key });
    await store.compareAndSet('tenant/app', undefined, new Secret('canary-token'));
    return store;
  };

  test('is readable by its owner only and shows neither names nor values', async () => {
    await fill();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(`${path}.locks`)).mode & 0o777).toBe(0o700);
    const bytes = await readFile(path, 'latin1');
    expect(bytes).not.toContain('canary');
    expect(bytes).not.toContain('tenant');
    expect(await readdir(join(folder, 'made'))).toEqual(['tokens', 'tokens.locks']);
  });

  test('is never written twice with the same bytes', async () => {
    const store = await fill();
    const before = await readFile(path);
    const stored = await store.get('tenant/app');
    await store.compareAndSet('tenant/app', stored?.version, new Secret('canary-token'));
    const after = await readFile(path);
    expect(after.subarray(30).equals(before.subarray(30))).toBe(false);
  });

  test('is replaced, not written over, and not even that when another process has taken over the lock', async () => {
    const store = await fill();
    const { ino } = await stat(path);
    const stored = await store.get('tenant/app');
    await store.compareAndSet('tenant/app', stored?.version, new Secret('other'));
    expect((await stat(path)).ino).not.toBe(ino);
    const before = await readFile(path);
    const file = sealedFile(path, checkSealingKey(KEY));
    const expected = { code: 'ERR_OAUTH_SOURCE', message: expect.stringContaining('has taken over its lock') };
    await expect(file.replace('[]', async () => false)).rejects.toMatchObject(expected);
    expect(await readFile(path)).toEqual(before);
    expect(await readdir(join(folder, 'made'))).toEqual(['tokens', 'tokens.locks']);
  });

  test.each(['is there', 'is not there yet'])('stays one file behind a link to it when it %s', async (when) => {
    const direct = when === 'is there' ? await fill() : encryptedFileTokenStore({ path, key: KEY });
    const link = join(folder, 'link');
    await symlink(join('made', 'tokens'), link);
    const linked = encryptedFileTokenStore({ path: link, key: KEY });
    const lock = await linked.lock('a', { lease: 60_000, wait: 0 });
    expect(await direct.lock('a', { lease: 60_000, wait: 1 })).toBeUndefined();
    await lock?.release();
    await linked.compareAndSet('a', undefined, new Secret('by the link'));
    expect((await direct.get('a'))?.value.reveal()).toBe('by the link');
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect(await readdir(folder)).toEqual(['link', 'made']);
  });

  test('opens with the same passphrase only', async () => {
    await fill({ passphrase: 'correct horse battery' });
    const again = encryptedFileTokenStore({ path, key: { passphrase: new Secret('correct horse battery') } });
    expect((await again.get('tenant/app'))?.value.reveal()).toBe('canary-token');
    const wrong = encryptedFileTokenStore({ path, key: { passphrase: 'correct horse butter' } });
    await expect(wrong.get('tenant/app')).rejects.toThrow('was made with another key');
    await expect(encryptedFileTokenStore({ path, key: KEY }).get('a')).rejects.toThrow('was made with a passphrase');
  });

  test('says so when the key is another, and is left as it was', async () => {
    await fill();
    const before = await readFile(path);
    const wrong = encryptedFileTokenStore({ path, key: Buffer.alloc(32, 8) });
    const expected = { code: 'ERR_OAUTH_SOURCE', message: `the token store ${path} was made with another key` };
    await expect(wrong.get('a')).rejects.toMatchObject(expected);
    await expect(wrong.compareAndSet('a', undefined, new Secret('x'))).rejects.toMatchObject(expected);
    expect(await readFile(path)).toEqual(before);
  });

  test('whatever byte of it is changed or cut off, it is refused', async () => {
    const store = await fill();
    const whole = await readFile(path);
    for (let at = 0; at < whole.length; at += 1) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await writeFile(path, changed);
      await expect(store.get('tenant/app')).rejects.toMatchObject({ code: 'ERR_OAUTH_SOURCE' });
      await writeFile(path, whole.subarray(0, at));
      await expect(store.get('tenant/app')).rejects.toMatchObject({ code: 'ERR_OAUTH_SOURCE' });
    }
  });

  test('a folder where the file should be is told as it is', async () => {
    const store = encryptedFileTokenStore({ path: folder, key: KEY });
    await expect(store.get('a')).rejects.toMatchObject({ code: 'ERR_OAUTH_SOURCE', cause: { code: 'EISDIR' } });
    await rm(`${folder}.locks`, { recursive: true, force: true });
  });

  test('a file where the folder of the locks should be is told as it is', async () => {
    const store = await fill();
    await rm(`${path}.locks`, { recursive: true });
    await writeFile(`${path}.locks`, '');
    const message = `the token store ${path} cannot be locked`;
    const refused = expect.objectContaining({ code: 'ERR_OAUTH_SOURCE', message, cause: expect.any(Error) });
    await expect(store.lock('a', { lease: 1000, wait: 0 })).rejects.toEqual(refused);
    await expect(store.compareAndSet('a', undefined, new Secret('x'))).rejects.toEqual(refused);
    expect((await store.get('tenant/app'))?.value.reveal()).toBe('canary-token');
  });

  test.each([Buffer.alloc(31), { passphrase: 'too short' }, 'canary-key'])('does not take %o for a key', (key) => {
    const create = () => encryptedFileTokenStore({ path, key: key as Buffer });
    expect(create).toThrow(expect.objectContaining({ code: 'ERR_INPUT_OPTION' }));
    expect(create).not.toThrow('canary');
  });
});

describe('the file lock', () => {
  const options = () => ({ directory: folder, name: 'a', lease: 60_000, wait: 0, now: Date.now });

  test('an owner file that was never finished is free after a while, and not before', async () => {
    await writeFile(join(folder, 'a.7'), '{"pid"');
    expect(await acquireFileLock(options())).toBeUndefined();
    const past = new Date(Date.now() - 6000);
    await utimes(join(folder, 'a.7'), past, past);
    expect(await acquireFileLock(options())).toBeDefined();
    expect(await readdir(folder)).toEqual(['a.8']);
  });

  test('a latecomer with a lower number steps back', async () => {
    const lock = await acquireFileLock(options());
    await lock?.release();
    const next = await acquireFileLock(options());
    await writeFile(join(folder, 'a.1'), 'free\n');
    expect(await next?.isHeld()).toBe(true);
    expect(await acquireFileLock(options())).toBeUndefined();
  });

  test('whoever sees a higher number after making its own steps back', async () => {
    const live = JSON.stringify({ pid: process.pid, place: 'elsewhere', until: Date.now() + 60_000 });
    // The clock is read after the list and before the file is made: others may be faster in between.
    let calls = 0;
    const now = () => {
      calls += 1;
      if (calls === 1) writeFileSync(join(folder, 'a.9'), live);
      return Date.now();
    };
    expect(await acquireFileLock({ ...options(), now })).toBeUndefined();
    expect(await readdir(folder)).toEqual(['a.9']);
  });

  test('an owner of another machine keeps it for its lease, whatever runs here under its process id', async () => {
    const owner = { pid: 2 ** 22 + 1, place: 'elsewhere', until: Date.now() + 60_000 };
    await writeFile(join(folder, 'a.1'), JSON.stringify(owner));
    expect(await acquireFileLock(options())).toBeUndefined();
    expect(await acquireFileLock({ ...options(), now: () => owner.until })).toBeDefined();
  });

  test('nobody waits longer because the clock is set back', async () => {
    await acquireFileLock(options());
    let now = Date.now();
    const clock = () => (now -= 3_600_000);
    expect(await acquireFileLock({ ...options(), wait: 20, now: clock })).toBeUndefined();
  });

  test('whoever lost the lock to the end of its lease knows', async () => {
    let now = 1000;
    const clock = { ...options(), lease: 100, now: () => now };
    const first = await acquireFileLock(clock);
    now += 100;
    expect(await first?.isHeld()).toBe(false);
    const second = await acquireFileLock(clock);
    now -= 50;
    expect([await first?.isHeld(), await second?.isHeld()]).toEqual([false, true]);
  });
});

// Where Node.js runs TypeScript by itself.
describe.skipIf(!process.features.typescript)('between processes', { timeout: 60_000 }, () => {
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });
  const start = (...args: string[]) => startWith({}, ...args);
  const startWith = (environment: Record<string, string>, ...args: string[]) => {
    const script = fileURLToPath(new URL('./store-process.ts', import.meta.url));
    const child = spawn(process.execPath, ['--no-warnings', script, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...environment },
    });
    children.push(child);
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    return { child, line: async () => (await lines.next()).value as unknown, ended: once(child, 'exit') };
  };

  test('processes that share a store make one request', async () => {
    await using server = await createTokenServer();
    const asked: (() => void)[] = [];
    server.answers((response, request) =>
      asked.push(() => token(`token-${server.requests.length}`)(response, request)),
    );
    const processes = [
      start('token', path, server.url),
      start('token', path, server.url),
      start('token', path, server.url),
    ];
    // The first answer waits until all of them are on their way.
    for (const { line } of processes) expect(await line()).toBe('asks');
    while (asked.length === 0) await new Promise(setImmediate);
    for (const answer of asked) answer();
    for (const { line } of processes) expect(await line()).toBe('token-1');
    for (const { ended } of processes) expect(await ended).toEqual([0, null]);
    expect(server.requests).toHaveLength(1);
  });

  test('a token comes over TLS that the system trusts', async () => {
    const certificate = selfSigned();
    const trusted = join(folder, 'trusted.pem');
    await writeFile(trusted, certificate.cert);
    await using server = await createTokenServer(certificate);
    const { line, ended } = startWith({ NODE_EXTRA_CA_CERTS: trusted }, 'token', path, server.url);
    expect([await line(), await line(), await ended]).toEqual(['asks', 'token-1', [0, null]]);
  });

  test('no change of theirs is lost', async () => {
    const processes = [start('count', path), start('count', path), start('count', path)];
    for (const { ended } of processes) expect(await ended).toEqual([0, null]);
    const store = encryptedFileTokenStore({ path, key: KEY });
    expect((await store.get('counter'))?.value.reveal()).toBe('30');
  });

  test.skipIf(process.platform === 'win32')('a process that cannot write leaves no half of a lock', async () => {
    await encryptedFileTokenStore({ path, key: KEY }).compareAndSet('k', undefined, new Secret('x'));
    const before = await readdir(`${path}.locks`);
    const script = fileURLToPath(new URL('./store-process.ts', import.meta.url));
    const full = ['-c', 'ulimit -f 0 && exec "$@"', 'sh', process.execPath, '--no-warnings', script, 'lock', path];
    const child = spawn('sh', full, { stdio: 'ignore' });
    children.push(child);
    expect(await once(child, 'exit')).toEqual([1, null]);
    expect(await readdir(`${path}.locks`)).toEqual(before);
  });

  test('a lock whose owner died is free at once', async () => {
    const { child, line, ended } = start('lock', path);
    expect(await line()).toBe('locked');
    const store = encryptedFileTokenStore({ path, key: KEY });
    expect(await store.lock('k', { lease: 1000, wait: 1 })).toBeUndefined();
    child.kill('SIGKILL');
    await ended;
    expect(await store.lock('k', { lease: 1000, wait: 1000 })).toBeDefined();
  });
});
