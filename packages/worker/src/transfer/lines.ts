// Lines of JSON out of whatever comes in pieces.
import { StoreError } from '../store/store-error.ts';

/** A parsed line; what it holds is looked at where it is used. */
export type Line = Readonly<Record<string, unknown>>;

/**
 * @throws StoreError `ERR_STORE_TRANSFER` for a line that is no object
 */
async function* parseLines(source: AsyncIterable<string | Uint8Array>): AsyncGenerator<Line> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  let number = 0;
  for await (const piece of source) {
    rest += typeof piece === 'string' ? piece : decoder.decode(piece, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const text of lines) {
      number += 1;
      yield parseLine(text, number);
    }
  }
  if (rest.trim() !== '') yield parseLine(rest, number + 1);
}

function parseLine(text: string, number: number): Line {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Line;
  } catch {
    // said below, without the text: it may be somebody's mail
  }
  throw new StoreError(
    'ERR_STORE_TRANSFER',
    `Line ${number} of the export is not a JSON object: it is damaged or cut off.`,
  );
}

/** Lines one by one, with a look at the next. */
export class LineReader {
  readonly #lines: AsyncGenerator<Line>;
  #next: Promise<Line | undefined> | undefined;

  constructor(source: AsyncIterable<string | Uint8Array>) {
    this.#lines = parseLines(source);
  }

  peek(): Promise<Line | undefined> {
    this.#next ??= this.#lines.next().then(({ done, value }) => (done === true ? undefined : value));
    return this.#next;
  }

  /** @returns `undefined` at the end */
  next(): Promise<Line | undefined> {
    const line = this.peek();
    this.#next = undefined;
    return line;
  }
}
