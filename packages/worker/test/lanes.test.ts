// Several workers on one mailbox: who may connect, and what happens to those who vanish.
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { renewSlots, takeSlot } from '../src/delivery/slots.ts';
import { takeTurn } from '../src/delivery/mailboxes.ts';
import { paceOf } from '../src/delivery/pace.ts';
import { createMailWorker } from '../src/index.ts';
import { openStore } from '../src/store/open-store.ts';
import { createDatabase } from './support/postgres.ts';
import { type Base, createBase, createRig, type Rig } from './support/rig.ts';

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

test('four workers never have more than three connections together, and send each mail once', async () => {
  const workers = [rig.worker(), rig.worker(), rig.worker(), rig.worker()];
  await Promise.all(workers.map((worker) => worker.start()));
  await workers[0]?.outbox.scheduleMails(mails(60));
  await rig.told('mail.accepted', 60);
  expect(rig.sandbox.exchange.traffic(rig.sandbox.mailbox).maxConnections).toBeLessThanOrEqual(3);
  expect(rig.sandbox.inbox.messages.map(({ subject }) => subject).toSorted()).toEqual(
    mails(60)
      .map(({ mail }) => mail.subject)
      .toSorted(),
  );
  expect(rig.problems).toEqual([]);
});

test('workers that start at the same moment on an empty database share it', async () => {
  await using database = await createDatabase();
  const open = () => openStore({ kind: 'postgres', url: database.url });
  const stores = await Promise.all([open(), open(), open(), open()]);
  const mailer = (): never => {
    throw new Error('nothing is sent here');
  };
  const workers = stores.map((store) => createMailWorker({ store, mailboxes: { noreply: { mailer } } }));
  await Promise.all(workers.map((worker) => worker.start()));
  expect(workers.map((worker) => worker.health().state)).toEqual(Array.from({ length: 4 }, () => 'running'));
  await Promise.all(workers.map((worker) => worker.stop()));
  await Promise.all(stores.map((store) => store.close()));
});

test('mail enqueued by one process is sent by another that waits, at once', async () => {
  await rig.worker().start();
  const client = rig.worker();
  const { id } = await client.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail() });
  expect(await rig.told('mail.accepted')).toMatchObject([{ mailId: id }]);
});

test('a place is free again when its lease has ended, and lost to whoever had it', async () => {
  await rig.worker({}, { connections: 1 }).outbox.scheduleMails([]);
  const { db } = rig.store;
  expect(await takeSlot(db, 'noreply', 'one')).toBe(0);
  expect(await takeSlot(db, 'noreply', 'two')).toBeUndefined();
  expect(await renewSlots(db, ['one', 'three'])).toEqual(new Set(['one']));
  await db
    .updateTable('mailbox_slot')
    .set({ until: new Date(0) })
    .execute();
  expect(await renewSlots(db, ['one'])).toEqual(new Set());
  expect(await takeSlot(db, 'noreply', 'two')).toBe(0);
});

test('after a rest there is one place until a message was taken; fewer where the server asked for less', async () => {
  await rig.worker({}, { connections: 3 }).outbox.scheduleMails([]);
  const { db } = rig.store;
  const set = (change: object) => db.updateTable('mailbox').set(change).execute();
  const takeAll = async (): Promise<(number | undefined)[]> => {
    await db.updateTable('mailbox_slot').set({ until: null }).execute();
    return [await takeSlot(db, 'noreply', 'a'), await takeSlot(db, 'noreply', 'b'), await takeSlot(db, 'noreply', 'c')];
  };
  await set({ blocked_until: new Date(Date.now() + 60_000) });
  expect(await takeAll()).toEqual([undefined, undefined, undefined]);
  await set({ blocked_until: new Date(0), blocks: 2 });
  expect(await takeAll()).toEqual([0, undefined, undefined]);
  await set({ blocks: 0, slow_until: new Date(Date.now() + 60_000) });
  expect(await takeAll()).toEqual([0, 1, undefined]);
  await set({ slow_until: new Date(0) });
  expect(await takeAll()).toEqual([0, 1, 2]);
});

test('after a rest the mailbox does not wait for a message from before it, and one lane finds out', async () => {
  rig.sandbox.exchange.next('MESSAGE', { hang: true });
  const worker = rig.worker();
  await worker.start();
  const { id } = await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail('hangs') });
  await expect.poll(async () => (await worker.outbox.get(id))?.log[0]?.phase).toBe('dot');
  rig.sandbox.exchange.next('MESSAGE', { reply: '451 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded' });
  const second = await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail() });
  await rig.told('mail.deferred');
  rig.sandbox.exchange.next('MESSAGE', { hang: true });
  await rig.store.db
    .updateTable('mailbox')
    .set({ blocked_until: sql<Date>`now()`, slow_until: null })
    .execute();
  await worker.outbox.sendNow(second.id);
  await expect.poll(async () => (await worker.outbox.get(second.id))?.log[1]?.phase, { timeout: 10_000 }).toBe('dot');
  // It hangs as well: whoever comes now waits for it.
  expect(await takeSlot(rig.store.db, 'noreply', 'third')).toBeUndefined();
});

test('turns are granted one after another, whoever asks', async () => {
  await rig.worker().outbox.scheduleMails([]);
  const pace = paceOf(30);
  expect(await takeTurn(rig.store.db, 'noreply', pace)).toBe(0);
  const waits = await Promise.all(Array.from({ length: 5 }, () => takeTurn(rig.store.db, 'noreply', pace)));
  for (const wait of waits) {
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(pace.spacing - pace.tolerance);
  }
});

test('a worker that dies between its last bytes and the answer leaves a mail that the next one flags', async () => {
  rig.sandbox.exchange.next('MESSAGE', { hang: true });
  const dying = rig.worker({ onInDoubt: 'resend' });
  await dying.start();
  const { id } = await dying.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail() });
  await expect.poll(async () => (await dying.outbox.get(id))?.log[0]?.phase).toBe('dot');
  // What a power cut leaves: a claim and a place that nobody keeps alive.
  await rig.store.executor().executeSql("update mailgrant_boss.job set state = 'retry', start_after = now()");
  const next = rig.worker({ onInDoubt: 'resend' });
  await next.start();
  expect(await rig.told('mail.accepted')).toMatchObject([{ mailId: id, duplicatePossible: true }]);
  expect(await next.outbox.get(id)).toMatchObject({ log: [{ outcome: 'in_doubt' }, { outcome: 'accepted' }] });
});
