// The README's start, run as it stands there but for the address of the server: in a process of its own, against the sandbox.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSandbox } from '@mailgrant/sandbox';
import { expect, test } from 'vitest';
import { createStoreDirectory } from './support/embedded.ts';

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const folder = join(import.meta.dirname, '../.cache/readme');

function example(name: string): string {
  const [, code] = new RegExp(`<!-- run: ${name} -->\\n+\`\`\`ts\\n([\\s\\S]*?)\`\`\`\\n`).exec(README) ?? [];
  if (code === undefined) throw new Error(`there is no example ${name}`);
  return code;
}

async function output(child: ChildProcess): Promise<string> {
  let text = '';
  child.stdout?.on('data', (piece: Buffer) => (text += piece.toString()));
  child.stderr?.on('data', (piece: Buffer) => (text += piece.toString()));
  await once(child, 'close');
  return text;
}

test('the start sends, stops on SIGTERM and ends by itself', async () => {
  const sandbox = await createSandbox();
  using directory = await createStoreDirectory();
  const { smtp, ca, mailbox, clientId, clientSecret, tenantId, tokenEndpoint } = sandbox;
  const server = JSON.stringify({ ...smtp, ca, tokenEndpoint });
  const code = example('start')
    .replace('{ user: MAIL_USER,', `{ provider: 'microsoft365' as const, ...${server} as const, user: MAIL_USER,`)
    .replace("'./mail'", JSON.stringify(directory.dir));
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'start.mts');
  writeFileSync(file, code);
  const child = spawn(process.execPath, ['--conditions=@mailgrant/source', file], {
    env: { ...process.env, MAIL_USER: mailbox, TENANT_ID: tenantId, CLIENT_ID: clientId, CLIENT_SECRET: clientSecret },
  });
  const said = output(child);
  const [message] = await sandbox.inbox.waitFor(1, { timeout: 15_000 });
  await once(child.stdout, 'data');
  child.kill('SIGTERM');
  expect(await said).toBe('mail.accepted\n');
  expect(child.exitCode).toBe(0);
  expect(message?.subject).toBe('Reminder');
  await sandbox.close();
  rmSync(folder, { recursive: true });
});
