// A directory belongs to one process. The lock is the kernel's, so it ends with the process, however that ends.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { getBuiltinModule, pid } from 'node:process';
import type * as sqliteModule from 'node:sqlite';
import { StoreError } from './store-error.ts';

export interface DirectoryLock {
  release(): void;
}

interface Owner {
  readonly pid: number;
  readonly host: string;
  readonly since: string;
}

/**
 * Takes the directory for this process, or says who has it. A transaction on a SQLite file, held open, is the one lock
 * in Node that every platform's kernel keeps: files with a process id in them outlive their process.
 *
 * @throws StoreError `ERR_STORE_LOCKED`, `ERR_STORE_UNSUPPORTED`
 */
export function lockDirectory(dir: string, now: () => number = Date.now): DirectoryLock {
  const { DatabaseSync } = sqlite();
  const ownerFile = join(dir, 'owner.json');
  const database = new DatabaseSync(join(dir, 'lock.sqlite'), { timeout: 0 });
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (cause) {
    database.close();
    if (!isBusy(cause)) throw cause;
    throw new StoreError(
      'ERR_STORE_LOCKED',
      `The store in ${dir} is open in ${describe(readOwner(ownerFile))}. An embedded store belongs to one process: stop ` +
        'that one first, talk to it, or keep the mail in PostgreSQL, which any number of workers can share.',
      { cause },
    );
  }
  const owner: Owner = { pid, host: hostname(), since: new Date(now()).toISOString() };
  writeFileSync(ownerFile, JSON.stringify(owner), { mode: 0o600 });
  return {
    release() {
      rmSync(ownerFile, { force: true });
      database.close();
    },
  };
}

/** Node 22 says that SQLite is experimental. Whoever runs a mail worker did not choose it and cannot act on it. */
function sqlite(): typeof sqliteModule {
  const emitWarning = Reflect.get(process, 'emitWarning') as (...args: unknown[]) => void;
  process.emitWarning = (warning: unknown, ...rest: unknown[]) => {
    if (!String(warning).startsWith('SQLite is an experimental')) emitWarning.call(process, warning, ...rest);
  };
  try {
    const module = getBuiltinModule('node:sqlite');
    // oxlint-disable-next-line typescript/no-unnecessary-condition -- Node 22.12 has it behind a flag
    if (module !== undefined) return module;
  } finally {
    process.emitWarning = emitWarning;
  }
  throw new StoreError(
    'ERR_STORE_UNSUPPORTED',
    `The embedded store needs Node 22.13 or later; this is ${process.version}.`,
  );
}

const isBusy = (error: unknown): boolean =>
  error instanceof Error && 'errcode' in error && [5, 6].includes(Number(error.errcode) & 0xff);

/** Written by the owner right after it got the lock: for a moment it is missing, or still tells of the one before. */
function readOwner(file: string): Owner | undefined {
  try {
    const owner: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof owner !== 'object' || owner === null) return undefined;
    const { pid, host, since } = owner as Partial<Owner>; // only shown
    return { pid: Number(pid), host: String(host), since: String(since) };
  } catch {
    return undefined; // unreadable or half written: the sentence does without it
  }
}

function describe(owner: Owner | undefined): string {
  if (owner === undefined) return 'another process';
  const where = owner.host === hostname() ? '' : ` on ${owner.host}`;
  return `process ${owner.pid}${where}, since ${owner.since}`;
}
