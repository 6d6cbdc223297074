// What a case works with: mailers for one server, and a look at what arrived.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  type ConnectionFacts,
  type Mailer,
  type MailerOptions,
  type Receipt,
  type TranscriptEvent,
  createMailer,
  genericProvider,
} from '@mailgrant/core';
import { randomUUID } from 'node:crypto';
import type { Accounts } from './accounts.ts';
import { type SampleName, difference, sample } from './samples.ts';
import type { RunningServer, ServerContext } from './server.ts';

export interface MailerWishes {
  readonly tls?: 'starttls' | 'implicit';
  readonly token?: string;
  readonly mechanism?: 'XOAUTH2' | 'OAUTHBEARER';
  readonly wire?: NonNullable<MailerOptions['wire']>;
}

export interface SendWishes {
  readonly to?: readonly string[];
  /** Who of them should have it in the end. Default: all. */
  readonly arrivesFor?: readonly string[];
  /** Hand it over in pieces. */
  readonly streamed?: boolean;
  readonly envelope?: object;
}

/** The server does not offer what the case is about. */
export class NotOffered extends Error {}

export class Bench {
  readonly accounts: Accounts;
  readonly #server: RunningServer;
  readonly #context: ServerContext;

  constructor(server: RunningServer, context: ServerContext) {
    this.accounts = context.accounts;
    this.#server = server;
    this.#context = context;
  }

  mailer({ tls = 'starttls', token = this.accounts.long, mechanism = 'XOAUTH2', wire }: MailerWishes = {}): Mailer {
    const port = this.#server.ports[tls];
    return createMailer({
      provider: { ...genericProvider('127.0.0.1', port), tls, mechanisms: [mechanism], limits: { connections: 1 } },
      ca: this.#context.certificate.certificate,
      user: this.accounts.user,
      token: () => Promise.resolve({ value: token, expiresAt: Date.now() + 3_600_000 }),
      retries: 0,
      ...(wire !== undefined && { wire }),
    });
  }

  /** Logs in; throws NotOffered where the server lacks one of these extensions. */
  async open(mailer: Mailer, ...extensions: readonly string[]): Promise<ConnectionFacts> {
    const facts = await mailer.verify({ deadline: 30_000 });
    for (const extension of extensions) {
      if (!facts.capabilities.has(extension)) throw new NotOffered(`${extension} is not offered`);
    }
    return facts;
  }

  /** Throws NotOffered where the server does not know a mechanism. */
  async offers(mechanism: string): Promise<void> {
    const mailer = this.mailer();
    try {
      const { capabilities } = await mailer.verify({ deadline: 30_000 });
      if (capabilities.get('AUTH')?.includes(mechanism) !== true) throw new NotOffered(`${mechanism} is not offered`);
    } finally {
      await mailer.close({ deadline: 1_000 });
    }
  }

  /** Sends a message and holds what arrived against it, byte by byte. */
  async send(mailer: Mailer, name: SampleName, wishes: SendWishes = {}): Promise<Receipt> {
    const { to = ['somebody@example.org'], arrivesFor = to, streamed = false, envelope = {} } = wishes;
    const subject = `${name}-${randomUUID()}`;
    const { bytes, expected } = sample(name, subject);
    const receipt = await mailer.send(
      {
        envelope: { from: this.accounts.user, to, ...envelope },
        message: streamed ? pieces(bytes) : bytes,
        size: bytes.length,
      },
      { deadline: 60_000 },
    );
    const arrivals = await this.#context.sink.mailbox.waitFor(subject, arrivesFor);
    const reached = arrivals.flatMap((arrival) => arrival.to);
    const unasked = reached.filter((recipient) => !arrivesFor.includes(recipient));
    if (unasked.length > 0 || reached.length > arrivesFor.length) {
      throw new Error(`arrived for ${reached.join(', ')} instead of ${arrivesFor.join(', ')}`);
    }
    for (const arrival of arrivals) {
      const text = arrival.raw.toString('latin1');
      const prepended = this.#server.prepends?.exec(text)?.[0].length ?? 0;
      const found = difference(expected, arrival.raw.subarray(prepended));
      if (found !== undefined) throw new Error(found);
      if (arrival.from !== this.accounts.user) throw new Error(`arrived from <${arrival.from}>`);
    }
    return receipt;
  }
}

function* pieces(bytes: Buffer): Iterable<Buffer> {
  // Of no size in particular, so that lines and their ends are cut.
  for (let at = 0; at < bytes.length; at += 10_007) yield bytes.subarray(at, at + 10_007);
}

/** Runs something and returns what was said meanwhile: `C: …`, `S: …`, and `… message` where one was sent. */
export async function saying(run: () => Promise<unknown>): Promise<string[]> {
  const lines: string[] = [];
  const listen = (event: unknown): void => {
    const { from, line } = event as TranscriptEvent;
    if (from === 'note') {
      if (line.startsWith('message of')) lines.push('… message');
    } else lines.push(`${from === 'client' ? 'C' : 'S'}: ${line}`);
  };
  subscribe('mailgrant:smtp:transcript', listen);
  try {
    await run();
  } finally {
    unsubscribe('mailgrant:smtp:transcript', listen);
  }
  return lines;
}
