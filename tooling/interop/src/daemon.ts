// A server process of ours: started, waited for, and ended, nobody else's.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The first words a program says when asked for its version. */
export async function versionOf([program, ...args]: readonly [string, ...string[]]): Promise<string> {
  const { stdout } = await run(program, args);
  return stdout.trim();
}

export interface Daemon extends AsyncDisposable {
  readonly pid: number;
}

export interface DaemonOptions {
  readonly command: readonly [string, ...string[]];
  /** Ready when all of these answer. */
  readonly ports: readonly number[];
  /** Read when something goes wrong. */
  readonly log: string;
}

/** Servers that run. Whatever ends this process, they end with it. */
const running = new Set<ChildProcess>();

function endAll(): void {
  for (const child of running) child.kill('SIGTERM');
}

const START = 20_000;
const END = 5_000;

/** Starts a server in the foreground, in a process group of its own, and waits until it listens. */
export async function startDaemon({ command: [program, ...args], ports, log }: DaemonOptions): Promise<Daemon> {
  if (running.size === 0 && process.listenerCount('exit', endAll) === 0) process.on('exit', endAll);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  running.add(child);
  child.once('exit', () => running.delete(child));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-4_000);
    });
  }
  let failure: Error | undefined;
  child.once('error', (error) => {
    failure = error;
  });
  const { pid } = child;
  const deadline = Date.now() + START;
  for (const port of ports) {
    while (!(await answers(port))) {
      if (pid === undefined || failure !== undefined || child.exitCode !== null || Date.now() > deadline) {
        await end(child);
        const written = await readFile(log, 'utf8').catch(() => '');
        const why = failure?.message ?? `${output}\n${written.slice(-4_000)}`.trim();
        throw new Error(`${args.at(-1) ?? program} did not start: ${why}`);
      }
      await sleep(50);
    }
  }
  return { pid: pid ?? 0, [Symbol.asyncDispose]: () => end(child) };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), END);
  await exited;
  clearTimeout(timer);
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    const finish = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => finish(true)).once('error', () => finish(false));
  });
}

/** Ports of the loopback that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = net.createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as net.AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
