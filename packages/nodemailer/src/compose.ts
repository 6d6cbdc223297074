// A mail made into a message by nodemailer's composer, which is loaded when the first mail is composed.
import type { Readable } from 'node:stream';
import { InputError, type OutgoingMail } from '@mailgrant/core';
import { endStreams } from './access-guard.ts';
import { addressParser } from './address-parser.ts';
import { checkAccess, checkFile, type ContentPolicy, toBody } from './body.ts';
import { checkAddresses, checkHeaders, type ParseAddresses } from './checks.ts';
import { toEnvelope } from './envelope.ts';
import { copyMail, type Mail, refuseLogin } from './mail.ts';
import { messageIdOf } from './message-id.ts';
import { type MimeNode, releaseStreams, sourceOfContent } from './mime-tree.ts';

export interface ComposeOptions {
  /** Lets `path` in content and attachments name files of this machine. Default `false`. */
  readonly allowFiles?: boolean;
  /** Lets `href`, and `path` with a URL, be fetched. Default `false`: whoever chooses the URL would reach into your network. */
  readonly allowUrls?: boolean;
}

/** A composed mail, ready for `mailer.send()`. */
export interface ComposedMail extends OutgoingMail {
  /**
   * The whole message where it is small, else a stream that opens nothing before it is read and can be read once, by the
   * mailer or by you; every line ends with CRLF.
   */
  readonly message: Uint8Array | Readable;
  /** With angle brackets; `undefined` for a `raw` message that shows none beforehand: without one, or not read yet. */
  readonly messageId: string | undefined;
}

/**
 * Composes a mail with nodemailer: MIME tree, encodings, Message-ID (in the domain of `from`) and Date where the mail
 * brings none; `bcc` is in the envelope only. The mail is not changed and nothing is read from a stream, a file or a URL
 * until the message is.
 *
 * @throws TypeError `ERR_INPUT_ADDRESS` for something that is no address, no sender or no recipient;
 *   `ERR_INPUT_MESSAGE` for content that is not allowed or cannot be read; `ERR_INPUT_OPTION` for what is not supported.
 */
export async function compose(mail: Mail, options: ComposeOptions = {}): Promise<ComposedMail> {
  if (typeof mail !== 'object' || mail === null) throw new InputError('ERR_INPUT_MESSAGE', 'mail: expected an object');
  return composeWith(await (loading ??= load()), mail, options);
}

let loading: Promise<Nodemailer> | undefined;

async function load(): Promise<Nodemailer> {
  const [{ default: Mailer }, parseAddresses] = await Promise.all([
    import('nodemailer/lib/mailer/index.js'),
    addressParser(),
  ]);
  return { Mailer, parseAddresses };
}

/** The part of nodemailer that composes: the same, at the same paths, in its majors 6 to 10. */
export interface Nodemailer {
  readonly Mailer: new (transport: CompilingTransport, options: object) => NodemailerMailer;
  readonly parseAddresses: ParseAddresses;
}

interface NodemailerMailer {
  sendMail(mail: object): Promise<Compiled>;
}

interface Compiled {
  readonly message: MimeNode & { setEnvelope(envelope: object): unknown };
}

interface CompilingTransport {
  readonly name: string;
  readonly version: string;
  send(mail: Compiled, callback: (error: null, compiled: Compiled) => void): void;
}

/** `compose()` with a given nodemailer. Streams of a mail that cannot be composed are ended. */
export async function composeWith(nodemailer: Nodemailer, mail: Mail, options: ComposeOptions): Promise<ComposedMail> {
  try {
    return await checkedAndComposed(nodemailer, mail, options);
  } catch (error) {
    endStreams(mail);
    throw callersMistake(error);
  }
}

async function checkedAndComposed(nodemailer: Nodemailer, mail: Mail, options: ComposeOptions): Promise<ComposedMail> {
  refuseLogin(mail);
  if ('signal' in mail && mail.signal) {
    throw new InputError('ERR_INPUT_OPTION', 'signal: composing ends by itself; give the signal to send()');
  }
  checkAddresses(mail, nodemailer.parseAddresses);
  checkHeaders(mail);
  const policy = {
    allowFiles: options.allowFiles === true && !mail.disableFileAccess,
    allowUrls: options.allowUrls === true && !mail.disableUrlAccess,
  };
  // The one part nodemailer may read while it compiles: where attachDataUrls asks for the images inside.
  const { html } = mail;
  const source = sourceOfContent((typeof html === 'object' && 'content' in html && html.content) || html);
  checkAccess(source, policy);
  if (source.kind === 'file') await checkFile(source.path);
  // The envelope comes after the compiling, so that Message-ID gets the domain of `from`, not that of the reverse-path.
  const { envelope, ...content } = copyMail(mail);
  const message = await compile(nodemailer, content, policy);
  try {
    if (envelope) message.setEnvelope(envelope);
    if (!mail.raw && !message.getHeader('From')) {
      throw new InputError('ERR_INPUT_ADDRESS', 'from: a mail needs a sender (RFC 5322 section 3.6)');
    }
    return {
      envelope: toEnvelope(message, mail, envelope?.from === false || envelope?.from === ''),
      messageId: mail.raw ? messageIdOf(mail.raw) : checkedMessageId(message.messageId()),
      ...(await toBody(message, policy)),
    };
  } catch (error) {
    releaseStreams(message);
    throw error;
  }
}

async function compile({ Mailer }: Nodemailer, mail: Mail, policy: ContentPolicy): Promise<Compiled['message']> {
  const access = { disableFileAccess: !policy.allowFiles, disableUrlAccess: !policy.allowUrls };
  return (await compilerFor(Mailer, access).sendMail({ ...mail, ...access })).message;
}

/** What nodemailer throws over content it can make nothing of is the caller's mistake, as what is found here is. */
function callersMistake(cause: unknown): unknown {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (cause instanceof InputError || !CALLERS_MISTAKES.has(code)) return cause;
  return Object.assign(new InputError('ERR_INPUT_MESSAGE', `mail: ${String(cause)}`), { cause });
}

interface Access {
  readonly disableFileAccess: boolean;
  readonly disableUrlAccess: boolean;
}

const compilers = new WeakMap<Nodemailer['Mailer'], Map<string, NodemailerMailer>>();

/**
 * A mailer of nodemailer that sends nothing: the whole of it, not its MailComposer alone, because it knows priority, list,
 * attachDataUrls and dkim. It keeps nothing of a mail, so there is one for all mails that may be read from the same places.
 */
function compilerFor(Mailer: Nodemailer['Mailer'], access: Access): NodemailerMailer {
  const made = compilers.get(Mailer) ?? new Map<string, NodemailerMailer>();
  compilers.set(Mailer, made);
  const key = JSON.stringify(access);
  const known = made.get(key);
  if (known !== undefined) return known;
  const send: CompilingTransport['send'] = (compiled, callback) => callback(null, compiled);
  const compiler = new Mailer({ name: 'compose', version: '1', send }, access);
  made.set(key, compiler);
  return compiler;
}

const CALLERS_MISTAKES: ReadonlySet<string> = new Set([
  'EFILEACCESS',
  'EURLACCESS',
  'EMAXRECIPIENTS',
  'EOTP',
  'ECONFIG',
  'ERR_INVALID_ARG_TYPE',
]);

function checkedMessageId(text: unknown): string {
  const messageId = String(text).startsWith('<') ? String(text) : `<${String(text)}>`;
  if (/^<[\x21-\x3b\x3d\x3f-\x7e]+>$/.test(messageId)) return messageId;
  throw new InputError('ERR_INPUT_MESSAGE', 'messageId: not a message identifier (RFC 5322 section 3.6.4)');
}
