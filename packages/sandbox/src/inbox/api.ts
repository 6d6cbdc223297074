// The inbox over HTTP: JSON, the source, attachments, and events as they happen.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { sendJson } from '../http.ts';
import type { Inbox } from './inbox.ts';
import type { InboxMessage } from './message.ts';

/** A message as the list shows it. */
export const summaryOf = (message: InboxMessage): Record<string, unknown> => ({
  id: message.id,
  internalId: message.internalId,
  receivedAt: new Date(message.receivedAt).toISOString(),
  subject: message.subject,
  from: message.from,
  to: message.to,
  envelope: message.envelope,
  size: message.raw.length,
});

/** Answers a request to /api/…; `false` when it is for somebody else. */
export async function handleApi(
  inbox: Inbox,
  _request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<boolean> {
  if (url.pathname !== '/api/messages') return false;
  sendJson(response, 200, inbox.messages.map(summaryOf));
  return true;
}
