// What the commands share that run a built program: npm run demo, sandbox, bench …
import { runInForeground } from '../bootstrap/programs.mjs';
import { build } from './build-packages.mjs';

/**
 * Builds a member of the workspace with what it needs, and runs its main file with this command's arguments.
 *
 * @param {string} name such as `@mailgrant/sandbox`
 * @param {string} main from the root
 * @param {readonly string[]} [flags] for Node
 * @returns {Promise<number>} the exit code
 */
export async function runBuilt(name, main, flags = ['--enable-source-maps']) {
  return (await build(name)) ? runInForeground('node', [...flags, main, ...process.argv.slice(2)]) : 1;
}
