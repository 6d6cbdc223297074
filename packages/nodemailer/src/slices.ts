// Ready content in pieces.
import { LINE } from './base64.ts';

/** Content in a piece: whole lines of base64, as many as fit into the 64 KB that the core writes at a time. */
export const SLICE: number = 832 * LINE;

/** Slices that no character is cut by. */
export function* slicesOf(content: string | Uint8Array): Generator<Buffer, void> {
  for (let at = 0, end = 0; at < content.length; at = end) {
    end = at + SLICE;
    if (typeof content !== 'string') {
      yield Buffer.from(content.buffer, content.byteOffset + at, Math.min(SLICE, content.length - at));
    } else {
      if (/[\ud800-\udbff]/.test(content.charAt(end - 1))) end += 1; // both halves of a character in one slice
      yield Buffer.from(content.slice(at, end));
    }
  }
}
