// Stopping, and what the next worker finds.
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { reconcile } from '../src/delivery/housekeeping.ts';
import { createEngine } from '../src/engine.ts';
import type { MailWorker } from '../src/index.ts';
import { type Base, createBase, createRig, KINDS, type Rig } from './support/rig.ts';

describe.each(KINDS)('on the %s store', (kind) => {
  let base: Base;
  let rig: Rig;
  beforeAll(async () => {
    base = await createBase(kind);
  });
  afterAll(() => base[Symbol.asyncDispose]());
  beforeEach(async () => {
    rig = await createRig(base);
  });
  afterEach(() => rig[Symbol.asyncDispose]());

  const three = () => Array.from({ length: 3 }, (_, n) => ({ mailbox: 'noreply', mail: rig.mail(`n${n}`) }));
  const phases = async (): Promise<string[]> =>
    (await rig.store.db.selectFrom('mail_attempt').select('phase').execute()).map(({ phase }) => phase);
  const inFlight = async (phase: 'start' | 'dot'): Promise<void> => {
    await expect.poll(phases, { interval: 20, timeout: 10_000 }).toEqual([phase, phase, phase]);
  };

  test('three messages in flight are finished, the rest is left alone', async () => {
    for (let n = 0; n < 3; n++) rig.sandbox.exchange.next('DATA', { delay: 1_000 });
    const worker = rig.worker();
    await worker.outbox.scheduleMails([...three(), ...three()]);
    await worker.start();
    await inFlight('start');
    await worker.stop({ drainMs: 10_000 });
    expect(rig.sandbox.inbox.messages).toHaveLength(3);
    expect(await worker.outbox.stats()).toMatchObject([
      { counts: { accepted: 3, scheduled: 3, in_doubt: 0 }, slots: 0 },
    ]);
    expect(rig.sandbox.exchange.traffic(rig.sandbox.mailbox).connections).toBe(0);
    expect(worker.health().state).toBe('stopped');
  });

  test('what is not at its last bytes when time is up is given back, uncounted', async () => {
    for (let n = 0; n < 3; n++) rig.sandbox.exchange.next('DATA', { hang: true });
    const worker = rig.worker();
    await worker.outbox.scheduleMails(three());
    await worker.start();
    await inFlight('start');
    await worker.stop({ drainMs: 10 });
    expect(await worker.outbox.stats()).toMatchObject([{ counts: { scheduled: 3 }, slots: 0 }]);
    rig.sandbox.exchange.clear();
    const next = rig.worker();
    await next.start();
    await rig.told('mail.accepted', 3);
    expect(rig.sandbox.inbox.messages).toHaveLength(3);
    expect((await next.outbox.list()).mails.map(({ failures }) => failures)).toEqual([0, 0, 0]);
  });

  test('what is there and gets no answer is in doubt', async () => {
    for (let n = 0; n < 3; n++) rig.sandbox.exchange.next('MESSAGE', { hang: true });
    const worker = rig.worker({ onInDoubt: 'hold' });
    await worker.outbox.scheduleMails(three());
    await worker.start();
    await inFlight('dot');
    await worker.stop({ drainMs: 10 });
    expect(await worker.outbox.stats()).toMatchObject([{ counts: { in_doubt: 3 }, slots: 0 }]);
  });

  test('a worker that was never started stops as well, and twice', async () => {
    const worker = rig.worker();
    await worker.stop();
    await worker.stop();
    expect(worker.health().state).toBe('stopped');
  });

  test('a worker whose start failed half-way leaves nothing running', async () => {
    await rig.store.executor().executeSql('alter table mailgrant.mailbox_slot rename to mailbox_away');
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const worker = rig.worker();
      await expect(worker.start()).rejects.toThrow('mailbox_slot');
      expect(vi.getTimerCount()).toBeGreaterThan(0);
      await worker.stop();
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
      await rig.store.executor().executeSql('alter table mailgrant.mailbox_away rename to mailbox_slot');
    }
  });

  test('mails whose jobs are gone get new ones, once', async () => {
    const worker = rig.worker();
    const [{ id } = { id: '' }] = await worker.outbox.scheduleMails(three());
    await worker.outbox.cancel(id);
    await rig.store.executor().executeSql('delete from mailgrant_boss.job');
    const engine = createEngine({ store: rig.store, claims: false, migrate: false, onProblem: () => {} });
    await engine.start();
    expect(await reconcile({ store: rig.store, engine })).toBe(2);
    expect(await reconcile({ store: rig.store, engine })).toBe(0);
    await engine.stop();
    await worker.start();
    await rig.told('mail.accepted', 2);
    expect(rig.sandbox.inbox.messages).toHaveLength(2);
  });
});

describe('while the look at the queue waits for a lock', () => {
  let base: Base;
  let rig: Rig;
  beforeAll(async () => {
    base = await createBase('postgres');
  });
  afterAll(() => base[Symbol.asyncDispose]());
  beforeEach(async () => {
    rig = await createRig(base);
  });
  afterEach(() => rig[Symbol.asyncDispose]());

  const mails = (count: number) =>
    Array.from({ length: count }, (_, n) => ({ mailbox: 'noreply', mail: rig.mail(`n${n}`) }));

  /** A worker with so many messages in hand, and a look that waits for a place for three more. */
  async function atALock(inHand: number): Promise<{ worker: MailWorker; unlock: () => Promise<void> }> {
    const worker = rig.worker();
    await worker.start();
    await worker.outbox.scheduleMails(mails(inHand));
    const busy = (): number => worker.health().lanes.filter((lane) => lane.busy).length;
    await expect.poll(busy, { interval: 20, timeout: 10_000 }).toBe(inHand);
    let unlock = (): void => {};
    const unlocked = new Promise<void>((resolve) => (unlock = resolve));
    let locking: Promise<void> | undefined;
    await new Promise<void>((locked) => {
      locking = rig.store.transaction(async (trx) => {
        await sql`lock table mailgrant.mailbox_slot in exclusive mode`.execute(trx);
        locked();
        await unlocked;
      });
    });
    await worker.outbox.scheduleMails(mails(3));
    const waiting = "select from pg_locks where relation = 'mailgrant.mailbox_slot'::regclass and not granted";
    const found = async (): Promise<number> => (await rig.store.executor().executeSql(waiting)).rows.length;
    await expect.poll(found, { interval: 20, timeout: 10_000 }).toBeGreaterThan(0);
    return {
      worker,
      unlock: async () => {
        unlock();
        await locking;
      },
    };
  }

  test('whoever stops does not wait for it, and it leads to nothing', async () => {
    const { worker, unlock } = await atALock(0);
    await worker.stop({ drainMs: 10 });
    expect(worker.health().state).toBe('stopped');
    await unlock();
    await expect.poll(() => worker.outbox.stats()).toMatchObject([{ counts: { scheduled: 3, sending: 0 }, slots: 0 }]);
    expect(worker.health().lanes).toEqual([]);
  });

  test('the message in hand is the last one of a worker that stops', async () => {
    rig.sandbox.exchange.next('DATA', { delay: 1_000 });
    const { worker, unlock } = await atALock(1);
    const stopping = worker.stop({ drainMs: 10_000 });
    await rig.told('mail.accepted');
    await unlock();
    await stopping;
    expect(await worker.outbox.stats()).toMatchObject([{ counts: { accepted: 1, scheduled: 3 }, slots: 0 }]);
  });
});
