// A mailer between callers who change their minds and a server with a temper: sends, aborts, deadlines, logins, resume() and
// close() at any moment, against connections that end, fall silent or are refused at any command.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { MailError } from '../../src/errors.ts';
import { type Mailer, createMailer } from '../../src/mailer.ts';
import { genericProvider } from '../../src/providers.ts';
import type { Receipt } from '../../src/receipt.ts';
import { WIRE_LEVELS, type WireLevel } from '../../src/smtp/wire-ladder.ts';
import { type Fault, type FitfulServer, startFitfulServer } from './fitful-server.ts';
import { type Property, property } from './property.ts';

interface Send {
  readonly what: 'send';
  readonly recipients: number;
  readonly deadline: number | undefined;
  readonly abortAfter: number | undefined;
}

type Action =
  | Send
  | { readonly what: 'verify' | 'resume' | 'disconnect' }
  | { readonly what: 'wait'; readonly time: number };

interface Story {
  readonly actions: readonly Action[];
  readonly faults: readonly { readonly at: number; readonly fault: Fault }[];
  readonly wire: WireLevel;
  readonly extensions: readonly string[];
  readonly slowGoodbye: boolean;
  readonly connections: number;
  readonly recipientsPerMessage: number;
  readonly queue: {
    readonly messages: number;
    readonly whenFull: 'refuse' | 'wait';
    readonly whenHeld: 'refuse' | 'wait';
  };
  /** Milliseconds for `close()`; `undefined`: only when all is said and done. */
  readonly close: number | undefined;
}

const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined, freq: 2 });
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constant('send' as const),
      recipients: fc.integer({ min: 1, max: 4 }),
      deadline: maybe(fc.integer({ min: 1, max: 60 })),
      abortAfter: maybe(fc.nat(30)),
    }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('wait' as const), time: fc.nat(12) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constantFrom('verify' as const, 'resume', 'disconnect') }) },
);
const fault: fc.Arbitrary<Fault> = fc.constantFrom<Fault>(
  ...(['end', 'reset', 'silence', 'slow', 'lost'] as const),
  ...(['421 4.3.2 Service not active', '432 4.3.2 Concurrent connections limit exceeded', '451 4.7.0 later'] as const),
  ...(['500 5.5.1 what?', '535 5.7.3 Authentication unsuccessful', '550 5.1.8 bad outbound sender'] as const),
  ...(['550 5.1.1 no such user', '554 5.2.252 SendAsDenied'] as const),
);
const story: fc.Arbitrary<Story> = fc.record({
  actions: fc.array(action, { minLength: 1, maxLength: 16 }),
  faults: fc.array(fc.record({ at: fc.nat(60), fault }), { maxLength: 6 }),
  wire: fc.constantFrom(...WIRE_LEVELS),
  extensions: fc.subarray(['PIPELINING', 'CHUNKING', 'LIMITS MAILMAX=3']),
  slowGoodbye: fc.boolean(),
  connections: fc.integer({ min: 1, max: 3 }),
  recipientsPerMessage: fc.integer({ min: 1, max: 4 }),
  queue: fc.record({
    messages: fc.constantFrom(1, 3, 100),
    whenFull: fc.constantFrom('refuse', 'wait'),
    whenHeld: fc.constantFrom('refuse', 'wait'),
  }),
  close: maybe(fc.nat(20)),
});

interface Outcome {
  readonly receipt: Receipt | undefined;
  readonly error: unknown;
}

const sender = (i: number): string => `m${i}@a.example`;
const recipients = (i: number, count: number): string[] =>
  Array.from({ length: count }, (_, j) => `r${j}.m${i}@b.example`);
const SILENT = 80;
const LONG = 20_000;

function mailerTo({ port }: FitfulServer, { wire, connections, recipientsPerMessage, queue }: Story): Mailer {
  let tokens = 0;
  return createMailer({
    provider: {
      ...genericProvider('127.0.0.1', port),
      tls: 'none',
      limits: { connections, recipientsPerMessage, recipientsPerDay: 1_000 },
    },
    user: 'me@a.example',
    token: async () => ({ value: `token-${(tokens += 1)}`, expiresAt: Date.now() + 3_600_000 }),
    timeouts: { greeting: SILENT, command: SILENT, data: SILENT, message: SILENT },
    retries: 1,
    retryDelay: 2,
    idleTimeout: 10,
    wire,
    queue,
  });
}

/** Plays the actions; returns the outcome of each send in their order. */
async function played(mailer: Mailer, server: FitfulServer, { actions }: Story): Promise<Promise<Outcome>[]> {
  const sends: Promise<Outcome>[] = [];
  for (const each of actions) {
    if (each.what === 'send') sends.push(sent(mailer, sends.length, each));
    else if (each.what === 'wait') await sleep(each.time);
    else if (each.what === 'resume') mailer.resume();
    else if (each.what === 'disconnect') server.disconnectAll();
    else mailer.verify({ deadline: 40 }).catch(() => {});
  }
  return sends;
}

function sent(mailer: Mailer, i: number, { recipients: count, deadline, abortAfter }: Send): Promise<Outcome> {
  const signal = abortAfter === undefined ? undefined : AbortSignal.timeout(abortAfter);
  const mail = { envelope: { from: sender(i), to: recipients(i, count) }, message: `Subject: m${i}\r\n\r\n.\r\n` };
  return mailer.send(mail, { deadline, signal }).then(
    (receipt): Outcome => ({ receipt, error: undefined }),
    (error: unknown): Outcome => ({ receipt: undefined, error }),
  );
}

/** What is told of a message agrees with what the server has. */
function check(server: FitfulServer, i: number, { receipt, error }: Outcome): void {
  const stored = server.stored.filter(({ from }) => from === sender(i));
  const has = stored.flatMap(({ to }) => to);
  for (const { content } of stored)
    assert.ok(content.startsWith(`Subject: m${i}\r\n`), `m${i} was exchanged for another`);
  assert.equal(new Set(has).size, has.length, `m${i} is there twice for somebody: ${String(error)}`);
  if (receipt !== undefined) {
    const accepted = receipt.accepted.map(({ address }) => address);
    assert.deepEqual(has.toSorted(), accepted.toSorted(), `m${i} was said to be sent`);
    assert.ok(accepted.length > 0);
  } else {
    assert.ok(error instanceof MailError, String(error));
    assert.ok(has.length === 0 || error.mayHaveBeenSent, `m${i} is there: ${error.message}`);
  }
}

async function within<T>(time: number, what: string, promise: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = sleep(time, undefined, { signal: timer.signal }).then(() => assert.fail(what));
  try {
    return await Promise.race([promise, late]);
  } finally {
    late.catch(() => {});
    timer.abort();
  }
}

export const POOLS: readonly Property[] = [
  property(
    'pool',
    'whatever callers and server do: every send ends once and truly, connections stay within their number, nothing is left',
    15,
    fc.asyncProperty(story, async (each) => {
      const faults = new Map(each.faults.map(({ at, fault: what }) => [at, what]));
      await using server = await startFitfulServer({ ...each, faults });
      const mailer = mailerTo(server, each);
      const sends = await played(mailer, server, each);
      if (each.close !== undefined) await within(LONG, 'close() does not end', mailer.close({ deadline: each.close }));
      else {
        // When what was wrong is repaired, everything ends by itself and the mailbox is well again.
        server.calm();
        mailer.resume();
        await within(LONG, 'a send does not end', Promise.all(sends));
        await within(LONG, 'the mailbox stays ill', untilWell(mailer));
        assert.deepEqual([mailer.health().status, mailer.health().pending], ['up', 0]);
        await within(LONG, 'close() does not end', mailer.close());
      }
      const outcomes = await within(LONG, 'a send does not end', Promise.all(sends));
      assert.equal(mailer.health().pending, 0);
      for (const [i, outcome] of outcomes.entries()) check(server, i, outcome);
      assert.ok(server.most <= each.connections, `${server.most} connections at a time, of ${each.connections}`);
      await within(LONG, 'a connection is left open', untilLeft(server));
    }),
  ),
];

/** Sends until that works: what failed before the calm may still be answered by a suspension. */
async function untilWell(mailer: Mailer): Promise<void> {
  for (;;) {
    mailer.resume();
    const { receipt } = await sent(mailer, 1_000, {
      what: 'send',
      recipients: 1,
      deadline: 500,
      abortAfter: undefined,
    });
    if (receipt !== undefined) return;
    await sleep(1);
  }
}

async function untilLeft(server: FitfulServer): Promise<void> {
  while (server.open > 0) await sleep(1);
}
