// Finds secrets in whatever an adapter hands out or prints.
import { inspect } from 'node:util';

const BASE64_OFFSETS = ['', 'x', 'xx'] as const;

/** What stands in base64 for `text`, wherever in the encoded bytes it begins: without the characters its neighbours share. */
const inBase64 = (text: string): string[] =>
  BASE64_OFFSETS.map((before) =>
    Buffer.from(before + text)
      .toString('base64')
      .slice(before === '' ? 0 : 4, -4),
  );

// Every access token is a JWT: two JSON objects in base64url, which begin with {" and so with eyJ.
const JWT = /eyJ[\w-]{10,}\.eyJ[\w-]{10,}/;
const INITIAL_RESPONSE = inBase64('auth=Bearer eyJ');

/** The secret that can be read in `text`, by its kind; `undefined` for none. */
export function spilled(text: string, secrets: readonly string[]): string | undefined {
  if (JWT.test(text)) return 'an access token';
  if (INITIAL_RESPONSE.some((form) => text.includes(form))) return 'an initial response with an access token';
  for (const secret of secrets) {
    const forms = [secret, encodeURIComponent(secret), ...inBase64(secret)];
    if (forms.some((form) => text.includes(form))) return 'the client secret';
  }
  return undefined;
}

/** Everything anybody could print of a value. */
export function printed(value: unknown): string {
  const shown = inspect(value, { depth: 12, showHidden: true, maxStringLength: null, maxArrayLength: null });
  return [shown, String(value), value instanceof Error ? value.stack : '', json(value)].join('\n');
}

function json(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return ''; // a circle: no JSON can be made of it, by nobody
  }
}

const CONSOLE = ['log', 'info', 'warn', 'error', 'debug', 'trace', 'dir'] as const;

/** Runs something and returns all it wrote to the console, the standard streams or as warnings. */
export async function outputOf(run: () => Promise<void>): Promise<string> {
  const written: string[] = [];
  const undo: (() => void)[] = [];
  for (const method of CONSOLE) {
    const original = console[method];
    console[method] = (...values: unknown[]) => void written.push(...values.map(printed));
    undo.push(() => (console[method] = original));
  }
  for (const stream of [process.stdout, process.stderr]) {
    const write = Reflect.get(stream, 'write') as (...values: unknown[]) => boolean;
    const listening = (chunk: unknown, ...rest: unknown[]): boolean => {
      written.push(chunk instanceof Uint8Array ? Buffer.from(chunk).toString('utf8') : String(chunk));
      return write.call(stream, chunk, ...rest);
    };
    Reflect.set(stream, 'write', listening);
    undo.push(() => Reflect.set(stream, 'write', write));
  }
  const warned = (warning: Error): void => void written.push(printed(warning));
  process.on('warning', warned);
  undo.push(() => process.off('warning', warned));
  try {
    await run();
  } finally {
    for (const restore of undo) restore();
  }
  return written.join('\n');
}
