// Folders that look like a user's project, and compilers that users have.
import { execFile } from 'node:child_process';
import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type Member, ROOT } from './workspace.ts';

/** Links a folder; on Windows as a junction, which needs no privilege. */
export function linkFolder(target: string, link: string): void {
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(realpathSync(target), link, 'junction');
}

/** Links what a member of the workspace has installed, ours aside: the very versions it is tested with. */
export function linkInstalled({ path }: Member, names: Iterable<string>, nodeModules: string): void {
  for (const name of names) {
    if (!name.startsWith('@mailgrant/')) {
      linkFolder(join(ROOT, path, 'node_modules', name), join(nodeModules, name));
    }
  }
}

const require = createRequire(import.meta.url);

/** A version of TypeScript by the name it is installed as. */
export type Compiler = 'typescript-5.9' | 'typescript-6.0' | 'typescript';

/**
 * Compiles a project.
 *
 * @param tsconfig written into the folder
 * @returns one string for each line of the compiler's output; none when all is well
 */
export async function compile(folder: string, tsconfig: object, compiler: Compiler = 'typescript'): Promise<string[]> {
  const project = join(folder, `tsconfig.${compiler}.json`);
  writeFileSync(project, JSON.stringify(tsconfig));
  const tsc = join(dirname(require.resolve(`${compiler}/package.json`)), 'bin', 'tsc');
  const output = await new Promise<string>((resolve) => {
    const args = [tsc, '--project', project, '--noEmit', '--pretty', 'false'];
    execFile(process.execPath, args, { cwd: folder }, (error, stdout, stderr) =>
      resolve(error === null ? '' : `${stdout}${stderr}` || error.message),
    );
  });
  return output.split('\n').filter((line) => line.trim() !== '');
}
