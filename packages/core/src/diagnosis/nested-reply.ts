// A reply within the text of another: "530 5.7.57 Client not authenticated to send mail. Error: 535 5.7.139 …".
import type { ReadReply } from './read-reply.ts';

const NESTED = /(?:\bError: |\breturned:? ['"]?)([45][0-5]\d)[ -]([45]\.\d{1,3}\.\d{1,3})(?!\d)[ -]*/i;

/** The reply quoted in the text of a reply, if there is one. */
export function parseNestedReply(text: string): ReadReply | undefined {
  const match = NESTED.exec(text);
  if (match === null) return undefined;
  return { code: Number(match[1]), status: match[2], text: text.slice(match.index + match[0].length) };
}

/** The innermost reply that agrees with the outer ones on whether the trouble passes; `reply` itself if it quotes none. */
export function innermostReply(reply: ReadReply): ReadReply {
  let current = reply;
  for (let depth = 0; depth < 3; depth += 1) {
    const nested = parseNestedReply(current.text);
    // A server that says "later" about somebody's "never" wants to be asked again.
    if (nested === undefined || String(nested.code)[0] !== String(current.code)[0]) break;
    current = nested;
  }
  return current;
}
