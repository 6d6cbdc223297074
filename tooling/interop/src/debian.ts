// Debian's mail servers without installing them: the packages are unpacked into a folder, and a server sees that folder
// as a part of /usr in a mount namespace of its own. Debian does not let two mail servers be installed beside each other,
// an installed one starts a daemon, and none of that is the business of a test.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Where unpacked packages are kept. Not under version control. */
const UNPACKED = fileURLToPath(new URL('../.cache/debian/', import.meta.url));

/** A package for each server; what it depends on is unpacked where this machine lacks it. */
const PACKAGES = ['exim4-daemon-light', 'postfix', 'dovecot-core', 'dovecot-submissiond'];

/** Names that the servers look up, with numbers nobody else has (Debian policy section 9.2.2). */
const USERS = ['Debian-exim', 'postfix', 'postdrop', 'dovecot', 'dovenull'].map((name, i) => ({
  name,
  id: 64_101 + i,
}));

export const isRoot = process.getuid?.() === 0;

/** Whose number a name has inside; who is not root can only be themselves. */
export function idOf(name: string): number {
  return isRoot ? (USERS.find((user) => user.name === name)?.id ?? 65_534) : (process.getuid?.() ?? 0);
}

/** Downloads and unpacks the packages. */
export async function unpackPackages(say: (line: string) => void): Promise<void> {
  if (!existsSync('/usr/bin/apt-get')) throw new Error('--install needs a Debian or Ubuntu system (apt-get)');
  const folder = await mkdtemp(join(tmpdir(), 'mailgrant-interop-packages-'));
  try {
    const wanted = new Set<string>(PACKAGES);
    for (const name of PACKAGES) {
      const { stdout } = await run('apt-get', ['-s', 'install', '--no-install-recommends', name]);
      for (const [, needed = ''] of stdout.matchAll(/^Inst (lib\S+)/gm)) wanted.add(needed);
    }
    await run('apt-get', ['download', ...wanted], { cwd: folder });
    await mkdir(UNPACKED, { recursive: true });
    for (const file of await readdir(folder)) {
      await run('dpkg-deb', ['--extract', join(folder, file), UNPACKED]);
      say(`unpacked ${file.replaceAll('%3a', ':')}`);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Why a program of these packages cannot be run here; `undefined` when it can. */
export async function missingProgram(program: string, { root }: { root: boolean }): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'runs on Linux only';
  if (!existsSync(program) && !existsSync(join(UNPACKED, program))) {
    return 'not here; `npm run interop -- --install` unpacks Debian’s';
  }
  if (root && !isRoot) return 'starts as root only';
  const works = await run('unshare', [...namespace(), 'true']).then(
    () => true,
    () => false,
  );
  return works ? undefined : 'this machine allows no mount namespace (unshare)';
}

export interface Isolated {
  /** Which user to be; without it who we are. */
  readonly as?: string;
  readonly folder: string;
}

/** The command line that runs `command` where the unpacked packages are in their place and the servers' users exist. */
export async function isolated(command: readonly string[], { as, folder }: Isolated): Promise<[string, ...string[]]> {
  const passwd = join(folder, 'passwd');
  const group = join(folder, 'group');
  const users = USERS.map(({ name }) => ({ name, id: idOf(name) }));
  const own = (line: string): boolean => users.some(({ name }) => line.startsWith(`${name}:`));
  const kept = async (file: string): Promise<string> =>
    (await readFile(file, 'utf8'))
      .split('\n')
      .filter((line) => line !== '' && !own(line))
      .join('\n');
  await mkdir(dirname(passwd), { recursive: true });
  const account = ({ name, id }: { name: string; id: number }): string => `${name}:x:${id}:${id}::/:/bin/false\n`;
  await writeFile(passwd, `${await kept('/etc/passwd')}\n${users.map(account).join('')}`);
  await writeFile(group, `${await kept('/etc/group')}\n${users.map(({ name, id }) => `${name}:x:${id}:\n`).join('')}`);
  const overlay = existsSync(UNPACKED) ? `mount -t overlay none -o "lowerdir=$1/usr:/usr" /usr` : 'true';
  const script = `set -e; ${overlay}; mount --bind "$2" /etc/passwd; mount --bind "$3" /etc/group; shift 3; exec "$@"`;
  const id = as === undefined ? undefined : idOf(as);
  // Without new privileges the setuid bit of some of these programs is without effect.
  const drop = ['setpriv', `--reuid=${id}`, `--regid=${id}`, '--clear-groups', '--no-new-privs', '--inh-caps=-all'];
  const inside = id === undefined || !isRoot ? command : [...drop, ...command];
  return ['unshare', ...namespace(), 'sh', '-c', script, 'sh', UNPACKED.replace(/\/$/, ''), passwd, group, ...inside];
}

const namespace = (): string[] => ['--mount', ...(isRoot ? [] : ['--user', '--map-current-user', '--keep-caps'])];
