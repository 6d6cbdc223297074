// JSON that carries bytes and dates, for what goes over the local socket.

const BYTES = '$bytes';
const DATE = '$date';
/** Something that itself looks like one of the two, wrapped. */
const PLAIN = '$plain';

/** What of a mail is read here, because the other side cannot: streams. */
export async function collectStreams(value: unknown): Promise<unknown> {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || value instanceof Date) return value;
  if (Symbol.asyncIterator in value) {
    const pieces: Uint8Array[] = [];
    for await (const piece of value as AsyncIterable<string | Uint8Array>) {
      pieces.push(typeof piece === 'string' ? Buffer.from(piece) : piece);
    }
    return Buffer.concat(pieces);
  }
  if (Array.isArray(value)) return Promise.all(value.map(collectStreams));
  const entries = Object.entries(value).map(async ([key, each]) => [key, await collectStreams(each)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

export function encode(value: unknown): string {
  return JSON.stringify(toJson(value)) ?? 'null';
}

export function decode(text: string): unknown {
  return fromJson(JSON.parse(text) as unknown);
}

function toJson(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) {
    return { [BYTES]: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') };
  }
  if (value instanceof Date) return { [DATE]: value.getTime() };
  if (Array.isArray(value)) return value.map(toJson);
  const plain = Object.fromEntries(Object.entries(value).map(([key, each]) => [key, toJson(each)]));
  return BYTES in plain || DATE in plain || PLAIN in plain ? { [PLAIN]: Object.entries(plain) } : plain;
}

function fromJson(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(fromJson);
  const { [BYTES]: bytes, [DATE]: date, [PLAIN]: plain } = value as Record<string, unknown>;
  if (typeof bytes === 'string') return Buffer.from(bytes, 'base64');
  if (typeof date === 'number') return new Date(date);
  const entries = Array.isArray(plain) ? (plain as [string, unknown][]) : Object.entries(value);
  return Object.fromEntries(entries.map(([key, each]) => [key, fromJson(each)]));
}
