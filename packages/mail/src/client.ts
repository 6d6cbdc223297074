// The mail client: options checked once, then send, verify, health, close.
import {
  type CloseOptions,
  ConnectionError,
  InputError,
  LimitError,
  mayHaveBeenSent,
  ReplyError,
} from '@mailgrant/core';
import type { Mail } from '@mailgrant/nodemailer';
import { toSenders } from './account/senders.ts';
import { type Treatment, treat } from './composing.ts';
import type { RenderedMail } from './define-mail.ts';
import { Emitter, type FailedAttempt, type MailEvent } from './events.ts';
import { healthOf, verifyAll } from './health.ts';
import type { MailClient, MailClientOptions, MailInput, MailSendOptions, SentMail } from './mail-client.ts';
import { checkClientOptions } from './options.ts';
import type { Sender } from './sender.ts';
import { sendThrough } from './sending.ts';
import { rejectedIn, toSentMail } from './sent-mail.ts';
import { stagingRules } from './staging.ts';
import { closeStreams } from './streams.ts';
import { timeLimit } from './time-limit.ts';

/**
 * Makes a mail client. Nothing is connected or fetched before the first send, and nothing is read from the environment:
 * `createMailClient(mailOptionsFromEnv())` does that.
 * @throws TypeError `ERR_INPUT_OPTION` naming every option that cannot work, and no value.
 */
export function createMailClient(options: MailClientOptions): MailClient {
  checkClientOptions(options);
  const events = new Emitter();
  const client = options.name ?? 'default';
  const senders = toSenders(options, (account, event) => events.emit('token', { client, account, event }));
  return clientOver(senders, options, events);
}

/** A client over accounts that are there already. */
export function clientOver(senders: readonly Sender[], options: MailClientOptions, events: Emitter): MailClient {
  const { name = 'default', strategy } = options;
  const treatment = toTreatment(options);
  const pending = new Set<Promise<unknown>>();
  let turn = 0;
  let closed: Promise<void> | undefined;

  /** All accounts in the order they are to be tried: those last whose service has asked for some rest. */
  const inOrder = (): readonly Sender[] => {
    if (senders.length === 1) return senders;
    const resting = senders.filter(({ mailer }) => mailer.health().suspendedUntil !== undefined);
    const awake = senders.filter((sender) => !resting.includes(sender));
    const first = strategy === 'round-robin' ? turn++ % Math.max(1, awake.length) : 0;
    return [...awake.slice(first), ...awake.slice(0, first), ...resting];
  };

  const deliver = async (
    input: MailInput,
    { signal, deadline, idempotencyKey, beforeCommit }: MailSendOptions,
  ): Promise<SentMail> => {
    const given = Promise.resolve(input);
    given.catch(() => undefined); // it may fail when nobody waits for it any more
    const attempts: FailedAttempt[] = [];
    let mail: Mail | undefined;
    let template: string | undefined;
    let messageId: string | undefined;
    const event = (): MailEvent => eventOf({ client: name, template, idempotencyKey, messageId }, mail);
    try {
      const limit = timeLimit(deadline ?? options.deadline, signal);
      limit.left();
      ({ mail, template } = opened(await limit.within(given)));
      mail = await limit.within(treat(mail, treatment, { client: name, template, idempotencyKey, signal }));
      let told = false;
      const { composed, receipt, account } = await sendThrough(mail, {
        senders: inOrder(),
        treatment,
        limit,
        beforeCommit,
        attempts,
        onComposed(ready) {
          messageId = ready.messageId;
          if (!told) events.emit('sending', event());
          told = true;
        },
      });
      const result = toSentMail(composed, receipt, account);
      const rejected = rejectedIn(receipt);
      if (rejected.length > 0) events.emit('refused', withFacts(event(), { recipients: rejected }));
      events.emit('sent', withFacts(event(), { result, attempts }));
      return result;
    } catch (error) {
      tellFailure(error);
      // What its account held back may be sent again, streams and all.
      if (!(error instanceof LimitError && error.code.startsWith('ERR_MAILER_'))) {
        closeStreams(mail);
        given.then(closeStreams, () => undefined);
      }
      throw error;
    }

    function tellFailure(error: unknown): void {
      if (error instanceof LimitError && error.code === 'ERR_MAIL_CANCELLED') {
        events.emit('cancelled', event());
        return;
      }
      if (error instanceof ReplyError && error.recipients.length > 0) {
        events.emit('refused', withFacts(event(), { recipients: error.recipients }));
      }
      events.emit('failed', withFacts(event(), { error, mayHaveBeenSent: mayHaveBeenSent(error), attempts }));
    }
  };

  const send = (mail: MailInput, sendOptions: MailSendOptions = {}): Promise<SentMail> => {
    if (closed !== undefined) {
      Promise.resolve(mail).then(closeStreams, () => undefined); // nobody waits for this mail any more
      return Promise.reject(closedError());
    }
    const sending = deliver(mail, sendOptions);
    pending.add(sending);
    const ended = (): void => void pending.delete(sending);
    sending.then(ended, ended);
    return sending;
  };

  const end = async (deadline: number): Promise<void> => {
    const start = performance.now();
    await settledWithin(pending, deadline);
    const left = Math.max(1, deadline - (performance.now() - start));
    const ours = senders.filter(({ owned }) => owned || options.closeMailer === true);
    await Promise.all(ours.map(({ mailer }) => mailer.close({ deadline: left })));
  };

  const close = async ({ deadline = 30_000 }: CloseOptions = {}): Promise<void> => {
    if (!(deadline >= 0)) throw new InputError('ERR_INPUT_OPTION', 'deadline: expected milliseconds');
    await (closed ??= end(Math.min(deadline, 2 ** 31 - 1)));
  };

  return {
    name,
    send,
    sendMail: send,
    verify: async (verifyOptions = {}) => {
      if (closed !== undefined) throw closedError();
      return verifyAll(senders, verifyOptions);
    },
    health: () => healthOf(senders, pending.size),
    resume() {
      for (const { mailer } of senders) mailer.resume();
    },
    on: (event, listener) => events.on(event, listener),
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}

function toTreatment(options: MailClientOptions): Treatment {
  return {
    defaults: options.defaults ?? {},
    staging: stagingRules(options),
    beforeSend: options.hooks?.beforeSend,
    textFromHtml: options.textFromHtml !== false,
    allowFiles: options.allowFiles === true,
    allowUrls: options.allowUrls === true,
  };
}

/** The mail, and the name of the definition that made it, which is no field of a mail. */
function opened(input: Mail | RenderedMail): { mail: Mail; template: string | undefined } {
  if (typeof input !== 'object' || input === null)
    throw new InputError('ERR_INPUT_MESSAGE', 'mail: expected an object');
  const { template, ...mail } = { template: undefined, ...input };
  return { mail, template };
}

/** An event whose mail is there but does not print. */
function eventOf(facts: Omit<MailEvent, 'mail'>, mail: Mail | undefined): MailEvent {
  return Object.defineProperty({ ...facts, mail }, 'mail', { enumerable: false });
}

/** These name recipients: there, but not to be printed. */
const UNPRINTED = ['recipients', 'result'];

function withFacts<T extends object>(event: MailEvent, more: T): MailEvent & T {
  for (const [name, value] of Object.entries(more)) {
    Object.defineProperty(event, name, { value, enumerable: !UNPRINTED.includes(name) });
  }
  return event as MailEvent & T;
}

const closedError = (): ConnectionError =>
  new ConnectionError('ERR_MAILER_CLOSED', 'this mail client is closed', { stage: 'queue' });

/** Waits until all have ended, however, but not for ever. */
async function settledWithin(pending: ReadonlySet<Promise<unknown>>, deadline: number): Promise<void> {
  if (pending.size === 0) return;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, deadline)));
  await Promise.race([late, Promise.allSettled(pending)]);
  clearTimeout(timer);
}
