// Errors of core as code written for nodemailer reads them: the fields it knows, added to the error itself.
import {
  AuthenticationError,
  type ErrorCode,
  InputError,
  MailError,
  type Reply,
  ReplyError,
  replyText,
  type Stage,
} from '@mailgrant/core';

/** What nodemailer's errors carry beside a message. */
export interface NodemailerErrorFields {
  /** The code nodemailer has for this; `code` is Mailgrant's own. */
  nodemailerCode: string;
  /** The command that was under way, as nodemailer names it: `MAIL FROM`, `RCPT TO`, `DATA`, `AUTH XOAUTH2`, `CONN`, `API`. */
  command: string;
  /** The server's reply in one line, where the server said no. */
  response?: string;
  /** The reply's code. */
  responseCode?: number;
  /** Whether the same would be refused again. */
  permanent?: boolean;
  /** Addresses the server took nothing for, where that is what went wrong. */
  rejected?: string[];
  /** An error for each of them. */
  rejectedErrors?: RecipientError[];
}

/** The server refused one recipient. */
export type RecipientError = ReplyError & NodemailerErrorFields & { recipient: string };

/** Where nodemailer has a nearer word than for the family. */
const NODEMAILER_CODES: Readonly<Partial<Record<ErrorCode, string>>> = {
  ERR_INPUT_ADDRESS: 'EENVELOPE',
  ERR_INPUT_MESSAGE: 'EMESSAGE',
  ERR_INPUT_TOKEN: 'EAUTH',
  ERR_SMTP_SENDER_REFUSED: 'EENVELOPE',
  ERR_SMTP_RECIPIENTS_REFUSED: 'EENVELOPE',
  ERR_SMTP_RECIPIENT_LIMIT: 'EENVELOPE',
  ERR_SMTP_MESSAGE_REFUSED: 'EMESSAGE',
  ERR_SMTP_AUTH_REFUSED: 'EAUTH',
  ERR_SMTP_STARTTLS_NOT_OFFERED: 'ETLS',
  ERR_SMTP_AUTH_NOT_OFFERED: 'EAUTH',
  ERR_SMTP_8BITMIME_NOT_OFFERED: 'EMESSAGE',
  ERR_SMTP_SMTPUTF8_NOT_OFFERED: 'EENVELOPE',
  ERR_SMTP_SIZE_EXCEEDED: 'EMESSAGE',
  ERR_SMTP_REQUIRETLS_NOT_OFFERED: 'EREQUIRETLS',
  ERR_SMTP_CONNECT: 'ESOCKET',
  ERR_SMTP_TLS: 'ETLS',
  ERR_SMTP_CLOSED: 'ECONNECTION',
  ERR_SMTP_TIMEOUT: 'ETIMEDOUT',
  ERR_SMTP_DEADLINE: 'ETIMEDOUT',
  ERR_SMTP_ABORTED: 'EABORT',
  ERR_SMTP_BODY: 'ESTREAM',
  ERR_MAILER_CLOSED: 'ECONNECTION',
};

const FAMILY_CODES = [
  ['ERR_INPUT_', 'ECONFIG'],
  ['ERR_MAIL_', 'ECONFIG'],
  ['ERR_OAUTH_', 'EAUTH'],
  ['ERR_MAILER_', 'EMAXLIMIT'],
  ['ERR_SMTP_', 'EPROTOCOL'],
] as const;

function nodemailerCode(code: ErrorCode): string {
  return NODEMAILER_CODES[code] ?? FAMILY_CODES.find(([family]) => code.startsWith(family))?.[1] ?? 'EPROTOCOL';
}

const COMMANDS: Readonly<Partial<Record<Stage, string>>> = {
  connect: 'CONN',
  tls: 'CONN',
  greeting: 'CONN',
  token: 'AUTH XOAUTH2',
  AUTH: 'AUTH XOAUTH2',
  MAIL: 'MAIL FROM',
  RCPT: 'RCPT TO',
  message: 'DATA',
  queue: 'API',
};

/**
 * Adds nodemailer's fields to an error of core and hands it back: it stays the same object with its class, code and
 * cause. Other errors are left alone.
 */
export function withNodemailerFields<E>(error: E): E {
  if (!(error instanceof MailError || error instanceof InputError)) return error;
  const stage = (error instanceof MailError && error.stage) || 'queue';
  const fields: NodemailerErrorFields = {
    nodemailerCode: nodemailerCode(error.code),
    command: COMMANDS[stage] ?? stage,
  };
  if (error instanceof AuthenticationError) fields.command = `AUTH ${error.mechanism}`;
  if (error instanceof AuthenticationError || error instanceof ReplyError)
    Object.assign(fields, replyFields(error.reply));
  if (error instanceof ReplyError && error.recipients.length > 0) {
    fields.rejected = error.recipients.map(({ address }) => address);
    fields.rejectedErrors = error.recipients.map(({ address, reply }) => recipientError(address, reply));
  }
  return Object.assign(error, fields);
}

/** What a refused or deferred recipient looks like to nodemailer. */
export function recipientError(recipient: string, reply: Reply): RecipientError {
  return Object.assign(new ReplyError('ERR_SMTP_RECIPIENTS_REFUSED', `RCPT ${recipient}`, reply, { stage: 'RCPT' }), {
    nodemailerCode: 'EENVELOPE',
    command: 'RCPT TO',
    recipient,
    ...replyFields(reply),
  });
}

function replyFields(reply: Reply) {
  return {
    response: replyText(reply),
    responseCode: reply.code,
    // 503 says that the session was in the wrong state, not that the message was bad
    permanent: reply.code >= 500 && reply.code !== 503,
  };
}
