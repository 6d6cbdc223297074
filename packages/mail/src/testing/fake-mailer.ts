// The mailer under a fake client: it reads messages to their end and says that all went well.
import { ConnectionError, type Mailer, type OutgoingMail, type Receipt, type Reply } from '@mailgrant/core';

export interface FakeMailer extends Mailer {
  failNext(error: Error): void;
  clear(): void;
  /** The message that was answered with this receipt. */
  sourceOf(receipt: Receipt): string;
}

const OK: Reply = { code: 250, status: '2.0.0', lines: ['2.0.0 OK'] };
const FRESH = {
  token: 'fresh',
  expiresAt: undefined,
  renewAt: undefined,
  clockSkew: undefined,
  renewing: false,
  failures: 0,
  error: undefined,
  nextAttemptAt: undefined,
} as const;

export function fakeMailer(): FakeMailer {
  const failures: Error[] = [];
  const sources = new WeakMap<Receipt, string>();
  let count = 0;
  let closed = false;
  return {
    async send(mail) {
      if (closed) throw new ConnectionError('ERR_MAILER_CLOSED', 'the mailer is closed', { stage: 'queue' });
      const source = await readWhole(mail.message);
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
      const receipt = receiptFor(mail, `fake-${(count += 1)}`);
      sources.set(receipt, source);
      return receipt;
    },
    verify: async () => ({
      server: { host: 'localhost', port: 0 },
      greeting: 'localhost',
      capabilities: new Map(),
      tls: undefined,
      mechanism: 'XOAUTH2',
      inlineAuth: true,
      roundTrips: 0,
      token: [],
    }),
    ready: async () => undefined,
    resume: () => undefined,
    health: () => ({ status: 'up', reasons: [], pending: 0, token: FRESH }),
    close: async () => void (closed = true),
    [Symbol.asyncDispose]: async () => void (closed = true),
    failNext: (error) => void failures.push(error),
    clear: () => void (failures.length = 0),
    sourceOf: (receipt) => sources.get(receipt) ?? '',
  };
}

function receiptFor({ envelope }: OutgoingMail, queueId: string): Receipt {
  const addresses = envelope.to.map((recipient) => (typeof recipient === 'string' ? recipient : recipient.address));
  return {
    accepted: addresses.map((address) => ({ address, reply: OK })),
    deferred: [],
    refused: [],
    reply: OK,
    queueId,
    queueIds: [queueId],
    server: { host: 'localhost', port: 0 },
    roundTrips: 0,
    timings: { queue: 0, transaction: 0, total: 0 },
  };
}

async function readWhole(message: OutgoingMail['message']): Promise<string> {
  if (typeof message === 'string') return message;
  if (message instanceof Uint8Array) return Buffer.from(message).toString();
  const pieces: Buffer[] = [];
  for await (const piece of message) pieces.push(Buffer.from(piece as Uint8Array));
  return Buffer.concat(pieces).toString();
}
