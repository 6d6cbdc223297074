// A transport for nodemailer.createTransport(): nodemailer composes, core sends.
import { EventEmitter } from 'node:events';
import type { Readable } from 'node:stream';
import { createMailer, InputError, type Mailer, type MailerOptions, type OutgoingMail } from '@mailgrant/core';
import { guardAccess, stricter, type Switches, type Transporter } from './access-guard.ts';
import { type ContentPolicy, toBody } from './body.ts';
import { type EnvelopeFields, toEnvelope } from './envelope.ts';
import { type Mail, refuseLogin } from './mail.ts';
import { messageIdOf } from './message-id.ts';
import { type MimeNode, releaseStreams } from './mime-tree.ts';
import { withNodemailerFields } from './nodemailer-error.ts';
import { type SentMessage, toSentMessage } from './sent-message.ts';
import { lengthOf } from './streams.ts';
import { version } from './version.ts';
import { addressParser } from './address-parser.ts';
import { checkAddresses, checkHeaders } from './checks.ts';

/** What is used of nodemailer's `MailMessage`: the mail as `sendMail()` got it, and what became of it. */
export interface TransportMail {
  readonly data: EnvelopeFields &
    Switches & {
      readonly raw?: unknown;
      readonly signal?: AbortSignal | undefined;
      readonly deadline?: number | undefined;
    };
  readonly message: MimeNode;
}

/** As nodemailer's own, which say that there is a result; after an error there is none. */
type Callback<T> = (error: Error | null, result: T) => void;

export interface TransportOptions {
  /** Lets `path` in content and attachments name files of this machine. Default `false`. A mail may still forbid it. */
  readonly allowFiles?: boolean | undefined;
  /** Lets `href`, and `path` with a URL, be fetched. Default `false`: whoever chooses the URL would reach into your network. */
  readonly allowUrls?: boolean | undefined;
  /** Milliseconds for each mail, waiting included; `deadline` in a mail says otherwise for that one. Default: none. */
  readonly deadline?: number | undefined;
  /** Closes a mailer that was passed in with the transport. Default `false`. */
  readonly closeMailer?: boolean | undefined;
}

/** A nodemailer transport over core. */
export interface MailgrantTransport {
  readonly name: string;
  readonly version: string;
  /** A `signal` in the mail ends its sending, also while it waits. */
  readonly supportsAbortSignal: true;
  send(mail: TransportMail, callback: Callback<SentMessage>): void;
  /** Gets a token, connects and logs in. */
  verify(): Promise<true>;
  verify(callback: Callback<true>): void;
  /**
   * Waits for what was accepted, then closes the connections; with `force` it does not wait. A mailer that was passed in
   * stays open.
   */
  close(options?: { readonly force?: boolean }): Promise<void>;
  /** Whether another message would start soon. */
  isIdle(): boolean;
  /** nodemailer listens to `idle`; no other event is emitted, for every failure has a caller to be told. */
  on(event: string | symbol, listener: (...args: unknown[]) => void): this;
}

/** Messages under way while still calling for more: two for each connection Microsoft 365 allows a mailbox. */
const IDLE_BELOW = 6;

/**
 * Makes a transport for `nodemailer.createTransport()`, from the options of a mailer or over a mailer you have. Whoever
 * makes the mailer closes it. Mails read no files and fetch no URLs unless `options` allow it, whatever plugins there are.
 *
 * ```ts
 * const transporter = nodemailer.createTransport(mailgrantTransport({ provider: 'microsoft365', user, token }));
 * ```
 *
 * Errors are core's, with nodemailer's `response`, `responseCode`, `command`, `rejected` and `rejectedErrors` added.
 * @throws TypeError `ERR_INPUT_OPTION`, `ERR_INPUT_ADDRESS` naming the option.
 */
export function mailgrantTransport(target: MailerOptions | Mailer, options: TransportOptions = {}): MailgrantTransport {
  const policy = { allowFiles: options.allowFiles === true, allowUrls: options.allowUrls === true };
  if (options.deadline !== undefined && !(options.deadline > 0 && options.deadline < 2 ** 31)) {
    throw new InputError('ERR_INPUT_OPTION', 'deadline: expected milliseconds above 0');
  }
  const given = isMailer(target);
  // nodemailer's callers send whole lists at once and expect that the rest waits
  const mailer = given ? target : createMailer({ ...target, queue: { whenFull: 'wait', ...target.queue } });
  const events = new EventEmitter();
  const composing = new Set<Promise<unknown>>();
  let underWay = 0;

  const isIdle = (): boolean => underWay < IDLE_BELOW;
  const sayIdle = (): void => void (isIdle() && events.emit('idle'));
  setImmediate(sayIdle);

  const transport: MailgrantTransport = {
    name: 'mailgrant',
    get version() {
      return version();
    },
    supportsAbortSignal: true,
    send(mail, callback) {
      underWay += 1;
      settle(deliver(mail), (error, sent) => {
        underWay -= 1;
        callback(error, sent);
        sayIdle();
      });
    },
    verify,
    async close({ force = false } = {}) {
      // What sendMail() took is the mailer's to wait for as soon as it is composed.
      if (!force) await Promise.allSettled(composing);
      if (!given || options.closeMailer === true) await mailer.close(force ? { deadline: 1 } : {});
    },
    isIdle,
    on(event, listener) {
      events.on(event, listener);
      return transport;
    },
  };
  // nodemailer shows itself to the transport it is made with.
  let shown: Transporter | undefined;
  Object.defineProperty(transport, 'mailer', {
    get: () => shown,
    set(transporter: Transporter) {
      shown = transporter;
      guardAccess(transporter, policy);
    },
  });
  return transport;

  async function deliver(mail: TransportMail): Promise<SentMessage> {
    const start = performance.now();
    const { signal, deadline = options.deadline } = mail.data;
    const handedOver = toOutgoing(mail, stricter(policy, mail.data)).then((outgoing) => ({
      outgoing,
      receipt: mailer.send(outgoing, { signal, deadline: leftOf(deadline, performance.now() - start) }),
    }));
    composing.add(handedOver);
    try {
      const { outgoing, receipt } = await handedOver.finally(() => composing.delete(handedOver));
      const sent = await receipt;
      const { messageId, message, size = lengthOf(message) } = outgoing;
      return toSentMessage(mail.message.getEnvelope(), { messageId, size }, sent);
    } catch (error) {
      releaseStreams(mail.message);
      throw withNodemailerFields(error);
    }
  }

  function verify(): Promise<true>;
  function verify(callback: Callback<true>): void;
  function verify(callback?: Callback<true>): Promise<true> | void {
    const verified = mailer.verify().then(
      () => true as const,
      (error: unknown) => {
        throw withNodemailerFields(error);
      },
    );
    if (callback === undefined) return verified;
    settle(verified, callback);
  }
}

interface Outgoing extends OutgoingMail {
  readonly message: Uint8Array | Readable;
  readonly messageId: string;
}

/** What composing has left of a deadline; what is none at all is core's to tell. */
function leftOf(deadline: number | undefined, elapsed: number): number | undefined {
  return deadline !== undefined && deadline > 0 ? Math.max(1, deadline - elapsed) : deadline;
}

async function toOutgoing({ data, message }: TransportMail, policy: ContentPolicy): Promise<Outgoing> {
  refuseLogin(data);
  // What nodemailer took out of them is in the message by now; what it would have left out, or let in, is told instead.
  checkAddresses(data as Mail, await addressParser());
  checkHeaders(data as Mail);
  return {
    envelope: toEnvelope(message, data, data.envelope !== undefined),
    messageId: messageIdOf(data.raw) ?? String(message.messageId()),
    ...(await toBody(message, policy)),
  };
}

/** Tells a callback how a promise ended. What the callback throws is the caller's own: an uncaught exception, as with nodemailer. */
function settle<T>(promise: Promise<T>, callback: Callback<T>): void {
  promise.then(
    (result) => queueMicrotask(() => callback(null, result)),
    (error: Error) => queueMicrotask(() => callback(error, undefined as never)),
  );
}

function isMailer(target: MailerOptions | Mailer): target is Mailer {
  return 'send' in target && typeof target.send === 'function';
}
