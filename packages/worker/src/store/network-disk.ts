// Where the embedded store must not live: on disks whose locks and flushes are somebody else's promise.
import { execFile } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import { promisify } from 'node:util';
import { StoreError } from './store-error.ts';

/** Linux's numbers for file systems (statfs(2)) that are other machines'. */
const NETWORK_TYPES: Readonly<Record<number, string>> = {
  0x00006969: 'NFS',
  0x0000517b: 'SMB',
  0xff534d42: 'CIFS',
  0xfe534d42: 'SMB',
  0x0000564c: 'NCP',
  0x01161970: 'GFS2',
  0x00c36400: 'Ceph',
  0x0bd00bd0: 'Lustre',
  0x19830326: 'BeeGFS',
  0x47504653: 'GPFS',
  0x5346414f: 'AFS',
  0x6b414653: 'AFS',
  0x73757245: 'Coda',
  0x7461636f: 'OCFS2',
};

/** And for those that are a program's or another kernel's, which may keep its word or not: containers, virtual machines. */
const FOREIGN_TYPES: Readonly<Record<number, string>> = {
  0x01021997: '9P',
  0x65735546: 'FUSE',
  0x786f4256: 'VirtualBox shared folder',
  0xbacbacbc: 'VMware shared folder',
};

/** The name of a network file system by Linux's number for it; `flushed`: only what surely flushes will do. */
export const networkTypeOf = (type: number, flushed: boolean): string | undefined =>
  NETWORK_TYPES[type >>> 0] ?? (flushed ? FOREIGN_TYPES[type >>> 0] : undefined);

/** What macOS's `mount` says of the file system that holds a path: `//server/share on /Volumes/share (smbfs, nodev)`. */
export function networkMountOf(path: string, mounts: string): string | undefined {
  const found = [...mounts.matchAll(/^.* on (\/.*) \((\w+)[,)]/gm)]
    .map(([, at = '', type = '']) => ({ at, type }))
    .filter(({ at }) => at === '/' || path === at || path.startsWith(`${at}/`))
    .toSorted((a, b) => b.at.length - a.at.length)[0];
  return found !== undefined && /^(nfs|smbfs|afpfs|webdav|ftp|osxfuse|macfuse|fusefs|9p)$/.test(found.type)
    ? found.type
    : undefined;
}

/**
 * Refuses directories on network file systems, and where flushes count, on those of other programs and kernels.
 *
 * @throws StoreError `ERR_STORE_NETWORK_DISK`
 */
export async function refuseNetworkDisk(dir: string, durability: 'power-loss' | 'process-crash'): Promise<void> {
  const type = await networkType(dir, durability === 'power-loss');
  if (type === undefined) return;
  throw new StoreError(
    'ERR_STORE_NETWORK_DISK',
    `The store in ${dir} is on a file system (${type}) whose locks and flushes cannot be relied on. Use a local disk (in ` +
      'containers a volume instead of a folder of the host), or keep the mail in PostgreSQL.',
  );
}

async function networkType(dir: string, flushed: boolean): Promise<string | undefined> {
  if (process.platform === 'linux') return networkTypeOf((await statfs(dir)).type, flushed);
  if (process.platform === 'win32') return dir.startsWith('\\\\') ? 'network share' : undefined;
  if (process.platform !== 'darwin') return undefined;
  const { stdout } = await promisify(execFile)('/sbin/mount', []);
  return networkMountOf(dir, stdout);
}
