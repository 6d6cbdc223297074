// What can go wrong, sorted by what the caller can do about it. docs/errors.md explains every code; a test keeps the two equal.
import type { RecipientResult } from './receipt.ts';
import { type Reply, replyText } from './smtp/reply.ts';

/** Every code an error of this package can carry. */
export const ERROR_CODES = [
  // the caller's mistake: a TypeError, thrown before anything is sent
  'ERR_INPUT_ADDRESS',
  'ERR_INPUT_LINE',
  'ERR_INPUT_MESSAGE',
  'ERR_INPUT_OPTION',
  'ERR_INPUT_TOKEN',
  'ERR_MAIL_CLIENT_UNKNOWN',
  'ERR_MAIL_CLIENT_EXISTS',
  // ReplyError: the server said no
  'ERR_SMTP_SERVICE_REFUSED',
  'ERR_SMTP_SENDER_REFUSED',
  'ERR_SMTP_RECIPIENTS_REFUSED',
  'ERR_SMTP_MESSAGE_REFUSED',
  // AuthenticationError: the server did not accept the access token
  'ERR_SMTP_AUTH_REFUSED',
  // CapabilityError: the server lacks what this session or message needs
  'ERR_SMTP_STARTTLS_NOT_OFFERED',
  'ERR_SMTP_AUTH_NOT_OFFERED',
  'ERR_SMTP_8BITMIME_NOT_OFFERED',
  'ERR_SMTP_BINARYMIME_NOT_OFFERED',
  'ERR_SMTP_SMTPUTF8_NOT_OFFERED',
  'ERR_SMTP_SIZE_EXCEEDED',
  'ERR_SMTP_RECIPIENT_LIMIT',
  'ERR_SMTP_REQUIRETLS_NOT_OFFERED',
  // ProtocolError: the peer broke the rules of SMTP
  'ERR_SMTP_PROTOCOL',
  // ConnectionError: network, TLS, time
  'ERR_SMTP_CONNECT',
  'ERR_SMTP_TLS',
  'ERR_SMTP_CLOSED',
  'ERR_SMTP_TIMEOUT',
  'ERR_SMTP_DEADLINE',
  'ERR_SMTP_ABORTED',
  'ERR_SMTP_BODY',
  'ERR_SMTP_HELD',
  'ERR_MAILER_CLOSED',
  // LimitError: held back on this side
  'ERR_MAILER_DAILY_LIMIT',
  'ERR_MAILER_QUEUE_FULL',
  'ERR_MAILER_SUSPENDED',
  'ERR_MAIL_NOT_ALLOWED',
  'ERR_MAIL_CANCELLED',
  // TokenError: no access token could be had
  'ERR_OAUTH_REFUSED',
  'ERR_OAUTH_UNAVAILABLE',
  'ERR_OAUTH_UNREACHABLE',
  'ERR_OAUTH_TIMEOUT',
  'ERR_OAUTH_MALFORMED',
  'ERR_OAUTH_SOURCE',
  'ERR_OAUTH_NOT_CONNECTED',
  'ERR_OAUTH_WRONG_ACCOUNT',
  'ERR_OAUTH_CALLBACK',
  'ERR_OAUTH_WRONG_TOKEN',
] as const;

/** One of the codes of `ERROR_CODES`; docs/errors.md has causes and remedies of each. */
export type ErrorCode = (typeof ERROR_CODES)[number];
/** The codes of a LimitError. */
export type LimitErrorCode = Extract<
  ErrorCode,
  | 'ERR_MAILER_DAILY_LIMIT'
  | 'ERR_MAILER_QUEUE_FULL'
  | 'ERR_MAILER_SUSPENDED'
  | 'ERR_MAIL_NOT_ALLOWED'
  | 'ERR_MAIL_CANCELLED'
>;
/** The codes of a TypeError: mistakes of the caller. */
export type InputErrorCode = Extract<ErrorCode, `ERR_INPUT_${string}` | `ERR_MAIL_CLIENT_${string}`>;

/** Where in the way of a message something happened. */
export type Stage =
  | 'queue'
  | 'token'
  | 'connect'
  | 'tls'
  | 'greeting'
  | 'EHLO'
  | 'STARTTLS'
  | 'AUTH'
  | 'MAIL'
  | 'RCPT'
  | 'DATA'
  | 'message'
  | 'RSET'
  | 'NOOP'
  | 'QUIT';

/** What an error may know besides its code. */
export interface MailErrorFacts {
  /** The error underneath. */
  readonly cause?: unknown;
  /** Where it happened. */
  readonly stage?: Stage;
  /** Whether a copy may be on its way. Default `false`. */
  readonly mayHaveBeenSent?: boolean;
}

/** What the error classes of this package have in common. */
export abstract class MailError extends Error {
  /** What happened; stable. */
  readonly code: ErrorCode;
  /** How far the message had come; `undefined` where that cannot be said. */
  readonly stage: Stage | undefined;
  /**
   * `true` when the end of the message had left before the error and the server's answer to it did not arrive
   * (RFC 5321 section 4.5.3.2.6): sending again may deliver it twice.
   */
  readonly mayHaveBeenSent: boolean;

  constructor(code: ErrorCode, message: string, { cause, stage, mayHaveBeenSent = false }: MailErrorFacts = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.stage = stage;
    this.mayHaveBeenSent = mayHaveBeenSent;
  }
}

/** The server refused; the connection is fine. `reply` is its whole answer. */
export class ReplyError extends MailError {
  override readonly name = 'ReplyError';
  /**
   * The server's whole answer; where several recipients were refused, that to the first one put off, if there is one,
   * else that to the first.
   */
  readonly reply: Reply;
  /** The answers to those that were refused or put off, where the recipients were what the server refused. */
  readonly recipients: readonly RecipientResult[];

  constructor(
    code: ErrorCode,
    doing: string,
    reply: Reply,
    { recipients = [], ...facts }: MailErrorFacts & { readonly recipients?: readonly RecipientResult[] } = {},
  ) {
    super(code, `${doing}: ${replyText(reply)}`, facts);
    this.reply = reply;
    this.recipients = recipients;
  }
}

/** The server did not accept the access token (RFC 4954 section 6). */
export class AuthenticationError extends MailError {
  override readonly name = 'AuthenticationError';
  /** `XOAUTH2` or `OAUTHBEARER`. */
  readonly mechanism: string;
  /** The server's whole answer to AUTH. */
  readonly reply: Reply;
  /** What the server said in its error challenge, decoded (for XOAUTH2 a JSON text), where it sent one. */
  readonly challenge: string | undefined;
  /** `false`: the server refused before it had seen the token, which is none the worse for it. */
  readonly tokenSent: boolean;

  constructor(
    mechanism: string,
    reply: Reply,
    facts: MailErrorFacts & { readonly challenge?: string | undefined; readonly tokenSent?: boolean } = {},
  ) {
    super('ERR_SMTP_AUTH_REFUSED', `AUTH ${mechanism}: ${replyText(reply)}`, { stage: 'AUTH', ...facts });
    this.mechanism = mechanism;
    this.reply = reply;
    this.challenge = facts.challenge;
    this.tokenSent = facts.tokenSent ?? true;
  }
}

/** The server does not offer something this session or message cannot do without. It has accepted nothing. */
export class CapabilityError extends MailError {
  override readonly name = 'CapabilityError';
}

/** The peer broke the rules of the protocol; the connection was dropped. */
export class ProtocolError extends MailError {
  override readonly name = 'ProtocolError';

  constructor(message: string, facts: MailErrorFacts = {}) {
    super('ERR_SMTP_PROTOCOL', message, facts);
  }
}

/** The network, TLS or time came between. */
export class ConnectionError extends MailError {
  override readonly name = 'ConnectionError';
}

/** Held back on this side before anything was sent: to keep a limit, to leave a mailbox in peace, by a rule of the application. */
export class LimitError extends MailError {
  override readonly name = 'LimitError';
  /** Milliseconds after which it may work; `undefined` where that depends on other messages or on people. */
  readonly retryAfter: number | undefined;

  constructor(
    code: LimitErrorCode,
    message: string,
    { retryAfter, ...facts }: MailErrorFacts & { readonly retryAfter?: number | undefined } = {},
  ) {
    super(code, message, { stage: 'queue', ...facts });
    this.retryAfter = retryAfter;
  }
}

/** Milliseconds: no endpoint may switch us off for longer. */
const LONGEST_RETRY_AFTER = 3_600_000;

/** What a token error may know besides its code. */
export interface TokenErrorFacts extends MailErrorFacts {
  /** HTTP status of the token endpoint's answer. */
  readonly status?: number | undefined;
  /** OAuth error code (RFC 6749 section 5.2). */
  readonly error?: string | undefined;
  /** Microsoft's second word. */
  readonly suberror?: string | undefined;
  /** The endpoint's own words, without secrets. */
  readonly description?: string | undefined;
  /** Milliseconds the endpoint asked to wait. */
  readonly retryAfter?: number | undefined;
}

/** No access token could be had. Decide by `error` and `status`; `description` is for people (RFC 6749 section 5.2). */
export class TokenError extends MailError {
  override readonly name = 'TokenError';
  /** HTTP status of the token endpoint's answer. */
  readonly status: number | undefined;
  /** OAuth error code such as `invalid_client`. */
  readonly error: string | undefined;
  /** Microsoft's second word, such as `bad_token`. */
  readonly suberror: string | undefined;
  /** The endpoint's own words, secrets removed. */
  readonly description: string | undefined;
  /** Milliseconds the endpoint asked to wait, an hour at most (RFC 9110 section 10.2.3). */
  readonly retryAfter: number | undefined;

  constructor(code: Extract<ErrorCode, `ERR_OAUTH_${string}`>, message: string, facts: TokenErrorFacts = {}) {
    super(code, message, { stage: 'token', ...facts });
    this.status = facts.status;
    this.error = facts.error;
    this.suberror = facts.suberror;
    this.description = facts.description;
    this.retryAfter = facts.retryAfter && Math.min(facts.retryAfter, LONGEST_RETRY_AFTER);
  }
}

/** A mistake of the caller, found before anything was sent. */
export class InputError extends TypeError {
  override readonly name = 'TypeError';
  /** What is wrong; stable. */
  readonly code: InputErrorCode;

  constructor(code: InputErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

const TRANSIENT: ReadonlySet<ErrorCode> = new Set([
  'ERR_SMTP_CONNECT',
  'ERR_SMTP_CLOSED',
  'ERR_SMTP_TIMEOUT',
  'ERR_SMTP_DEADLINE',
  'ERR_SMTP_PROTOCOL',
  'ERR_MAILER_DAILY_LIMIT',
  'ERR_MAILER_QUEUE_FULL',
  'ERR_MAILER_SUSPENDED',
  'ERR_OAUTH_UNAVAILABLE',
  'ERR_OAUTH_UNREACHABLE',
  'ERR_OAUTH_TIMEOUT',
]);

/** Whether the same attempt may succeed later without anybody changing anything. Says nothing of `mayHaveBeenSent`. */
export function isTransient(error: unknown): boolean {
  if (error instanceof ReplyError || error instanceof AuthenticationError) return error.reply.code < 500;
  // More recipients than a whole day allows will be too many tomorrow as well.
  if (error instanceof LimitError && error.code === 'ERR_MAILER_DAILY_LIMIT') return error.retryAfter !== undefined;
  return error instanceof MailError && TRANSIENT.has(error.code);
}

/** Whether the message may have been delivered although `error` was thrown; retrying would then risk a second copy. */
export function mayHaveBeenSent(error: unknown): boolean {
  return error instanceof MailError && error.mayHaveBeenSent;
}

/** The caller's signal ended it. */
export function abortError(signal: AbortSignal | undefined, stage?: Stage): ConnectionError {
  return new ConnectionError('ERR_SMTP_ABORTED', 'aborted by the caller', {
    cause: signal?.reason,
    ...(stage && { stage }),
  });
}
