// A message that was delivered: its exact bytes, its envelope, who sent it and how the conversation went.
import PostalMime from 'postal-mime';
import type { Conversation, ConversationEntry, SmtpSession } from '../exchange/conversation.ts';
import type { Identity } from '../exchange/identity.ts';
import { type Head, type MailAddress, readHead } from './head.ts';

/** The envelope of a transaction (RFC 5321 section 2.3.1), with what became of recipients that were refused. */
export interface MessageEnvelope {
  readonly from: string;
  readonly to: readonly string[];
  readonly refused: readonly { readonly address: string; readonly reply: string }[];
}

export interface MailAttachment {
  /** Empty when the part has none. */
  readonly filename: string;
  readonly mimeType: string;
  readonly disposition: string;
  /** Without angle brackets; empty when the part has none. */
  readonly contentId: string;
  readonly content: Uint8Array;
}

/** The message as a mail program reads it. */
export interface ParsedMail extends Head {
  readonly text: string | undefined;
  readonly html: string | undefined;
  readonly attachments: readonly MailAttachment[];
}

/** What the SMTP server hands over. */
export interface Delivery {
  readonly internalId: string;
  readonly envelope: MessageEnvelope;
  readonly raw: Buffer;
  readonly identity: Identity;
  readonly conversation: Conversation;
}

/** A message in the inbox. */
export interface InboxMessage {
  /** Short id, in the order of arrival. */
  readonly id: string;
  /** Exchange's id, as in the reply to the message. */
  readonly internalId: string;
  /** Epoch milliseconds, by the sandbox's clock. */
  readonly receivedAt: number;
  readonly envelope: MessageEnvelope;
  /** The message exactly as sent, transparency dots taken away. */
  readonly raw: Uint8Array;
  readonly subject: string;
  readonly from: readonly MailAddress[];
  readonly to: readonly MailAddress[];
  readonly messageId: string | undefined;
  /** Judged by the header alone: whether the message is one with parts to keep (`multipart/mixed`) or itself a file. */
  readonly hasAttachments: boolean;
  /** Mailbox and app that authenticated. */
  readonly identity: Identity;
  readonly session: SmtpSession;
  /** The session's set-up and this message's own transaction. */
  readonly conversation: readonly ConversationEntry[];
  /** Round trips the transaction took: MAIL to the last reply. */
  readonly roundTrips: number;
  /** Parses the whole message, once. */
  parse(): Promise<ParsedMail>;
}

/** Makes the inbox message of a delivery. */
export async function createMessage(delivery: Delivery, id: string, receivedAt: number): Promise<InboxMessage> {
  const { internalId, envelope, raw, identity, conversation: session } = delivery;
  const head = await readHead(raw);
  const { transaction } = session;
  const ofTransaction = (entry: ConversationEntry): boolean => entry.transaction === transaction;
  let parsed: Promise<ParsedMail> | undefined;
  return {
    id,
    internalId,
    receivedAt,
    envelope,
    raw,
    subject: head.subject,
    from: head.from,
    to: head.to,
    messageId: head.messageId,
    hasAttachments: /^\s*(?:multipart\/mixed|(?!multipart|text)\w+\/)/i.test(head.contentType),
    identity,
    session,
    get conversation() {
      return session.entries.filter((entry) => entry.transaction === 0 || ofTransaction(entry));
    },
    get roundTrips() {
      const spoken = session.entries.filter((entry) => ofTransaction(entry) && entry.from === 'client');
      return new Set(spoken.map(({ flight }) => flight)).size;
    },
    parse: () => (parsed ??= parseMail(raw, head)),
  };
}

async function parseMail(raw: Buffer, head: Head): Promise<ParsedMail> {
  const { text, html, attachments } = await PostalMime.parse(raw);
  return {
    ...head,
    text,
    html,
    attachments: attachments.map((part) => ({
      filename: part.filename ?? '',
      mimeType: part.mimeType,
      disposition: part.disposition ?? '',
      contentId: (part.contentId ?? '').replace(/^<(.*)>$/, '$1'),
      content: typeof part.content === 'string' ? Buffer.from(part.content) : new Uint8Array(part.content),
    })),
  };
}
