// Tells events to a web server, signed as Standard Webhooks has it (webhook-id, webhook-timestamp, webhook-signature).
import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { InputError } from '@mailgrant/core';
import { sql } from 'kysely';
import { checkWhole } from '../outbox/checks.ts';
import type { Store } from '../store/store.ts';

export interface WebhookOptions {
  /** https; http for a loopback address only. */
  readonly url: string;
  /** What signs: `whsec_` and base64, as Standard Webhooks writes it, or any bytes. At least 24 bytes. */
  readonly secret: string | Uint8Array;
  /** Which events; default: all. */
  readonly types?: readonly string[] | undefined;
  /** Milliseconds for an answer, at most a minute. Default 10 s. */
  readonly timeout?: number | undefined;
}

export interface Webhook {
  readonly url: URL;
  readonly secret: Uint8Array;
  readonly types: ReadonlySet<string> | undefined;
  readonly timeout: number;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Requests at a time, so that one that takes long keeps few others waiting. */
const CONCURRENCY = 4;

/** Milliseconds before each further try, as Standard Webhooks suggests; then it is given up. */
const PAUSES = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];

/** @throws TypeError `ERR_INPUT_OPTION`. Shows no secret. */
export function checkWebhook({ url: given, secret, types, timeout = 10 * SECOND }: WebhookOptions): Webhook {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  const loopback = url !== undefined && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url === undefined || !(url.protocol === 'https:' || (url.protocol === 'http:' && loopback))) {
    throw new InputError('ERR_INPUT_OPTION', 'webhook.url: an https URL');
  }
  // fetch() refuses these, and quotes them.
  if (url.username !== '' || url.password !== '') {
    throw new InputError('ERR_INPUT_OPTION', 'webhook.url: a URL without user and password; requests are signed');
  }
  if (types !== undefined && !(Array.isArray(types) && types.every((type) => typeof type === 'string'))) {
    throw new InputError('ERR_INPUT_OPTION', 'webhook.types: a list of event types');
  }
  checkWhole(timeout, 1, MINUTE, 'webhook.timeout');
  const bytes = typeof secret === 'string' ? Buffer.from(secret.replace(/^whsec_/, ''), 'base64') : Buffer.from(secret);
  if (bytes.length < 24) throw new InputError('ERR_INPUT_OPTION', 'webhook.secret: at least 24 bytes, in base64');
  return { url, secret: bytes, types: types && new Set(types), timeout };
}

/** The signature of a request's body. */
function signature(secret: Uint8Array, id: string, timestamp: number, body: string): string {
  return `v1,${createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}

export interface WebhookTellerOptions {
  readonly store: Store;
  readonly webhook: Webhook;
  readonly now: () => number;
  readonly onProblem: (error: unknown) => void;
}

/** Tells what is kept, some events at a time, until it is stopped. */
export class WebhookTeller {
  readonly #options: WebhookTellerOptions;
  readonly #stopping = new AbortController();
  #running: Promise<unknown> | undefined;

  constructor(options: WebhookTellerOptions) {
    this.#options = options;
  }

  start(): void {
    // One looks each second; the others help where there is more.
    this.#running ??= Promise.all(
      Array.from({ length: CONCURRENCY }, (_, n) => this.#run(n === 0 ? SECOND : 5 * SECOND)),
    );
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(pause: number): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const told = await this.tellNext().catch((error: unknown) => {
        this.#options.onProblem(error);
        return false;
      });
      if (told) continue;
      await sleep(pause, undefined, { signal: this.#stopping.signal }).catch(() => {
        // Stopping is no failure.
      });
    }
  }

  /** Tells the event that is due first; `false` when there is none. */
  async tellNext(): Promise<boolean> {
    const { store, webhook, now } = this.#options;
    // Claimed by moving it ahead: a worker that dies over it leaves it to the others.
    const { rows } = await sql<{ id: string; type: string; data: object; at: Date; tries: number }>`
      update mailgrant.event set next_at = now() + interval '2 minutes', tries = tries + 1
      where id = (select id from mailgrant.event where next_at <= now() order by next_at limit 1 for update skip locked)
      returning id, type, data, at, tries`.execute(store.db);
    const [event] = rows;
    if (event === undefined) return false;
    const { id, type, data, at, tries } = event;
    const wanted = webhook.types === undefined || webhook.types.has(type);
    const taken = !wanted || (await this.#post(id, JSON.stringify({ id, type, at: at.getTime(), ...data })));
    const pause = PAUSES[tries - 1];
    const later = this.#stopping.signal.aborted
      ? { next_at: new Date(now()), tries: tries - 1 } // nobody waited for the answer
      : { next_at: pause === undefined ? null : new Date(now() + pause) };
    await store.db
      .updateTable('event')
      .set(taken ? { next_at: null, told_at: new Date(now()) } : later)
      .where('id', '=', id)
      .execute();
    return true;
  }

  async #post(id: string, body: string): Promise<boolean> {
    const { webhook, now, onProblem } = this.#options;
    const timestamp = Math.floor(now() / SECOND);
    try {
      const response = await fetch(webhook.url, {
        method: 'POST',
        redirect: 'error',
        body,
        headers: {
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': String(timestamp),
          'webhook-signature': signature(webhook.secret, id, timestamp, body),
        },
        signal: AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(webhook.timeout)]),
      });
      await response.body?.cancel();
      if (response.ok) return true;
      throw new Error(`the webhook answered ${response.status}`);
    } catch (error) {
      if (!this.#stopping.signal.aborted) onProblem(error);
      return false;
    }
  }
}
