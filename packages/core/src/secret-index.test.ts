import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RUN, type SecretIndex, findRuns, indexForms } from './secret-index.ts';

/** As random as a token is, the same in each run. */
const random = (length: number): string =>
  Array.from({ length: Math.ceil(length / 86) }, (_, i) => createHash('sha512').update(`${i}`).digest('base64url'))
    .join('')
    .slice(0, length);

/** Bytes it holds on to. */
const sizeOf = ({ forms, filter, first, next, formOf, startOf }: SecretIndex): number =>
  forms.join('').length + [filter, first, next, formOf, startOf].reduce((sum, { byteLength }) => sum + byteLength, 0);

/** Every run there is, found by comparing everything with everything. */
function naiveRuns(forms: readonly string[], text: string): string[] {
  const found = new Set<string>();
  for (const form of forms) {
    for (let start = 0; start + RUN <= form.length; start += 1) {
      const run = form.slice(start, start + RUN);
      for (let at = text.indexOf(run); at >= 0; at = text.indexOf(run, at + 1)) found.add(`${at}`);
    }
  }
  return [...found].toSorted();
}

const covered = (runs: readonly [number, number][]): string[] =>
  [
    ...new Set(runs.flatMap(([from, to]) => Array.from({ length: to - from - RUN + 1 }, (_, i) => `${from + i}`))),
  ].toSorted();

test('property: finds every run of the forms, and nothing else', () => {
  const form = fc.oneof(
    fc.string({ unit: fc.constantFrom('a', 'b', '0', '1'), minLength: RUN, maxLength: 40 }),
    fc.constantFrom('a'.repeat(50), 'ab'.repeat(30), random(60)),
  );
  const piece = fc.tuple(form, fc.nat(30), fc.nat(30)).map(([whole, from, length]) => whole.slice(from, from + length));
  fc.assert(
    fc.property(fc.array(form, { minLength: 1, maxLength: 3 }), fc.array(piece, { maxLength: 5 }), (forms, pieces) => {
      const text = pieces.join('#');
      const index = indexForms(forms);
      expect(covered(findRuns(index, text))).toEqual(naiveRuns(forms, text));
    }),
  );
});

describe('the index', () => {
  test('of an access token and what is made of it takes less than 128 KB, for every connection has one', () => {
    // A token of 1.8 KB, its base64 at three offsets, and the same of the initial response made of it.
    const forms = [1_800, 2_400, 2_400, 2_400, 2_500, 3_300, 3_300, 3_300].map((length) =>
      random(length).toLowerCase(),
    );
    expect(sizeOf(indexForms(forms))).toBeLessThan(128 * 1024);
  });

  test('of a secret that repeats itself has few blocks to walk along', () => {
    const { startOf } = indexForms(['ab'.repeat(5_000)]);
    expect([...startOf].filter((start) => start > 0).length).toBeLessThan(10);
  });
});
