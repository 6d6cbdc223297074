// A mail that a fake client has "sent", with what tests look at.
import type { Mail } from '@mailgrant/nodemailer';

export interface FakeSentMail {
  /** The mail as it was composed: with defaults, staging rules and the hook's changes in it. */
  readonly mail: Mail;
  /** The name given to `defineMail()`, where the mail was made with it. */
  readonly template: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly messageId: string | undefined;
  /** Address of the envelope. */
  readonly from: string;
  /** Everybody it went to, `cc` and `bcc` included: bare addresses. */
  readonly to: readonly string[];
  readonly subject: string | undefined;
  /** Where it is text; made of `html` if the mail brought none. */
  readonly text: string | undefined;
  readonly html: string | undefined;
  /** The names of the attachments. */
  readonly attachments: readonly string[];
  /** The whole message, as it would have gone to the server. */
  readonly source: string;
}

/** What can be read of the mail object without composing it. */
export function readableParts(mail: Mail): Pick<FakeSentMail, 'mail' | 'subject' | 'text' | 'html' | 'attachments'> {
  return {
    mail,
    subject: mail.subject,
    text: textOfPart(mail.text),
    html: textOfPart(mail.html),
    attachments: [mail.attachments ?? []].flat().map((each) => String(each.filename || each.path || '')),
  };
}

function textOfPart(part: unknown): string | undefined {
  const content = typeof part === 'object' && part !== null && 'content' in part ? part.content : part;
  if (typeof content === 'string') return content;
  return content instanceof Uint8Array ? Buffer.from(content).toString() : undefined;
}
