// Listeners and hooks of the whole application, for mailers that exist and for those still to come.
import type { Mail, MailClient, MailEvents, MailHooks, MailSendContext } from '@mailgrant/mail';
import { Logger } from '@nestjs/common';

export type MailEventName = keyof MailEvents;

// A record, so that the compiler misses one that is not here.
const EVENTS: Readonly<Record<MailEventName, true>> = {
  sending: true,
  sent: true,
  refused: true,
  failed: true,
  cancelled: true,
  token: true,
};

export const MAIL_EVENTS: readonly MailEventName[] = Object.keys(EVENTS) as MailEventName[];

/** Returns another mail to send instead, `false` to send none, or nothing. */
export type BeforeSend = NonNullable<MailHooks['beforeSend']>;

/** What is told to listeners may be handled by an asynchronous function. */
export type MailListener<E extends MailEventName> = (event: MailEvents[E]) => unknown;

interface Entry<T> {
  readonly run: T;
  /** The only mailer it is for. */
  readonly mailer: string | undefined;
}

export class MailListeners {
  readonly #listeners = new Map<MailEventName, Set<Entry<MailListener<never>> & { readonly where: string }>>();
  readonly #hooks = new Set<Entry<BeforeSend>>();
  readonly #heard = new WeakSet<MailClient>();

  /** @param where named in the log when the listener throws */
  on<E extends MailEventName>(
    event: E,
    run: MailListener<E>,
    { mailer, where }: { mailer: string | undefined; where: string },
  ): () => void {
    const set = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, set);
    return addTo(set, { run, mailer, where });
  }

  beforeSend(run: BeforeSend, mailer: string | undefined): () => void {
    return addTo(this.#hooks, { run, mailer });
  }

  /** Tells the listeners what this client does, from now on. */
  hear(client: MailClient): void {
    if (this.#heard.has(client)) return;
    this.#heard.add(client);
    for (const event of MAIL_EVENTS) client.on(event, (happened) => this.#tell(event, happened));
  }

  /** The hooks of a client's own options first, then those of the application. */
  hooked(own: MailHooks = {}): MailHooks {
    return {
      ...own,
      beforeSend: async (mail, context) => this.#ask(await own.beforeSend?.(mail, context), mail, context),
    };
  }

  async #ask(own: Mail | false | void, mail: Mail, context: MailSendContext): Promise<Mail | false> {
    let current = own ?? mail;
    for (const { run, mailer } of this.#hooks) {
      if (current === false) break;
      if (mailer === undefined || mailer === context.client) current = (await run(current, context)) ?? current;
    }
    return current;
  }

  #tell(event: MailEventName, happened: MailEvents[MailEventName]): void {
    for (const { run, mailer, where } of this.#listeners.get(event) ?? []) {
      if (mailer !== undefined && mailer !== happened.client) continue;
      // A mail must not fail for its listeners, and their troubles must not be lost.
      void (async () => run(happened as never))().catch((error: unknown) => {
        const stack = error instanceof Error ? error.stack : undefined;
        new Logger('MailModule').error(`${where} failed at the event "${event}": ${String(error)}`, stack);
      });
    }
  }
}

function addTo<T>(set: Set<T>, entry: T): () => void {
  set.add(entry);
  return () => void set.delete(entry);
}
