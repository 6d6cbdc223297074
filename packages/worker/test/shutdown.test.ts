// Stopping, and what the next worker finds.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { reconcile } from '../src/delivery/housekeeping.ts';
import { createEngine } from '../src/engine.ts';
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
