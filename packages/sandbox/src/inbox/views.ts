// What the API tells: plain JSON, nothing secret in it.
import type { SmtpSession } from '../exchange/conversation.ts';
import type { InboxMessage } from './message.ts';
import { wantsRemoteContent } from './rendered.ts';

type View = Record<string, unknown>;

/** A message as a list shows it. */
export const summaryOf = (message: InboxMessage): View => ({
  id: message.id,
  internalId: message.internalId,
  receivedAt: new Date(message.receivedAt).toISOString(),
  subject: message.subject,
  from: message.from,
  to: message.to,
  envelope: message.envelope,
  size: message.raw.length,
  hasAttachments: message.hasAttachments,
});

/** A message as a whole, its source and its attachments' contents aside. */
export async function detailOf(message: InboxMessage): Promise<View> {
  const mail = await message.parse();
  return {
    ...summaryOf(message),
    messageId: message.messageId,
    date: mail.date,
    cc: mail.cc,
    replyTo: mail.replyTo,
    text: mail.text,
    html: mail.html !== undefined,
    remoteContent: mail.html !== undefined && wantsRemoteContent(mail.html),
    attachments: mail.attachments.map(({ filename, mimeType, disposition, contentId, content }) => ({
      filename,
      mimeType,
      disposition,
      contentId,
      size: content.byteLength,
    })),
    identity: message.identity,
    roundTrips: message.roundTrips,
    session: sessionOf(message.session),
    conversation: message.conversation,
  };
}

/** A session without its lines. */
export const sessionOf = (session: SmtpSession): View => ({
  id: session.id,
  startedAt: new Date(session.startedAt).toISOString(),
  remote: session.remote,
  clientName: session.clientName,
  tls: session.tls,
  identity: session.identity,
  open: session.open,
  roundTrips: session.roundTrips,
  messages: session.entries.filter(({ from, text }) => from === 'server' && text.startsWith('250 2.0.0 OK <')).length,
  refusal: session.entries.findLast(({ from, text }) => from === 'server' && /^[45]\d\d /.test(text))?.text,
});
