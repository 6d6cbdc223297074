// The Message-ID of a message that came finished.

/** The value of the Message-ID field in the header of a finished message (RFC 5322 section 3.6.4), angle brackets included. */
export function messageIdOf(raw: unknown): string | undefined {
  if (typeof raw !== 'string' && !(raw instanceof Uint8Array)) return undefined;
  const start =
    typeof raw === 'string' ? raw.slice(0, LONGEST) : Buffer.from(raw.subarray(0, LONGEST)).toString('latin1');
  const header = start.split(/\r?\n\r?\n/, 1)[0] ?? '';
  return /^message-id:\s*(<[^<>\s]+>)/im.exec(header)?.[1];
}

/** Headers are not longer; of a longer one the beginning is read. */
const LONGEST = 64 * 1024;
