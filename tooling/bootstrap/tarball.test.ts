import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { fileFromTarball, integrityOf } from './tarball.mjs';
import { packageOf, tarOf } from './test/tar.ts';

const text = async (tarball: Uint8Array, path: string) => {
  const file = await fileFromTarball(tarball, path);
  return file === undefined ? undefined : Buffer.from(file).toString();
};

describe('fileFromTarball', () => {
  test('finds a file behind others of every size around a block', async () => {
    for (const size of [0, 1, 511, 512, 513, 1024]) {
      const archive = packageOf([
        { path: 'first', content: 'x'.repeat(size) },
        { path: 'bin/node', content: 'found' },
      ]);
      expect(await text(archive, 'bin/node'), `after ${size} bytes`).toBe('found');
    }
  });

  test('does not care what the top folder is called', async () => {
    expect(await text(gzipSync(tarOf([{ path: 'node-26/bin/node', content: 'found' }])), 'bin/node')).toBe('found');
  });

  test('takes the whole path into account, also a long one', async () => {
    const long = `${'folder/'.repeat(20)}node`;
    const archive = packageOf([
      { path: 'other/bin/node', content: 'wrong' },
      { path: long, content: 'long' },
    ]);
    expect(await text(archive, 'bin/node')).toBeUndefined();
    expect(await text(archive, long)).toBe('long');
  });

  test('takes files only', async () => {
    const archive = packageOf([
      { path: 'bin/node', content: '', type: '5' },
      { path: 'bin/node', content: 'header', type: 'x' },
      { path: 'bin/node', content: 'file' },
    ]);
    expect(await text(archive, 'bin/node')).toBe('file');
  });

  test('refuses what is cut short or no archive', async () => {
    const tar = tarOf([{ path: 'package/bin/node', content: 'x'.repeat(2000) }]);
    await expect(fileFromTarball(gzipSync(tar.subarray(0, 1500)), 'bin/node')).rejects.toThrow(/cut short/);
    await expect(fileFromTarball(gzipSync(tar).subarray(0, 60), 'bin/node')).rejects.toThrow(/gzip/);
    await expect(fileFromTarball(Buffer.from('<html>'), 'bin/node')).rejects.toThrow(/gzip/);
    await expect(fileFromTarball(gzipSync('<html>'.repeat(200)), 'bin/node')).rejects.toThrow(/not one at all/);
  });
});

test('integrityOf writes a hash as lockfiles do', () => {
  expect(integrityOf(Buffer.from('abc'))).toBe(
    'sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==',
  );
});
