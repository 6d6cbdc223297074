// What Exchange Online says, word for word where a public transcript has it (2026-11); README.md tells which are from where.
import { randomBytes } from 'node:crypto';
import type { RepeatedError } from './traffic.ts';

const FRONT_END = 'AM0SB01CA0001';
const BACK_END = 'AM8SB01MB0001';
const SITE = 'eursb01.prod.outlook.com';

/** The names in the greeting and in EHLO. */
export const HOSTS: { readonly exchange: string; readonly hve: string } = {
  exchange: `${FRONT_END}.outlook.office365.com`,
  hve: `${FRONT_END}.smtp.hve.mx.microsoft`,
};
const frontEnd = `${FRONT_END}.${SITE}`;
const backEnd = `${BACK_END}.${SITE}`;

/** Exchange's id of a connection, in the trailer of its refusals: 16 hexadecimal digits that begin with `08`. */
export const newSessionId = (): string => `08${randomBytes(7).toString('hex').toUpperCase()}`;

/** Exchange's id of a message, what an administrator's message trace wants. */
export const newInternalId = (): string => `${BACK_END}${randomBytes(13).toString('hex').toUpperCase()}@${backEnd}`;

const diagnostic = (text: string): string =>
  `5.33852:00000000${Buffer.from(`${text}\0`).toString('hex').toUpperCase()}`;

/** Refusals that end with `[server time session]`. */
export class Refusals {
  readonly #trailer: () => string;

  constructor(sessionId: string, now: () => number) {
    this.#trailer = () => `[${frontEnd} ${new Date(now()).toISOString()} ${sessionId}]`;
  }

  readonly #with = (text: string): string => `${text} ${this.#trailer()}`;

  /** `[server time session]`, filled in. */
  readonly trailer = (): string => this.#trailer();

  startTlsRequired = (): string => this.#with('451 5.7.3 STARTTLS is required to send mail');
  notAuthenticated = (): string =>
    this.#with('530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM');
  unknownMechanism = (): string => this.#with('504 5.7.4 Unrecognized authentication type');
  authenticationFailed = (): string => this.#with('535 5.7.3 Authentication unsuccessful');
  basicDisabled = (): string =>
    this.#with('535 5.7.139 Authentication unsuccessful, basic authentication is disabled.');
  securityDefaults = (): string =>
    this.#with(
      "535 5.7.139 Authentication unsuccessful, user is locked by your organization's security defaults policy. Contact your administrator.",
    );
  disabledForTenant = (): string => this.#smtpAuthDisabled('Tenant');
  disabledForMailbox = (): string => this.#smtpAuthDisabled('Mailbox');
  readonly #smtpAuthDisabled = (of: string): string =>
    this.#with(
      `535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the ${of}. Visit https://aka.ms/smtp_auth_disabled for more information.`,
    );
  mailboxInaccessible = (): string => this.#with('550 Mailbox cannot be accessed');
  tokenExpiresSoon = (): string => this.#with('535 5.7.142 Token will expire soon');
  tokenExpired = (): string => this.#with('535 5.7.143 Expired token');
  invalidPermissions = (): string => this.#with('535 5.7.144 XOAUTH2 authentication failed. Invalid API permissions.');
  appNotAllowed = (): string =>
    this.#with('550 5.7.240 The application is not allowed for use with this High Volume Email account');
  notAnHveAccount = (): string =>
    this.#with('550 5.2.240 The authenticating identity is not a High Volume Email account');
  billing = (): string => this.#with('550 5.7.1 The High Volume Email account has no valid billing policy');
  malformedXoauth2 = (number: string): string => this.#with(`501 5.5.${number} Invalid XOAUTH2 argument`);
  otherEnvelopeSender = (): string =>
    this.#with('550 5.7.62 MAIL FROM differs from the High Volume Email account that authenticated');
  otherHeaderSender = (): string => this.#with('550 5.6.241 The From header differs from the envelope sender');
  externalRecipient = (): string =>
    this.#with('550 5.7.1 High Volume Email delivers to recipients of the organization only');
  idle = (): string => this.#with('421 4.4.2 Connection timed out');
  sessionTooLong = (milliseconds: number): string =>
    this.#with(
      `421 4.4.1 Connection timed out. Total session duration: ${new Date(milliseconds).toISOString().slice(11, 23)}`,
    );
  unknownFault = (word: string): string =>
    this.#with(`550 5.1.1 The sandbox has no fault ${JSON.stringify(word.slice(0, 80))}`);
  bareLineEnd = (): string =>
    this.#with('550 5.6.11 Invalid characters; the message contains bare carriage returns or line feeds');
  recipientNotFound = (): string =>
    this.#with('550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup');
}

const THROTTLED: Readonly<Record<RepeatedError, string>> = {
  'mailbox full': '5.2.251',
  'send as denied': '5.2.252',
  'invalid license': '5.2.253',
  'too many recipients': '5.2.254',
  'invalid recipients': '5.2.255',
};

/** Replies without a trailer. */
export const replies: Replies = {
  greeting: (host: string, now: number): string =>
    `220 ${host} Microsoft ESMTP MAIL Service ready at ${new Date(now).toUTCString().replace('GMT', '+0000')}`,
  hello: (host: string, client: string, extensions: readonly string[]): string[] => [
    `${host} Hello [${client}]`,
    ...extensions,
  ],
  startTls: '220 2.0.0 SMTP server ready',
  startTlsTwice: '503 5.5.2 Only one STARTTLS command can be issued per session',
  authenticated: '235 2.7.0 Authentication successful',
  authenticatedAlready: '503 5.5.2 Auth already specified',
  authenticationCancelled: '501 5.7.0 Authentication cancelled',
  senderOk: '250 2.1.0 Sender OK',
  senderTwice: '503 5.5.2 Sender already specified',
  senderInvalid: '501 5.1.7 Invalid address',
  recipientOk: '250 2.1.5 Recipient OK',
  recipientInvalid: '501 5.1.3 Invalid address',
  tooManyRecipients: '452 4.5.3 Too many recipients',
  startData: '354 Start mail input; end with <CRLF>.<CRLF>',
  delivered: (internalId: string): string => `250 2.0.0 OK <${internalId}> [Hostname=${backEnd}]`,
  chunk: (octets: number): string => `250 2.6.0 CHUNK received OK, ${octets} octets`,
  tooLarge: '552 5.3.4 Message size exceeds fixed maximum size',
  needHello: '503 5.5.2 Send hello first',
  needMail: '503 5.5.2 Need mail command',
  needRecipient: '503 5.5.2 Need rcpt command',
  badSequence: '503 5.5.1 Bad sequence of commands',
  reset: '250 2.0.0 Resetting',
  noop: '250 2.0.0 OK',
  cannotVerify: '252 2.1.5 Cannot VRFY user',
  goodbye: '221 2.0.0 Service closing transmission channel',
  invalidArguments: '501 5.5.4 Invalid arguments',
  invalidDomain: '501 5.5.4 Invalid domain name',
  unknownParameter: '501 5.5.4 Unrecognized parameter',
  lineTooLong: '500 5.5.2 Line too long',
  unknownCommand: (verb: string): string => `500 5.3.3 Unrecognized command '${verb}'`,
  mailboxLogonFailure:
    `430 4.2.0 STOREDRV; mailbox logon failure; STOREDRV.Submission.Exception:ConnectionFailedTransientException.MapiExceptionLogonFailed; ` +
    `Failed to process message due to a transient exception with message [BeginDiagnosticData]Cannot open mailbox. ` +
    `16.55847:F6080000, 255.23226:0A007FFF, 0.35180:16000000, ${diagnostic('AuthenticationContext has no rights on this session')}` +
    `[EndDiagnosticData] [Hostname=${backEnd}]`,
  tooManyConnections: `432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information. [Hostname=${backEnd}]`,
  tooFast: `432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded [Hostname=${backEnd}]`,
  quotaExceeded: `554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process message due to a permanent exception with message The message can't be submitted because the sender's submission quota was exceeded. [Hostname=${backEnd}]`,
  mailboxFull: `554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded; Failed to process message due to a permanent exception with message Cannot submit message. [Hostname=${backEnd}]`,
  throttled: (kind: RepeatedError): string =>
    `550 ${THROTTLED[kind]} Sender throttled due to continuous ${kind} errors. [Hostname=${backEnd}]`,
  sendAsDenied: (mailbox: string, sender: string): string =>
    `554 5.2.252 SendAsDenied; ${mailbox} not allowed to send as ${sender}; ` +
    `STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; ` +
    `Failed to process message due to a permanent exception with message [BeginDiagnosticData]Cannot submit message. ` +
    `0.35250:0A009330, 1.36674:0A000000, 255.23226:14004D67, ${diagnostic('SMTP')}[EndDiagnosticData] [Hostname=${backEnd}]`,
};

type TextReply =
  | 'startTls'
  | 'startTlsTwice'
  | 'authenticated'
  | 'authenticatedAlready'
  | 'authenticationCancelled'
  | 'senderOk'
  | 'senderTwice'
  | 'senderInvalid'
  | 'recipientOk'
  | 'recipientInvalid'
  | 'tooManyRecipients'
  | 'startData'
  | 'tooLarge'
  | 'needHello'
  | 'needMail'
  | 'needRecipient'
  | 'badSequence'
  | 'reset'
  | 'noop'
  | 'cannotVerify'
  | 'goodbye'
  | 'invalidArguments'
  | 'invalidDomain'
  | 'unknownParameter'
  | 'lineTooLong'
  | 'mailboxLogonFailure'
  | 'tooManyConnections'
  | 'tooFast'
  | 'quotaExceeded'
  | 'mailboxFull';
type Text = Record<TextReply, string>;

interface Replies extends Text {
  readonly greeting: (host: string, now: number) => string;
  readonly hello: (host: string, client: string, extensions: readonly string[]) => string[];
  readonly delivered: (internalId: string) => string;
  readonly chunk: (octets: number) => string;
  readonly unknownCommand: (verb: string) => string;
  readonly throttled: (kind: RepeatedError) => string;
  readonly sendAsDenied: (mailbox: string, sender: string) => string;
}
