// Where an embedded store must not live.
import { expect, test } from 'vitest';
import { networkMountOf, networkTypeOf, refuseNetworkDisk } from '../src/store/network-disk.ts';
import { createDirectory } from './support/embedded.ts';

test.each([
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42 | 0, 'SMB'], // as a number with a sign
  [0x01021997, '9P'],
  [0x65735546, 'FUSE'],
  [0xef53, undefined], // ext4
  [0x58465342, undefined], // XFS
  [0x9123683e, undefined], // btrfs
  [0x794c7630, undefined], // overlayfs
])('Linux calls a file system %i, which is %s', (type, name) => {
  expect(networkTypeOf(type, true)).toBe(name);
});

test('disks of programs and other kernels will do where nothing has to be flushed', () => {
  expect(networkTypeOf(0x65735546, false)).toBeUndefined();
  expect(networkTypeOf(0x6969, false)).toBe('NFS');
});

const MOUNTS = `/dev/disk3s1s1 on / (apfs, sealed, local, read-only, journaled)
devfs on /dev (devfs, local, nobrowse)
/dev/disk3s5 on /System/Volumes/Data (apfs, local, journaled, nobrowse)
//user@nas/share on /Volumes/share (smbfs, nodev, nosuid, mounted by user)
nas:/export on /Volumes/share/deeper (nfs, nodev)
/dev/disk5 on /Volumes/share local (apfs, local)
`;

test.each([
  ['/private/var/mail', undefined],
  ['/Volumes/share', 'smbfs'],
  ['/Volumes/share/mail', 'smbfs'],
  ['/Volumes/share/deeper/mail', 'nfs'],
  ['/Volumes/share local/mail', undefined],
])('on a Mac %s is on %s', (path, type) => {
  expect(networkMountOf(path, MOUNTS)).toBe(type);
});

test('a directory on a disk of this machine is fine', async () => {
  using directory = createDirectory();
  await expect(refuseNetworkDisk(directory.dir, 'process-crash')).resolves.toBeUndefined();
});
