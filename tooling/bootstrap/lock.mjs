// One process at a time prepares the toolchain; the others wait for it.
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { say, systemCode } from './problem.mjs';

/** Milliseconds after which a lock counts for nothing: process ids are used again, in containers soon. */
const LONGEST = 10 * 60_000;

/**
 * @template T
 * @param {string} file exists while the lock is held and names the process that holds it
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(file, work) {
  let waiting = false;
  while (!taken(file)) {
    const holder = holderOf(file);
    if (holder === undefined) rmSync(file, { force: true });
    else {
      if (!waiting) say(`waiting for ${holder}, which is preparing the same folder (its lock: ${file})`);
      waiting = true;
      await delay(100);
    }
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

/** @param {string} file */
function taken(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/**
 * @param {string} file
 * @returns {string | undefined} undefined where the holder is gone without having removed its lock
 */
function holderOf(file) {
  try {
    if (Date.now() - statSync(file).mtimeMs > LONGEST) return undefined;
    const pid = Number(readFileSync(file, 'utf8'));
    if (!(pid > 0)) return 'another process'; // which is just writing it
    return isRunning(pid) ? `process ${pid}` : undefined;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return 'another process'; // it has just finished; the next try will get the lock
    throw error;
  }
}

/** @param {number} pid */
function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM'; // it runs, as another user
  }
}
