import { createRequire } from 'node:module';

let known: string | undefined;

/** The version of this package, for nodemailer's debug log. */
export function version(): string {
  return (known ??= read());
}

function read(): string {
  try {
    return (createRequire(import.meta.url)('../package.json') as { version: string }).version;
  } catch {
    return 'bundled'; // in a bundle there is no package.json, and nobody looks this up there
  }
}
