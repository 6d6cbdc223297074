// Text a server chose, made fit for a report.
import { printable } from '../redact.ts';

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Shows control characters, and cuts what is longer than `longest` characters. */
export function tidy(text: string, longest: number): string {
  const shown = printable(
    text
      .slice(0, longest + 1)
      .replaceAll(/\s+/g, ' ')
      .trim(),
  );
  return shown.length > longest ? `${shown.slice(0, longest)}…` : shown;
}

/**
 * Hides what looks like a credential in text that may not have passed a redactor: runs of 24 characters or more without a
 * blank that mix letters and digits. GUIDs, which support asks for, stay.
 */
export function discreet(text: string): string {
  return text.replaceAll(/[A-Za-z0-9~._+=-]{24,}/g, (run) =>
    GUID.test(run) || !/\d/.test(run) || !/[a-z]/i.test(run) ? run : '[redacted]',
  );
}

/** Whether a text is a GUID, as ids in Entra are. */
export function isGuid(text: string): boolean {
  return GUID.test(text);
}
