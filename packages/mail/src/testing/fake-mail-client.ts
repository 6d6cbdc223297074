// A mail client that composes for real and sends nothing.
import type { MailClient, MailClientOptions } from '../mail-client.ts';
import { clientOver } from '../client.ts';
import { Emitter } from '../events.ts';
import { InputError } from '@mailgrant/core';
import { fakeMailer } from './fake-mailer.ts';
import { type FakeSentMail, readableParts } from './fake-sent-mail.ts';
import { type MailMatch, matchesMail } from './match.ts';
import { listed, shown } from './matchers.ts';

/** The options of a client, but for its accounts: how mails are treated is tested, too. */
export interface FakeMailClientOptions extends Omit<
  MailClientOptions,
  'accounts' | 'account' | 'mailer' | 'strategy' | 'closeMailer'
> {
  /** The mailbox it pretends to send from, where a mail has no `from`. Default: mails need one. */
  readonly user?: string | undefined;
}

/** A client for tests. */
export interface FakeMailClient extends MailClient {
  /** What was sent since the beginning, or since `clear()`. */
  readonly sent: readonly FakeSentMail[];
  /**
   * The first mail that fits. With `times` exactly so many have to.
   * @throws Error showing what was sent instead.
   */
  assertSent(match?: MailMatch, options?: { readonly times?: number }): FakeSentMail;
  /** @throws Error showing what was sent. */
  assertNothingSent(): void;
  /**
   * Resolves with a mail that fits, one already sent or the next to come. Rejects after `timeout` milliseconds (default
   * 5000), showing what was sent, or with the reason of `signal`.
   */
  waitFor(
    match?: MailMatch,
    options?: { readonly timeout?: number; readonly signal?: AbortSignal },
  ): Promise<FakeSentMail>;
  /** Has the next send fail with this error, and the ones after it with further calls. */
  failNext(error: Error): void;
  /** Forgets what was sent and what was to fail. */
  clear(): void;
}

/**
 * Makes a client that composes every mail as the real one does, so that wrong addresses and attachments show, and keeps it
 * instead of connecting anywhere. Defaults, staging rules, hooks and events work.
 */
export function createFakeMailClient(options: FakeMailClientOptions = {}): FakeMailClient {
  const { user, ...rest } = options;
  const events = new Emitter();
  const mailer = fakeMailer();
  const sent: FakeSentMail[] = [];
  const waiting = new Set<(mail: FakeSentMail) => void>();
  const client = clientOver([{ account: user ?? 'fake', from: user, mailer, owned: true }], rest, events);

  events.on('sent', ({ mail = {}, template, idempotencyKey, result }) => {
    const source = mailer.sourceOf(result.receipt);
    const { messageId, envelope } = result;
    const record = { ...readableParts(mail), template, idempotencyKey, messageId, ...envelope, source };
    sent.push(record);
    for (const tell of waiting) tell(record);
  });

  return {
    ...client,
    sent,
    assertSent(match = {}, { times } = {}) {
      const found = sent.filter((mail) => matchesMail(mail, match));
      const [first] = found;
      if (first === undefined) throw new Error(`expected a mail matching ${shown(match)}, and there ${listed(sent)}`);
      if (times === undefined || found.length === times) return first;
      throw new Error(`expected ${times} mails matching ${shown(match)}, ${found.length} do; there ${listed(sent)}`);
    },
    assertNothingSent() {
      if (sent.length > 0) throw new Error(`expected that nothing was sent, and there ${listed(sent)}`);
    },
    waitFor(match = {}, { timeout = 5000, signal } = {}) {
      return new Promise((resolve, reject) => {
        const done = sent.find((mail) => matchesMail(mail, match));
        if (done !== undefined) {
          resolve(done);
          return;
        }
        signal?.throwIfAborted();
        const finish = (): void => {
          clearTimeout(timer);
          waiting.delete(tell);
          signal?.removeEventListener('abort', abort);
        };
        const tell = (mail: FakeSentMail): void => {
          try {
            if (!matchesMail(mail, match)) return;
            resolve(mail);
          } catch (error) {
            reject(error as Error); // of the match itself: others wait, too
          }
          finish();
        };
        const abort = (): void => {
          finish();
          reject(signal?.reason as Error);
        };
        const timer = setTimeout(() => {
          finish();
          reject(new Error(`no mail matching ${shown(match)} within ${timeout} ms; there ${listed(sent)}`));
        }, timeout);
        waiting.add(tell);
        signal?.addEventListener('abort', abort, { once: true });
      });
    },
    failNext(error) {
      if (!(error instanceof Error)) throw new InputError('ERR_INPUT_OPTION', 'failNext: expected an Error');
      mailer.failNext(error);
    },
    clear() {
      sent.length = 0;
      mailer.clear();
    },
  };
}
