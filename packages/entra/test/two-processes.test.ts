// Processes that share one encrypted file: together they renew once, and no refresh token is used twice.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { encryptedFileTokenStore } from '@mailgrant/core';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { entraConnect } from '../src/index.ts';
import { cloudOf, person, send } from './sandboxed.ts';
import type { StoreTask } from './store-process.ts';

let dir: string;
let path: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'mailgrant-processes-'));
  path = join(dir, 'store');
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

const store = () => encryptedFileTokenStore({ path, key: Buffer.alloc(32, 7) });

function start(task: StoreTask['task'], sandbox: Sandbox) {
  const script = fileURLToPath(new URL('./store-process.ts', import.meta.url));
  const child = spawn(process.execPath, ['--no-warnings', '--conditions=@mailgrant/source', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const { tenantId, clientId, clientSecret, mailbox } = sandbox;
  const input = { task, path, cloud: cloudOf(sandbox), tenantId, clientId, clientSecret, mailbox } satisfies StoreTask;
  child.stdin.end(JSON.stringify(input));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return { line: async () => (await lines.next()).value as unknown, ended: once(child, 'exit') };
}

/** Both do it at once; returns what each of them printed. */
async function both(task: StoreTask['task'], sandbox: Sandbox): Promise<unknown[]> {
  const processes = [start(task, sandbox), start(task, sandbox)];
  for (const { line } of processes) expect(await line()).toBe('asks');
  const printed = await Promise.all(processes.map(({ line }) => line()));
  for (const { ended } of processes) expect(await ended).toEqual([0, null]);
  return printed;
}

/** Answers that take a while, so that the second process asks while the first one waits. */
const slowly = (sandbox: Sandbox): void => sandbox.entra.next({ delay: 300, times: Infinity });

// Where Node.js runs TypeScript by itself.
describe.skipIf(!process.features.typescript)('two processes on one encrypted file', { timeout: 60_000 }, () => {
  test('of an application make one request', async () => {
    await using sandbox = await createSandbox();
    slowly(sandbox);
    const [first, second] = await both('app', sandbox);
    expect(first).toBe(second);
    expect(sandbox.tokenRequests).toHaveLength(1);
    expect(readFileSync(path).includes(sandbox.clientId)).toBe(false);
  });

  test("renew a person's token once, and the next refresh token is the right one", async () => {
    await using sandbox = await createSandbox({ entra: { replacedRefreshTokens: 'refuse' } });
    const connection = entraConnect({ ...person(sandbox), store: store() });
    const { url } = await connection.begin();
    await connection.finish(sandbox.entra.signIn(url, { as: sandbox.mailbox }));
    slowly(sandbox);
    const [first, second] = await both('delegated', sandbox);
    expect(first).toBe(second);
    expect(sandbox.tokenRequests.map(({ grant }) => grant)).toEqual(['authorization_code', 'refresh_token']);
    await send(sandbox, connection.token); // with what the other process left
    expect(sandbox.inbox.messages).toHaveLength(1);
  });

  test('keep a consent alive by using it once', async () => {
    await using sandbox = await createSandbox({ entra: { replacedRefreshTokens: 'refuse' } });
    const now = () => Date.now() - 86_400_000;
    const connection = entraConnect({ ...person(sandbox), store: store(), now });
    const { url } = await connection.begin();
    await connection.finish(sandbox.entra.signIn(url, { as: sandbox.mailbox }));
    slowly(sandbox);
    expect((await both('keep alive', sandbox)).map(String).toSorted()).toEqual(['fresh', 'renewed']);
    expect(sandbox.tokenRequests.map(({ grant }) => grant)).toEqual(['authorization_code', 'refresh_token']);
  });
});
