// As much of DER (X.690) as it takes to walk through a PFX. Pure; every length is checked against what there is.

/** One value: its tag, what is in it, and all of its bytes. */
export interface Der {
  readonly tag: number;
  readonly value: Uint8Array;
  readonly raw: Uint8Array;
}

const INTEGER = 0x02;
const OCTET_STRING = 0x04;
const OID = 0x06;
export const SEQUENCE = 0x30;
/** `[0]`, constructed and primitive. */
export const CONTEXT_0 = 0xa0;
const CONTEXT_0_PRIMITIVE = 0x80;

export class DerError extends Error {}

/** The value at the start of `bytes`. */
export function readDer(bytes: Uint8Array, depth = 0): Der {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined || depth > 32) throw new DerError('cut short');
  let at = 2;
  let length = first;
  if (first === 0x80) return readIndefinite(bytes, tag, depth);
  if (first > 0x80) {
    const octets = first & 0x7f;
    if (octets > 4 || bytes.length < 2 + octets) throw new DerError('cut short');
    length = 0;
    for (; at < 2 + octets; at += 1) length = length * 256 + (bytes[at] ?? 0);
  }
  if (bytes.length < at + length) throw new DerError('cut short');
  return { tag, value: bytes.subarray(at, at + length), raw: bytes.subarray(0, at + length) };
}

/** BER's form without a length, up to two zero bytes: some writers of PFX use it. */
function readIndefinite(bytes: Uint8Array, tag: number, depth: number): Der {
  let at = 2;
  while (!(bytes[at] === 0 && bytes[at + 1] === 0)) at += readDer(bytes.subarray(at), depth + 1).raw.length;
  return { tag, value: bytes.subarray(2, at), raw: bytes.subarray(0, at + 2) };
}

/** The values inside a value, one after the other. */
export function children({ value }: Der): Der[] {
  const found: Der[] = [];
  for (let at = 0; at < value.length;) {
    const child = readDer(value.subarray(at));
    found.push(child);
    at += child.raw.length;
  }
  return found;
}

/** The value, if it is there and what it should be. */
export function need(der: Der | undefined, ...tags: readonly number[]): Der {
  if (der === undefined || !tags.includes(der.tag)) throw new DerError('not what it should be');
  return der;
}

/** An object identifier as dotted numbers. */
export function oidText(der: Der | undefined): string {
  const parts: number[] = [];
  let part = 0;
  for (const byte of need(der, OID).value) {
    part = part * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      if (parts.length === 0)
        parts.push(Math.min(2, Math.floor(part / 40)), part - 40 * Math.min(2, Math.floor(part / 40)));
      else parts.push(part);
      part = 0;
    }
  }
  return parts.join('.');
}

export function integer(der: Der | undefined): number {
  const { value } = need(der, INTEGER);
  if (value.length > 5) throw new DerError('too large a number');
  return value.reduce((sum, byte) => sum * 256 + byte, 0);
}

/** The bytes of an octet string, put together where BER has it in pieces. */
export function octets(der: Der | undefined): Uint8Array {
  const string = need(der, OCTET_STRING, CONTEXT_0_PRIMITIVE, OCTET_STRING | 0x20, CONTEXT_0);
  return string.tag & 0x20 ? Buffer.concat(children(string).map(octets)) : string.value;
}
