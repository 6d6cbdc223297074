import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Chunk } from './chunk.ts';

const MB = 1024 * 1024;

/** All chunks of these pieces, each as its command and its data. */
function chunksOf(pieces: readonly Uint8Array[]): { readonly command: string; readonly data: Buffer }[] {
  const chunk = new Chunk();
  const taken: Buffer[] = [];
  for (const piece of pieces) {
    for (let rest = piece; rest.length > 0; rest = rest.subarray(chunk.add(rest))) {
      if (chunk.full) taken.push(Buffer.from(chunk.take()));
    }
  }
  taken.push(Buffer.from(chunk.take(' LAST')));
  return taken.map((bytes) => {
    const end = bytes.indexOf('\r\n') + 2;
    return { command: bytes.toString('latin1', 0, end), data: bytes.subarray(end) };
  });
}

test('property: the data of all chunks are the pieces, each says how many bytes follow, all but the last are full', () => {
  const length = fc.oneof(fc.nat(100), fc.nat(70_000), fc.constantFrom(MB - 1, MB, MB + 1, 3 * MB));
  fc.assert(
    fc.property(fc.array(length, { maxLength: 6 }), (lengths) => {
      const pieces = lengths.map((size, i) => Buffer.alloc(size, `${i}.`));
      const chunks = chunksOf(pieces);
      expect(Buffer.concat(chunks.map(({ data }) => data)).equals(Buffer.concat(pieces))).toBe(true);
      const sizes = chunks.map(({ data }) => data.length);
      expect(chunks.map(({ command }) => command)).toEqual(
        sizes.map((size, i) => `BDAT ${size}${i === sizes.length - 1 ? ' LAST' : ''}\r\n`),
      );
      expect(sizes.slice(0, -1).every((size) => size === MB)).toBe(true);
    }),
    { numRuns: 30 },
  );
});

test('only a message of no bytes ends with an empty chunk', () => {
  expect(chunksOf([]).map(({ command }) => command)).toEqual(['BDAT 0 LAST\r\n']);
  expect(chunksOf([Buffer.alloc(2 * MB)]).map(({ command }) => command)).toEqual([
    `BDAT ${MB}\r\n`,
    `BDAT ${MB} LAST\r\n`,
  ]);
});
