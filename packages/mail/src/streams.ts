// Streams in a mail: they can be read once, and a file that was opened for a mail stays open until somebody closes it.
import type { Mail } from '@mailgrant/nodemailer';

/** What content of the mail is to be read from. */
export function streamsOf(mail: Mail): object[] {
  const { text, html, watchHtml, amp, icalEvent, raw, attachments, alternatives } = mail;
  return [text, html, watchHtml, amp, icalEvent, raw, attachments, alternatives].flat().flatMap(streamsIn);
}

function streamsIn(part: unknown): object[] {
  if (typeof part !== 'object' || part === null) return [];
  if ('pipe' in part) return [part];
  const { content, raw } = part as { readonly content?: unknown; readonly raw?: unknown };
  return [...streamsIn(content), ...streamsIn(raw)];
}

/** Closes them. What is no mail has none. */
export function closeStreams(mail: unknown): void {
  if (typeof mail !== 'object' || mail === null) return;
  for (const stream of streamsOf(mail)) {
    if ('destroy' in stream && typeof stream.destroy === 'function') stream.destroy();
  }
}
