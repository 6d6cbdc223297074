// Finds what is left of a secret in a text: any twelve characters of it, as it is, in base64 at any offset, or percent-encoded.
import { inspect } from 'node:util';

const RUN = 12;

/** The run of a secret that can be read in a text, or `undefined`. */
export type LeakFinder = (text: string) => string | undefined;

/** `harmless`: what stands in the same encodings and is no secret, such as the user's name in an initial response. */
export function leakFinder(secrets: readonly string[], harmless: readonly string[] = []): LeakFinder {
  const runs = new Set(secrets.flatMap(formsOf).flatMap(runsOf));
  for (const run of harmless.flatMap(formsOf).flatMap(runsOf)) runs.delete(run);
  return (text) => {
    for (let at = 0; at + RUN <= text.length; at += 1) {
      const run = text.slice(at, at + RUN);
      if (runs.has(run)) return run;
    }
    return undefined;
  };
}

function formsOf(secret: string): string[] {
  const inBase64 = ['', 'x', 'xx'].map((before) =>
    Buffer.from(before + secret)
      .toString('base64')
      .slice(4, -4),
  );
  return [secret, encodeURIComponent(secret), ...inBase64];
}

function runsOf(form: string): string[] {
  return Array.from({ length: Math.max(0, form.length - RUN + 1) }, (_, at) => form.slice(at, at + RUN));
}

/** Everything anybody could print of a value. */
export function printed(value: unknown): string {
  return (
    inspect(value, { depth: 20, showHidden: true, maxStringLength: null, maxArrayLength: null }) + JSON.stringify(value)
  );
}
