// Builds packages through turbo's cache; prints nothing when all is well.
import { readdirSync, existsSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runQuietly } from '../bootstrap/programs.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/**
 * @param {string} [filter] as turbo's --filter; without one, everything
 * @returns {Promise<boolean>} whether it worked; if not, the compiler's words are on stderr
 */
export async function build(filter) {
  removeStaleOutput();
  const args = ['run', 'build', '--output-logs=errors-only', ...(filter === undefined ? [] : [`--filter=${filter}`])];
  const { code, output } = await runQuietly('turbo', args, { cwd: root });
  if (code !== 0) process.stderr.write(`${output}\nThe build failed.\n`);
  return code === 0;
}

/** `tsc -b` and turbo both leave what came from a deleted source; it would be packed and published. */
function removeStaleOutput() {
  for (const folder of ['packages', 'apps']) {
    for (const name of readdirSync(join(root, folder))) {
      const dist = join(root, folder, name, 'dist');
      if (!existsSync(dist)) continue;
      for (const path of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
        const source = /^(.+?)(\.d\.ts|\.js)(\.map)?$/.exec(path)?.[1];
        if (source !== undefined && !existsSync(join(root, folder, name, 'src', `${source}.ts`))) {
          rmSync(join(dist, path));
        }
      }
    }
  }
}
