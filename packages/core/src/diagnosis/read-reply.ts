// A reply of whatever origin as code, enhanced status code and one line of text.
import type { Reply } from '../smtp/reply.ts';

/** Exchange's longest replies, diagnostics and all, are about 3 KB. */
const LONGEST = 16_384;

/** A reply read for diagnosis. */
export interface ReadReply {
  /** Three digits. */
  readonly code: number;
  /** As the server wrote it, also where its class contradicts the code. */
  readonly status: string | undefined;
  /** Without codes, in one line. */
  readonly text: string;
}

/** Reads a reply: joins its lines and takes the enhanced status code each of them may begin with out of the text. */
export function readReply({ code, status, lines }: Reply): ReadReply {
  let found = status;
  const texts = lines.map((line) => {
    const match = /^([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)/.exec(line);
    found ??= match?.[1];
    return line.slice(match?.[0].length ?? 0);
  });
  return { code, status: found, text: texts.join(' ').trim().slice(0, LONGEST) };
}

/**
 * Finds a reply in text, such as a line of a log, a bounce or another library's error: `535 5.7.3 …` anywhere, or a reply
 * code at the very start. `undefined` if there is none.
 */
export function parseReplyText(text: string): Reply | undefined {
  const cut = text.slice(0, LONGEST);
  const start = /(?<![\d.])[2-5][0-5]\d[ -](?=[245]\.\d{1,3}\.\d{1,3}(?!\d))/.exec(cut)?.index ?? 0;
  const first = /^([2-5][0-5]\d)(?:[ -]|$)/.exec(cut.slice(start))?.[1];
  if (first === undefined) return undefined;
  const code = Number(first);
  const lines = cut
    .slice(start)
    .split(/\r?\n/)
    .map((line) => (line.startsWith(first) && /^(?:[ -]|$)/.test(line.slice(3)) ? line.slice(4) : line));
  const status = /^([245])\.\d{1,3}\.\d{1,3}(?= |$)/.exec(lines[0] ?? '');
  return { code, status: status?.[1] === first[0] ? status?.[0] : undefined, lines };
}
