// Where runs of secrets stand in a text, found in one pass with a rolling hash (Rabin and Karp). Every connection has such an
// index of its token and of what is made of it, so it is small: see secret-index.test.ts.

/** A run of this many characters of a secret is worth finding; fewer occur by chance. */
export const RUN = 12;
/** Any run of RUN characters holds a whole block of this size that starts at a multiple of it. */
export const BLOCK = 6;
/** Bits, two for each block: fewer than one in two hundred places of a text meet those of a token by chance. 16 KB stay in a cache. */
const FILTER = 2 ** 17;
/** Lists of blocks, one for each value of a part of the hash. */
const LISTS = 2 ** 12;

/** The blocks of all forms a secret may take. */
export interface SecretIndex {
  /** Of RUN characters or more. */
  readonly forms: readonly string[];
  /** Which hashes the blocks have: at most places of most texts this alone says that there is nothing. */
  readonly filter: Uint8Array;
  /** The first block of each list; -1: none. */
  readonly first: Int32Array;
  /** The block behind each in its list; -1: none. */
  readonly next: Int32Array;
  /** Of each block: its form, and where it starts there. */
  readonly formOf: Uint16Array;
  readonly startOf: Int32Array;
}

export function indexForms(forms: readonly string[]): SecretIndex {
  const count = forms.reduce((sum, form) => sum + Math.floor(form.length / BLOCK), 0);
  const index: SecretIndex = {
    forms,
    filter: new Uint8Array(FILTER / 8),
    first: new Int32Array(LISTS).fill(-1),
    next: new Int32Array(count),
    formOf: new Uint16Array(count),
    startOf: new Int32Array(count),
  };
  let block = 0;
  for (const [number, form] of forms.entries()) {
    for (let start = 0; start + BLOCK <= form.length; start += BLOCK) {
      const hash = hashOf(form, start);
      // A secret that repeats itself must not make a list to walk at every character of a text.
      if (isListed(index, hash, form, start)) continue;
      const list = listOf(hash);
      index.formOf[block] = number;
      index.startOf[block] = start;
      index.next[block] = index.first[list] ?? -1;
      index.first[list] = block++;
      setBit(index.filter, hash);
      setBit(index.filter, otherHash(hash));
    }
  }
  return index;
}

/** `false`: no block has this hash. */
export const mayBeBlock = ({ filter }: SecretIndex, hash: number): boolean =>
  hasBit(filter, hash) && hasBit(filter, otherHash(hash));

/** Whether these BLOCK characters, whose hash this is, are a block. */
export function isBlock({ forms, first, next, formOf, startOf }: SecretIndex, hash: number, text: string): boolean {
  for (let block = first[listOf(hash)] ?? -1; block >= 0; block = next[block] ?? -1) {
    if (forms[formOf[block] ?? 0]?.startsWith(text, startOf[block]) === true) return true;
  }
  return false;
}

/** All runs of RUN characters or more; they may touch and overlap. */
export function findRuns(index: SecretIndex, text: string): [from: number, to: number][] {
  const { forms, first, next, formOf, startOf } = index;
  const found: [from: number, to: number][] = [];
  let hash = 0;
  for (let end = 1; end <= text.length; end += 1) {
    const at = end - BLOCK;
    hash = hashNext(hash, text.charCodeAt(end - 1), at > 0 ? text.charCodeAt(at - 1) : 0);
    if (at < 0 || !mayBeBlock(index, hash)) continue;
    for (let block = first[listOf(hash)] ?? -1; block >= 0; block = next[block] ?? -1) {
      const run = runAround(text, at, forms[formOf[block] ?? 0] ?? '', startOf[block] ?? 0);
      if (run !== undefined) found.push(run);
    }
  }
  return found;
}

/** The run around a block that stands at `at` in the text and at `start` in the form; longer ones have other blocks. */
function runAround(text: string, at: number, form: string, start: number): [from: number, to: number] | undefined {
  if (!form.startsWith(text.slice(at, at + BLOCK), start)) return undefined;
  const longest = RUN - 1;
  let before = 0;
  while (before < longest && before < start && before < at && form[start - before - 1] === text[at - before - 1])
    before += 1;
  let after = 0;
  const behind = Math.min(longest, form.length - start - BLOCK, text.length - at - BLOCK);
  while (after < behind && form[start + BLOCK + after] === text[at + BLOCK + after]) after += 1;
  return before + BLOCK + after < RUN ? undefined : [at - before, at + BLOCK + after];
}

/** Whether the same block in the same surroundings is there already. */
function isListed(
  { forms, first, next, formOf, startOf }: SecretIndex,
  hash: number,
  form: string,
  start: number,
): boolean {
  for (let block = first[listOf(hash)] ?? -1; block >= 0; block = next[block] ?? -1) {
    if (areAlike(form, start, forms[formOf[block] ?? 0] ?? '', startOf[block] ?? 0)) return true;
  }
  return false;
}

/** Whether two blocks and what stands around them, as far as runs are looked for, are the same. Makes no strings: thousands are compared. */
function areAlike(a: string, startOfA: number, b: string, startOfB: number): boolean {
  for (let at = 1 - RUN; at < BLOCK + RUN - 1; at += 1) {
    if (codeAt(a, startOfA + at) !== codeAt(b, startOfB + at)) return false;
  }
  return true;
}

/** -1 outside of the text. */
const codeAt = (text: string, at: number): number => (at < 0 || at >= text.length ? -1 : text.charCodeAt(at));

/** The hash of a block that moves on by one character, in 32 bits. */
export function hashNext(hash: number, entering: number, leaving: number): number {
  return (Math.imul(hash, 31) + entering - Math.imul(leaving, 31 ** BLOCK)) | 0;
}

function hashOf(form: string, start: number): number {
  let hash = 0;
  for (let at = start; at < start + BLOCK; at += 1) hash = hashNext(hash, form.charCodeAt(at), 0);
  return hash;
}

/** What two blocks with one hash in the filter seldom share as well. */
const otherHash = (hash: number): number => Math.imul(hash, 0x9e3779b1) >>> 13;

const listOf = (hash: number): number => otherHash(hash) & (LISTS - 1);

function setBit(filter: Uint8Array, hash: number): void {
  const byte = (hash >>> 3) & (FILTER / 8 - 1);
  filter[byte] = (filter[byte] ?? 0) | (1 << (hash & 7));
}

function hasBit(filter: Uint8Array, hash: number): boolean {
  return ((filter[(hash >>> 3) & (FILTER / 8 - 1)] ?? 0) & (1 << (hash & 7))) !== 0;
}
