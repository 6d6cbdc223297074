// What Microsoft Entra ID packs into error_description: numbers, words, and the ids its support asks for.
import { discreet, tidy } from './text.ts';

/** An `error_description` of Microsoft Entra ID, taken apart. */
export interface EntraErrorText {
  /** The numbers after AADSTS, each once, in the order of the text. */
  readonly numbers: readonly number[];
  /** The words between number and ids; what looks like a credential is hidden. */
  readonly words: string | undefined;
  /** What Microsoft's support finds the request by. */
  readonly traceId: string | undefined;
  /** What Microsoft's support finds all requests of one sign-in by. */
  readonly correlationId: string | undefined;
  /** As written: `2026-11-20 18:52:07Z`. */
  readonly timestamp: string | undefined;
}

const LONGEST = 16_384;
const MOST_NUMBERS = 10;

/** Takes an `error_description` apart; everything is `undefined` or empty where the text has other forms. */
export function parseEntraError(description: string): EntraErrorText {
  const text = description.slice(0, LONGEST);
  const numbers = new Set<number>();
  for (const [, digits] of text.matchAll(/\bAADSTS(\d{5,8})(?!\d)/g)) {
    if (numbers.size < MOST_NUMBERS) numbers.add(Number(digits));
  }
  const words = text.replace(/^\s*AADSTS\d{5,8}:\s*/, '').split(/(?:Trace ID|Correlation ID|Timestamp):/, 1)[0] ?? '';
  return {
    numbers: [...numbers],
    words: words.trim() === '' ? undefined : discreet(tidy(words, 400)),
    traceId: idAfter('Trace ID', text),
    correlationId: idAfter('Correlation ID', text),
    timestamp: /Timestamp: (\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ)/.exec(text)?.[1],
  };
}

/** Microsoft's page about a number. */
export function aadstsLink(number: number): string {
  return `https://login.microsoftonline.com/error?code=${number}`;
}

function idAfter(label: string, text: string): string | undefined {
  const at = text.indexOf(`${label}: `);
  if (at < 0) return undefined;
  return /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/i.exec(
    text.slice(at + label.length + 2, at + label.length + 40),
  )?.[0];
}
