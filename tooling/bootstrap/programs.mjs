// Starting other programs, on POSIX systems and on Windows.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { Problem, systemCode } from './problem.mjs';

const parent = process.ppid;

/** npm runs scripts in a shell. A signal to npm ends that shell, and tells us nothing but that our parent is gone. */
const underNpm = () => process.env['npm_lifecycle_event'] !== undefined;

/** @typedef {{ cwd?: string, env?: NodeJS.ProcessEnv }} Where */

/**
 * Runs a program with this terminal and passes signals on to it, so that stopping us stops it and nothing is orphaned.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {Where} [where]
 * @returns {Promise<number>} its exit code; 128 and the signal's number where a signal ended it
 */
export async function runInForeground(command, args, where = {}) {
  const child = start(command, args, { ...where, stdio: 'inherit' });
  const pass = (/** @type {NodeJS.Signals} */ signal) => {
    // Ctrl-C in a terminal reaches the whole group already; twice means "at once" to many programs.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  };
  const signals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);
  for (const signal of signals) process.on(signal, pass);
  const watch = underNpm() ? setInterval(() => process.ppid === parent || child.kill(), 500).unref() : undefined;
  try {
    return exitCode(await ended(child, command));
  } finally {
    clearInterval(watch);
    for (const signal of signals) process.off(signal, pass);
  }
}

/**
 * Runs a program without input and keeps what it prints.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {Where} [where]
 * @returns {Promise<{ code: number, output: string }>} `output`: stdout and stderr as they came
 */
export async function runQuietly(command, args, where = {}) {
  const child = start(command, args, { ...where, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  return { code: exitCode(await ended(child, command)), output };
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnOptions} options
 */
function start(command, args, options) {
  // On Windows the programs in node_modules/.bin are .cmd files, which only a shell starts.
  if (process.platform !== 'win32' || /^(node|pnpm)$|\.exe$/i.test(command)) return spawn(command, args, options);
  return spawn([command, ...args].map(quotedForCmd).join(' '), { ...options, shell: true });
}

/** @param {string} argument */
function quotedForCmd(argument) {
  return /^[\w./:=@+,-]+$/.test(argument) ? argument : `"${argument.replaceAll('"', '""')}"`;
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @param {string} command
 * @returns {Promise<[number | null, NodeJS.Signals | null]>}
 */
async function ended(child, command) {
  try {
    return /** @type {[number | null, NodeJS.Signals | null]} */ (await once(child, 'close'));
  } catch (error) {
    const missing = ['ENOENT', 'EACCES'].includes(systemCode(error)); // EACCES also for a folder of the PATH
    throw new Problem(`cannot run ${command}: ${missing ? 'there is no such program' : String(error)}`);
  }
}

/** @param {[number | null, NodeJS.Signals | null]} end */
function exitCode([code, signal]) {
  return code ?? 128 + constants.signals[signal ?? 'SIGTERM'];
}
