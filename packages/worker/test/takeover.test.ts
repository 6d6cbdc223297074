// Who is at a mail when somebody thought to be alone: after a crash of the server, a lease that ended, a claim that was lost.
import type { Receipt, Reply } from '@mailgrant/core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Asked, type Attempt, begin, type Beginning, type BeginOptions } from '../src/delivery/begin.ts';
import { type Context, transacting } from '../src/delivery/context.ts';
import { Fenced, markDot } from '../src/delivery/mark.ts';
import { paceOf } from '../src/delivery/pace.ts';
import { settleFailed, settleReleased, settleTaken } from '../src/delivery/settle.ts';
import { retryPolicy } from '../src/delivery/retry-policy.ts';
import { renewSlots, takeSlot } from '../src/delivery/slots.ts';
import { createEngine, type Engine } from '../src/engine.ts';
import { type Base, createBase, createRig, type Rig } from './support/rig.ts';

let base: Base;
let rig: Rig;
let engine: Engine;
beforeAll(async () => {
  base = await createBase('postgres');
});
afterAll(() => base[Symbol.asyncDispose]());
beforeEach(async () => {
  rig = await createRig(base);
  engine = createEngine({ store: rig.store, claims: false, migrate: true, onProblem: () => {} });
  await engine.start();
});
afterEach(async () => {
  await engine.stop();
  await rig[Symbol.asyncDispose]();
});

const change = (query: string) => rig.store.executor().executeSql(query, []);

interface Hand {
  begin(asked?: Asked): Promise<Beginning>;
  send(asked?: Asked): Promise<Attempt>;
  mark(attempt: Attempt): Promise<void>;
  readonly context: Context;
}

/** A lane by hand: it does one step when it is told to. */
async function lane(holder: string, over: Partial<Context & Pick<BeginOptions, 'pace'>> = {}): Promise<Hand> {
  const sink = { keep: () => Promise.resolve(), tell: () => {} };
  const context: Context = {
    store: rig.store,
    engine,
    worker: 'worker',
    retryPolicy: retryPolicy(86_400_000),
    onInDoubt: 'resend',
    seal: undefined,
    now: Date.now,
    random: () => 0,
    onProblem: (error) => void rig.problems.push(error),
    transact: transacting(rig.store, sink, Date.now),
    ...over,
  };
  const slot = await takeSlot(rig.store.db, 'noreply', holder);
  if (slot === undefined) throw new Error('no place is free');
  const options = { mailbox: 'noreply', slot, holder, pace: over.pace, recipientsPerMessage: 500 };
  return {
    context,
    begin: (asked) => begin(context, options, asked),
    async send(asked) {
      const beginning = await begin(context, options, asked);
      if (beginning.kind !== 'send') throw new Error(`not sent: ${beginning.kind}`);
      return beginning.attempt;
    },
    mark: (attempt) => markDot(context, attempt, { pace: over.pace, signal: new AbortController().signal }),
  };
}

test('an attempt that a crash of the server undid leaves alone the one that took its number', async () => {
  const { outbox } = rig.worker({}, { recipientsPerDay: 10 });
  const { id } = await outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail() });
  const first = await lane('worker#1');
  const second = await lane('worker#2');
  const undone = await first.send();
  // The beginning was committed without waiting for the disk.
  await change('delete from mailgrant.mail_attempt');
  await change('delete from mailgrant.mailbox_usage');
  await change("update mailgrant.mail set state = 'scheduled', attempts = 0");
  await change("update mailgrant_boss.job set state = 'created', started_on = null, heartbeat_on = null");
  const attempt = await second.send();
  expect(attempt.n).toBe(undone.n);

  await expect(first.mark(undone)).rejects.toThrow(Fenced);
  await settleReleased(first.context, undone);
  await settleFailed(first.context, undone, new Error('reset'));

  await second.mark(attempt);
  expect(await outbox.get(id)).toMatchObject({ state: 'sending', log: [{ n: 1, worker: 'worker#2', phase: 'dot' }] });
  expect(await outbox.stats()).toMatchObject([{ recipientsToday: 1 }]);
  expect(await engine.touch([attempt.claim])).toEqual([]);
});

test('a place is kept for a lane that lives, not for another one of its worker', async () => {
  await rig.worker({}, { connections: 3 }).outbox.scheduleMails([]);
  await lane('worker#1');
  await lane('worker#2');
  const until = async () =>
    (await rig.store.db.selectFrom('mailbox_slot').select('until').orderBy('slot').execute()).map((row) => row.until);
  const before = await until();
  expect(await renewSlots(rig.store.db, ['worker#1'])).toEqual(new Set(['worker#1']));
  const after = await until();
  expect(after[0]).not.toEqual(before[0]);
  expect(after[1]).toEqual(before[1]);
});

test('a place whose lease ended is not given to a second lane of the worker that is still connected there', async () => {
  rig.sandbox.exchange.next('MESSAGE', { hang: true, times: 2 });
  const worker = rig.worker({}, { connections: 3, idleTimeout: 0 });
  await worker.start();
  const atDot = async (): Promise<void> => {
    const { id } = await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail() });
    await expect
      .poll(async () => (await worker.outbox.get(id))?.log[0]?.phase, { timeout: 10_000, interval: 20 })
      .toBe('dot');
  };
  await atDot();
  // The database was away, or this process slept.
  await change("update mailgrant.mailbox_slot set until = now() - interval '1 second' where slot = 0");
  await atDot();
  const busy = worker.health().lanes.filter((each) => each.busy);
  expect(new Set(busy.map(({ slot }) => slot))).toEqual(new Set([0, 1]));
});

/** What the engine does with a claim that gave no sign of life. */
const endClaims = () =>
  change("update mailgrant_boss.job set state = 'retry', start_after = now() where state = 'active'");

const receipt = (): Receipt => {
  const reply: Reply = { code: 250, status: undefined, lines: ['Ok'] };
  return { accepted: [{ address: 'ada@example.com', reply }], refused: [], deferred: [], reply } as never;
};

test('an answer about an attempt in doubt counts for nothing once its claim has ended', async () => {
  const { outbox } = rig.worker();
  await outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail() });
  const first = await lane('worker#1', { onInDoubt: () => 'not-sent' });
  const second = await lane('worker#2', { onInDoubt: () => 'not-sent' });
  await first.mark(await first.send());
  await endClaims();
  const asked = await first.begin();
  await endClaims(); // while the answer waits for its turn
  expect(await second.begin()).toMatchObject({ kind: 'ask', n: 1 });
  if (asked.kind !== 'ask') throw new Error(asked.kind);
  expect(await first.begin({ claim: asked.claim, n: asked.n, says: 'not-sent' })).toEqual({ kind: 'over' });
});

test('a mail that was said not to be sent, and turns out to be after it was sent again, is flagged', async () => {
  const { outbox } = rig.worker();
  const { id } = await outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail() });
  const first = await lane('worker#1', { onInDoubt: () => 'not-sent' });
  const second = await lane('worker#2', { onInDoubt: () => 'not-sent' });
  const slow = await first.send();
  await first.mark(slow);
  await endClaims();
  const asked = await second.begin();
  if (asked.kind !== 'ask') throw new Error(asked.kind);
  const again = await second.send({ claim: asked.claim, n: asked.n, says: 'not-sent' });
  await second.mark(again);
  await settleTaken(first.context, slow, receipt());
  await settleTaken(second.context, again, receipt());
  expect(await outbox.get(id)).toMatchObject({ state: 'accepted', duplicatePossible: true });
});

test('the claim is kept while an answer waits for the mailbox’s turn', async () => {
  rig.sandbox.exchange.next('MESSAGE', { close: 'reset' });
  let asked = 0;
  const worker = rig.worker({ onInDoubt: () => (++asked, 'not-sent') }, { ratePerMinute: 1 });
  await worker.start();
  await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail() });
  await expect.poll(() => asked, { timeout: 10_000 }).toBe(1);
  const alive = async () =>
    (await change("select heartbeat_on from mailgrant_boss.job where state = 'active'")).rows[0];
  const before = await alive();
  expect(before).toBeDefined();
  await expect.poll(alive, { timeout: 8_000 }).not.toEqual(before);
});

test('a lane whose claim has ended asks no further', async () => {
  rig.sandbox.exchange.next('MESSAGE', { close: 'reset' });
  let asked = 0;
  const worker = rig.worker({ onInDoubt: () => (++asked, new Promise(() => {})) });
  await worker.start();
  await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail() });
  await expect.poll(() => asked, { timeout: 10_000 }).toBe(1);
  await endClaims();
  await expect.poll(() => asked, { timeout: 10_000 }).toBe(2);
  const busy = () => worker.health().lanes.filter((each) => each.busy).length;
  await expect.poll(busy, { timeout: 8_000 }).toBe(1);
});

test('a message that is held back takes no turn from the others', async () => {
  const pace = paceOf(1);
  const { outbox } = rig.worker({}, { ratePerMinute: 1 });
  const { id } = await outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail() });
  const only = await lane('worker#1', { pace });
  const attempt = await only.send();
  expect(await outbox.cancel(id)).toBe('done');
  await expect(only.mark(attempt)).rejects.toThrow(Fenced);
  expect((await change('select dot_tat from mailgrant.mailbox')).rows).toEqual([{ dot_tat: null }]);
});

test('an attempt that somebody else has ended is held back at once, not when its turn comes', async () => {
  const pace = paceOf(1);
  const { outbox } = rig.worker({}, { ratePerMinute: 1 });
  await outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail() });
  const only = await lane('worker#1', { pace });
  const attempt = await only.send();
  await change("update mailgrant.mail_attempt set phase = 'done', outcome = 'released'");
  await expect(only.mark(attempt)).rejects.toThrow(Fenced);
});
