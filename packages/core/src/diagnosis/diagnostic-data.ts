// [BeginDiagnosticData]…[EndDiagnosticData]: a trace of the mailbox server, in which blocks of kind 5 are text in hex.
import { discreet, tidy } from './text.ts';

const BEGIN = '[BeginDiagnosticData]';
const END = '[EndDiagnosticData]';
const TEXT_BLOCK = /\b5\.\d{1,7}:([0-9A-Fa-f]{10,2048})(?![0-9A-Fa-f])/g;
const MOST = 20;

/**
 * Decodes the texts in Exchange's diagnostic data, such as `SendAs check failed because AI is null` or the build and host
 * of the server. Empty if there are none. What looks like a credential is hidden: no redactor reads hex.
 */
export function parseDiagnosticData(text: string): readonly string[] {
  const begin = text.indexOf(BEGIN);
  if (begin < 0) return [];
  const end = text.indexOf(END, begin);
  const texts = new Set<string>();
  for (const [, hex = ''] of text.slice(begin, end < 0 ? undefined : end).matchAll(TEXT_BLOCK)) {
    // Four bytes of a number, then the text, closed by a zero byte; what follows it is left over from something else.
    const decoded = Buffer.from(hex.slice(8), 'hex').toString('latin1').split('\0', 1)[0] ?? '';
    if (/^[\x20-\x7e]{3,}$/.test(decoded) && texts.size < MOST) texts.add(discreet(tidy(decoded, 200)));
  }
  return [...texts];
}

/** The text without its diagnostic data, of which a person can read nothing. */
export function withoutDiagnosticData(text: string): string {
  const begin = text.indexOf(BEGIN);
  if (begin < 0) return text;
  const end = text.indexOf(END, begin);
  return `${text.slice(0, begin).trimEnd()} ${end < 0 ? '' : text.slice(end + END.length).trimStart()}`.trim();
}
