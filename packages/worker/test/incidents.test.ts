// What goes wrong around a mail must not cost the mail: clocks, answers, and several failures of one moment.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
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

const rows = async (query: string): Promise<readonly Record<string, unknown>[]> =>
  (await rig.store.executor().executeSql(query, [])).rows;

test('three connections that fail in one moment are one rest, not three', async () => {
  const reply = '451 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded';
  for (let i = 0; i < 3; i += 1) rig.sandbox.exchange.next('DATA', { delay: 1_000, reply });
  const worker = rig.worker();
  await worker.outbox.scheduleMails(Array.from({ length: 3 }, () => ({ mailbox: 'noreply', mail: rig.mail() })));
  await worker.start();
  await rig.told('mail.deferred', 3);
  expect(await rows('select blocks from mailgrant.mailbox')).toEqual([{ blocks: 1 }]);
});

test('a mail does not expire because the clock of a worker is ahead of the database’s', async () => {
  const fast = rig.worker({ now: () => Date.now() + 3_600_000 });
  const expiresAt = Date.now() + 1_800_000;
  await rig.worker().outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail(), expiresAt });
  await fast.start();
  expect(await rig.told('mail.accepted')).toHaveLength(1);
});

test('an answer that would be cut in the middle of a character can be kept', async () => {
  rig.sandbox.exchange.next('RCPT', { reply: '250 2.1.5 Recipient OK' });
  rig.sandbox.exchange.next('RCPT', { reply: `550 5.1.10 ${'x'.repeat(492)}\u{1f600} gone` });
  const worker = rig.worker({ webhook: { url: 'http://127.0.0.1:9/', secret: Buffer.alloc(32) } });
  await worker.start();
  const to = ['ada@example.com', 'bob@example.com'];
  const { id } = await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: { ...rig.mail(), to } });
  await rig.told('mail.accepted');
  expect(await worker.outbox.get(id)).toMatchObject({ state: 'accepted', log: [{ outcome: 'partial' }] });
  expect(rig.problems.map(String).filter((problem) => problem.includes('json'))).toEqual([]);
});
