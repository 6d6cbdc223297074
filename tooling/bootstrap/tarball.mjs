// The little of tar that npm's packages need: regular files in 512-byte blocks (POSIX ustar).
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { Problem } from './problem.mjs';

const BLOCK = 512;

/** @param {Uint8Array} bytes @returns {string} as the npm registry and lockfiles write it: `sha512-<base64>` */
export function integrityOf(bytes) {
  return `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
}

/**
 * @param {Uint8Array} tarball gzipped tar
 * @param {string} wanted path below the archive's one top folder, whatever that is called
 * @returns {Promise<Uint8Array | undefined>} the file, or undefined where there is none
 */
export async function fileFromTarball(tarball, wanted) {
  const tar = await promisify(gunzip)(tarball).catch(() => {
    throw new Problem('not a gzipped tar archive, or not all of one');
  });
  for (let at = 0; at + BLOCK <= tar.length;) {
    const field = (/** @type {number} */ from, /** @type {number} */ length) =>
      tar.toString('utf8', at + from, at + from + length).replace(/\0.*$/s, '');
    const size = Number.parseInt(field(124, 12).trim() || '0', 8);
    const start = at + BLOCK;
    if (!(start + size <= tar.length)) throw new Problem('a tar archive that is cut short or not one at all');
    const isFile = field(156, 1) === '0' || field(156, 1) === '';
    const prefix = field(345, 155);
    const name = prefix === '' ? field(0, 100) : `${prefix}/${field(0, 100)}`;
    if (isFile && name.slice(name.indexOf('/') + 1) === wanted) return tar.subarray(start, start + size);
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  return undefined;
}
