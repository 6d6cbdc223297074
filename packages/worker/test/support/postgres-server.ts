// A PostgreSQL server of our own: started from nothing in a moment, stopped like the power, gone without a trace.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { postgresBinaries } from './postgres-binaries.ts';

const GUARD = fileURLToPath(new URL('postgres-guard.mjs', import.meta.url));

/** Tests are of programs that die, not of disks: what the kernel has is safe enough. */
const SETTINGS = [
  'fsync=off',
  'full_page_writes=off',
  'shared_buffers=32MB',
  'max_connections=150',
  'wal_level=minimal',
  'max_wal_senders=0',
];

export interface PostgresServer {
  readonly url: string;
  /** Ends every process of the server at once; what was committed is there after `start()`. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Ends the server and removes its files. */
  stop(): Promise<void>;
}

/** Starts a server with an empty database `postgres`, on a port of 127.0.0.1. */
export async function startPostgres(): Promise<PostgresServer> {
  const home = mkdtempSync(join(tmpdir(), 'mailgrant-postgres-'));
  chmodSync(home, 0o755);
  const user = userForPostgres();
  const bin = postgresBinaries(join(home, 'native'));
  const data = join(home, 'data');
  if (user !== undefined) chownSync(home, user.uid, user.gid);
  const where = { cwd: home, ...user, env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' } };
  await promisify(execFile)(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'],
    where,
  );
  const guard = spawn(process.execPath, [GUARD, home], { stdio: ['pipe', 'ignore', 'inherit'] });
  const port = await freePort();
  let server: ChildProcess | undefined;

  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  async function start(): Promise<void> {
    const settings = [...SETTINGS, `port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories='];
    const args = ['-D', data, ...settings.flatMap((setting) => ['-c', setting])];
    server = spawn(join(bin, 'postgres'), args, { ...where, stdio: ['ignore', 'ignore', 'pipe'] });
    await untilReady(server);
  }
  async function end(signal: NodeJS.Signals): Promise<void> {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const gone = once(server, 'exit');
    server.kill(signal);
    await gone;
  }

  await start();
  return {
    url,
    start,
    kill: () => end('SIGQUIT'), // what `pg_ctl stop -m immediate` sends
    async stop() {
      await end('SIGINT');
      guard.stdin.end();
      await once(guard, 'exit');
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Reads the log until the server takes connections; then goes on reading, so that it never waits for us. */
async function untilReady(server: ChildProcess): Promise<void> {
  let log = '';
  await new Promise<void>((resolve, reject) => {
    server.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-10_000);
      if (log.includes('ready to accept connections')) resolve();
    });
    server.once('error', reject);
    server.once('exit', (code) => reject(new Error(`PostgreSQL did not start (${code}):\n${log}`)));
  });
}

/** PostgreSQL refuses to run as root. Another user is taken by number, and nothing of the system is changed. */
function userForPostgres(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8');
  for (const name of ['postgres', 'nobody']) {
    const [, uid, gid] = new RegExp(`^${name}:[^:]*:(\\d+):(\\d+):`, 'm').exec(users) ?? [];
    if (uid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error('PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
