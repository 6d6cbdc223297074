// Which entry a reply belongs to.
import { type Named, REPLY_CATALOGUE } from './catalogue.ts';
import type { ReplyEntry, ReplyMatch } from './entry.ts';
import type { ReadReply } from './read-reply.ts';

/** The first entry of the catalogue that fits, or `undefined`. Takes time in proportion to the text. */
export function findReplyEntry(reply: ReadReply): Named<ReplyEntry> | undefined {
  const text = reply.text.toLowerCase();
  return REPLY_CATALOGUE.find((entry) => entry.match.some((match) => fits(match, reply, text)));
}

function fits({ code, status, words = '' }: ReplyMatch, reply: ReadReply, text: string): boolean {
  if (code !== undefined && !code.includes(reply.code)) return false;
  if (status !== undefined) {
    const written = reply.status;
    if (written === undefined || !status.some((pattern) => hasStatus(pattern, written))) return false;
    // Where both disagree the code decides (RFC 3463 section 2); an entry that names no code cannot know.
    if (code === undefined && written[0] !== String(reply.code)[0]) return false;
  }
  return text.includes(words);
}

function hasStatus(pattern: string, status: string): boolean {
  const [first = '', last] = pattern.split('-');
  if (last === undefined) return status === first;
  const dot = first.lastIndexOf('.');
  const detail = Number(status.slice(dot + 1));
  return status.startsWith(first.slice(0, dot + 1)) && detail >= Number(first.slice(dot + 1)) && detail <= Number(last);
}
