// A mailer does not keep its process alive: not by an idle connection, not by one that came to grief, not by the wait of a
// message that is over. Real time, a real process.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { startServer } from './hostile.ts';
import type { Conversation } from './scripted-server.ts';

const SERVERS: readonly [Partial<Conversation>, string][] = [
  [{}, 'ERR_SMTP_DEADLINE queue'], // and the connection stays open, idle
  [{ greeting: (peer) => peer.stall() }, 'ERR_SMTP_TIMEOUT greeting'],
  [{ mail: (peer) => peer.stall() }, 'ERR_SMTP_TIMEOUT MAIL'],
  [{ message: (peer) => peer.stall() }, 'ERR_SMTP_TIMEOUT message'],
];

test('a process that sent to servers good and silent ends by itself', async () => {
  const servers = await Promise.all(SERVERS.map(() => startServer('none')));
  for (const [i, [parts]] of SERVERS.entries()) servers[i]?.script(parts);
  const script = fileURLToPath(new URL('./sender-process.ts', import.meta.url));
  const args = ['--no-warnings', script, ...servers.map(({ port }) => String(port))];
  // If it is held, it is killed, and the test fails.
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 15_000 });
  expect(JSON.parse(stdout)).toEqual(SERVERS.map(([, outcome]) => outcome));
  await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
}, 20_000);
