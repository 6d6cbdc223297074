// Runs a command inside the toolchain of this repository:
//   node tooling/bootstrap/run.mjs <command> [arguments…]
// Needs Node 18 or later with npm, nothing else. See docs/decisions/0002-fresh-machine.md.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Problem, say } from './problem.mjs';
import { runInForeground } from './programs.mjs';
import { explained } from './reasons.mjs';
import { readyToolchain } from './toolchain.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const [command, ...args] = process.argv.slice(2);

try {
  // pnpm itself comes to change what is installed; installing the old state first would be in its way.
  const env = await readyToolchain(root, { installed: command !== 'pnpm' });
  if (command !== undefined) process.exitCode = await runInForeground(command, args, { cwd: root, env });
} catch (error) {
  const problem = explained(error);
  if (!(problem instanceof Problem)) throw error;
  if (problem.output !== '') process.stderr.write(`${problem.output}\n\n`);
  say(problem.message);
  process.exitCode = 1;
}
