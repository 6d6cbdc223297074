// Writes npm-like packages: gzipped tar archives with one top folder.
import { gzipSync } from 'node:zlib';

export interface Entry {
  readonly path: string;
  readonly content: string;
  /** '0' file (default), '5' folder, 'x' extended header */
  readonly type?: string;
}

export function tarOf(entries: readonly Entry[]): Buffer {
  const blocks = entries.flatMap(({ path, content, type = '0' }) => {
    const body = Buffer.from(content);
    return [header(path, body.length, type), body, Buffer.alloc((512 - (body.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

export function packageOf(entries: readonly Entry[]): Buffer {
  return gzipSync(tarOf(entries.map((entry) => ({ ...entry, path: `package/${entry.path}` }))));
}

function header(path: string, size: number, type: string): Buffer {
  const block = Buffer.alloc(512);
  const cut = path.length > 100 ? path.lastIndexOf('/', 155) : -1;
  block.write(path.slice(cut + 1), 0);
  block.write('0000755\0', 100);
  block.write('0000000\0', 108);
  block.write('0000000\0', 116);
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  block.write('00000000000\0', 136);
  block.write(' '.repeat(8), 148);
  block.write(type, 156);
  block.write('ustar\x0000', 257);
  if (cut > 0) block.write(path.slice(0, cut), 345);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}
