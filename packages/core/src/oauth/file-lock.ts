// A lock between the processes of a machine, made of files, that outlives no dead owner.
//
// A name has numbered files; the one with the highest number says who holds the lock. Whoever finds it free creates the next
// number, which only one can (O_EXCL). The highest file is never removed, so a latecomer who creates a lower one sees it at
// once and steps back. Removing and re-creating one file instead would let two break the same stale lock.
import { mkdir, readdir, readFile, readlink, stat, unlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { kill, pid as ownPid } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

export interface FileLockOptions {
  readonly directory: string;
  readonly name: string;
  /** Milliseconds after which the lock is free though its owner did not release it. */
  readonly lease: number;
  /** Milliseconds to wait for it. */
  readonly wait: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export interface FileLock {
  /** Whether the lease lasts and nobody has taken over. */
  isHeld(): Promise<boolean>;
  release(): Promise<void>;
}

interface Owner {
  readonly pid: number;
  /** Where that process id means something: the host, and on Linux the namespace of process ids. */
  readonly place: string;
  /** Epoch milliseconds. */
  readonly until: number;
}

const FREE = 'free\n';
/** Milliseconds an owner may take to write its name into the file it created. */
const UNFINISHED = 5000;
const SHORTEST_PAUSE = 5;
const LONGEST_PAUSE = 50;

/** Waits for the lock; `undefined` when another kept it for the whole of `wait`. */
export async function acquireFileLock(options: FileLockOptions): Promise<FileLock | undefined> {
  const { directory, name, lease, wait, now } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const file = (number: number): string => join(directory, `${name}.${number}`);
  const place = await currentPlace();
  const deadline = performance.now() + wait; // a clock that is set back must not make the wait longer
  for (let pause = SHORTEST_PAUSE; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE)) {
    const top = (await numbers(directory, name)).at(-1) ?? 0;
    if (top === 0 || (await isFree(file(top), place, now))) {
      const mine = top + 1;
      const until = now() + lease;
      if (await claim(file(mine), { pid: ownPid, place, until })) {
        const all = await numbers(directory, name);
        const isHeld = async (): Promise<boolean> => now() < until && (await numbers(directory, name)).at(-1) === mine;
        if (all.at(-1) === mine) {
          await Promise.all(all.slice(0, -1).map((number) => remove(file(number))));
          return {
            isHeld,
            async release() {
              if (await isHeld()) await writeFile(file(mine), FREE);
            },
          };
        }
        await remove(file(mine));
      }
    }
    if (performance.now() >= deadline) return undefined;
    await sleep(pause);
  }
}

/** The numbers in use, in order. */
async function numbers(directory: string, name: string): Promise<number[]> {
  return (await readdir(directory))
    .filter((file) => file.startsWith(`${name}.`))
    .map((file) => Number(file.slice(name.length + 1)))
    .filter((number) => Number.isSafeInteger(number) && number > 0)
    .sort((a, b) => a - b);
}

async function claim(file: string, owner: Owner): Promise<boolean> {
  try {
    await writeFile(file, JSON.stringify(owner), { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    await unlink(file).catch(() => undefined); // it may not have come to exist; half of one would hold up everybody
    throw error;
  }
}

async function isFree(file: string, place: string, now: () => number): Promise<boolean> {
  try {
    const text = await readFile(file, 'utf8');
    if (text === FREE) return true;
    const owner = parseOwner(text);
    if (owner === undefined) return (await stat(file)).mtimeMs + UNFINISHED <= now();
    return owner.until <= now() || (owner.place === place && !isAlive(owner.pid));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false; // replaced by a higher one this moment
    throw error;
  }
}

function parseOwner(text: string): Owner | undefined {
  try {
    const { pid, place, until } = JSON.parse(text) as Record<string, unknown>;
    if (typeof pid === 'number' && typeof place === 'string' && typeof until === 'number') return { pid, place, until };
  } catch {
    // Still being written, or its writer died over it: the age of the file will tell.
  }
  return undefined;
}

async function currentPlace(): Promise<string> {
  // Containers may share a volume and a host name, but not their process ids.
  const namespace = await readlink('/proc/self/ns/pid').catch(() => '');
  return `${hostname()} ${namespace}`;
}

function isAlive(pid: number): boolean {
  try {
    kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== 'ESRCH'; // EPERM: alive, and somebody else's
  }
}

async function remove(file: string): Promise<void> {
  await unlink(file).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error;
  });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
