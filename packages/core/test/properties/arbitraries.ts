// What several properties are made of.
import fc from 'fast-check';
import type { Reply } from '../../src/smtp/reply.ts';

/** Where to cut something of `length`, in order, 0 and `length` included. */
export function edges(length: number, cuts: readonly number[]): number[] {
  const inside = cuts.map((cut) => (length === 0 ? 0 : cut % length)).sort((a, b) => a - b);
  return [0, ...inside, length];
}

/** The pieces that cuts make of bytes; some are empty. */
export function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = edges(bytes.length, cuts);
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
}

export const cuts: fc.Arbitrary<number[]> = fc.array(fc.nat(100_000), { maxLength: 12, size: 'max' });

/** Codes that servers say where they should and where they should not. */
export const code: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(250, 354, 220, 235, 334, 421, 450, 451, 452, 454, 500, 501, 503, 535, 550, 552, 554, 555),
  fc.integer({ min: 200, max: 559 }).filter((each) => each % 100 < 60),
);

/** What servers write behind a code. */
export const replyLine: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom('', 'OK', '2.0.0 OK', '5.1.1 no such user', '4.7.0 try later', '2.0.0 OK <id@host> [Hostname=h]'),
  fc.string({ maxLength: 40, size: 'max' }),
);

/** Text of these characters, each as likely as the others. */
export const textOf = (characters: string, constraints: fc.StringConstraints): fc.Arbitrary<string> =>
  fc.string({ size: 'max', ...constraints, unit: fc.constantFrom(...Array.from(characters)) });

export const answer = (number: number, ...lines: string[]): Reply => ({
  code: number,
  status: undefined,
  lines: lines.length > 0 ? lines : [''],
});

/** CR, LF and their kin, and what JavaScript and others take for a line end. */
// oxlint-disable-next-line no-control-regex -- control characters are what this looks for
export const LINE_BREAKS = /[\x00\n\r\x0b\x0c\x85\u2028\u2029]/;
// oxlint-disable-next-line no-control-regex -- control characters are what this looks for
export const CONTROLS = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]/;
