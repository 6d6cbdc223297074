// What can be changed about a mail, and until when.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { transacting } from '../src/delivery/context.ts';
import { createEventSink } from '../src/delivery/events.ts';
import { expire } from '../src/delivery/housekeeping.ts';
import { type Base, createBase, createRig, KINDS, type Rig } from './support/rig.ts';

const LATER = 3_600_000;

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

  const later = () => ({ mailbox: 'noreply', mail: rig.mail(), sendAt: Date.now() + LATER });

  test('a mail that waits can be cancelled, and sent after all', async () => {
    const worker = rig.worker();
    await worker.start();
    const { id } = await worker.outbox.scheduleMail(later());
    expect(await worker.outbox.cancel(id)).toBe('done');
    expect(await worker.outbox.cancel(id)).toBe('finished');
    expect(await worker.outbox.sendNow(id)).toBe('finished');
    expect((await worker.outbox.get(id))?.state).toBe('cancelled');
    expect(await worker.outbox.retry(id)).toBe('done');
    await rig.told('mail.accepted');
    expect(await worker.outbox.retry(id)).toBe('finished');
  });

  test('what is moved goes out once, at the new time, dated then', async () => {
    const worker = rig.worker();
    await worker.start();
    const { id } = await worker.outbox.scheduleMail({ ...later(), idempotencyKey: 'k' });
    const sendAt = Date.now() + 500;
    expect(await worker.outbox.reschedule({ idempotencyKey: 'k' }, { sendAt })).toBe('done');
    await rig.told('mail.accepted');
    const raw = Buffer.from(rig.sandbox.inbox.messages[0]?.raw ?? []).toString();
    expect(raw).toContain(`Date: ${new Date(sendAt).toUTCString().replace('GMT', '+0000')}\r\n`);
    expect(await worker.outbox.get(id)).toMatchObject({ state: 'accepted', sendAt });
    expect(rig.sandbox.inbox.messages).toHaveLength(1);
  });

  test('a mail is moved to no time at which it would have expired', async () => {
    const { outbox } = rig.worker();
    const expiresAt = Date.now() + 2 * LATER;
    const { id } = await outbox.scheduleMail({ ...later(), expiresAt });
    const sendAt = Date.now() + 3 * LATER;
    const refusal = { code: 'ERR_INPUT_OPTION', message: expect.stringContaining('expiresAt') };
    await expect(outbox.reschedule(id, { sendAt })).rejects.toMatchObject(refusal);
    await expect(outbox.reschedule(id, { sendAt, expiresAt: sendAt })).rejects.toMatchObject(refusal);
    expect((await outbox.get(id))?.expiresAt).toBe(expiresAt);
    expect(await outbox.reschedule(id, { sendAt, expiresAt: sendAt + 1 })).toBe('done');
    expect(await outbox.reschedule(id, { sendAt: sendAt + LATER, expiresAt: null })).toBe('done');
  });

  test('a mail that waits for its time is not for retry()', async () => {
    const { outbox } = rig.worker();
    const { id } = await outbox.scheduleMail(later());
    const before = await outbox.get(id);
    expect(await outbox.retry(id)).toBe('finished');
    expect(await outbox.get(id)).toEqual(before);
  });

  test('a mail that is being sent can be cancelled until its last bytes', async () => {
    const worker = rig.worker();
    await worker.start();
    rig.sandbox.exchange.next('DATA', { delay: 2_000 });
    const { id } = await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail() });
    await expect.poll(async () => (await worker.outbox.get(id))?.state, { interval: 10 }).toBe('sending');
    expect(await worker.outbox.cancel(id)).toBe('done');
    await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail('another') });
    await rig.told('mail.accepted');
    await expect
      .poll(async () => (await worker.outbox.get(id))?.log.map(({ outcome }) => outcome))
      .toEqual(['released']);
    expect(rig.sandbox.inbox.messages.map(({ subject }) => subject)).toEqual(['another']);
    expect((await worker.outbox.get(id))?.state).toBe('cancelled');
  });

  test('once its last bytes are out it is too late', async () => {
    const worker = rig.worker();
    await worker.start();
    rig.sandbox.exchange.next('MESSAGE', { delay: 2_000 });
    const { id } = await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail() });
    await expect.poll(async () => (await worker.outbox.get(id))?.log[0]?.phase, { interval: 10 }).toBe('dot');
    expect(await worker.outbox.cancel(id)).toBe('too-late');
    expect(await worker.outbox.reschedule(id, { sendAt: Date.now() + LATER })).toBe('too-late');
    await rig.told('mail.accepted');
  });

  test('a worker whose mail was taken over sends no last bytes', async () => {
    const worker = rig.worker();
    await worker.start();
    rig.sandbox.exchange.next('DATA', { delay: 2_000 });
    const { id } = await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail() });
    await expect.poll(async () => (await worker.outbox.get(id))?.state, { interval: 10 }).toBe('sending');
    // As another worker would, that believes this one dead.
    await rig.store.db.updateTable('mail').set({ attempts: 2 }).where('id', '=', id).execute();
    // It gives the mail back, and whoever takes it then sends it: as the only copy.
    await rig.told('mail.accepted');
    expect((await worker.outbox.get(id))?.log.map(({ outcome }) => outcome)).toEqual(['released', 'accepted']);
    expect(rig.sandbox.inbox.messages).toHaveLength(1);
  });

  test('a paused mailbox keeps its mail', async () => {
    const worker = rig.worker();
    await worker.start();
    expect(await worker.outbox.pause({ mailbox: 'nobody' })).toBe(false);
    expect(await worker.outbox.pause({ mailbox: 'noreply' })).toBe(true);
    const { id } = await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail() });
    expect(await worker.outbox.stats()).toMatchObject([{ paused: true, counts: { scheduled: 1 } }]);
    expect(await worker.outbox.resume({ mailbox: 'noreply' })).toBe(true);
    await rig.told('mail.accepted');
    expect((await worker.outbox.get(id))?.state).toBe('accepted');
  });

  test('a mail expires while its mailbox rests, too', async () => {
    const worker = rig.worker();
    await worker.start();
    await worker.outbox.pause({ mailbox: 'noreply' });
    const sendAt = Date.now() - 2_000;
    const mails = [{ expiresAt: sendAt + 1_000 }, { expiresAt: sendAt + LATER }];
    const [gone] = await worker.outbox.scheduleMails(mails.map((mail) => ({ ...later(), ...mail, sendAt })));
    const told: string[] = [];
    const sink = createEventSink({ onEvent: ({ type }) => told.push(type), kept: false, onProblem: () => {} });
    const context = { transact: transacting(rig.store, sink, Date.now) };
    expect(await expire(context)).toBe(1);
    expect(await expire(context)).toBe(0);
    expect(told).toEqual(['mail.expired']);
    expect((await worker.outbox.get(gone?.id ?? ''))?.state).toBe('expired');
  });

  test('an idempotency key makes one mail, alone and among many', async () => {
    const { outbox } = rig.worker();
    const mail = { ...later(), idempotencyKey: 'welcome/7' };
    const first = await outbox.scheduleMail(mail);
    expect(first.created).toBe(true);
    expect(await outbox.scheduleMail(mail)).toEqual({ id: first.id, created: false });
    const many = await outbox.scheduleMails([{ ...mail, idempotencyKey: 'x' }, mail, { ...mail, idempotencyKey: 'x' }]);
    expect(many.map(({ created }) => created)).toEqual([true, false, false]);
    expect(many[1]?.id).toBe(first.id);
    expect(many[2]?.id).toBe(many[0]?.id);
    expect(await outbox.stats()).toMatchObject([{ counts: { scheduled: 2 } }]);
  });

  test('many are all or none', async () => {
    const { outbox } = rig.worker();
    const mails = [later(), { ...later(), mail: { ...rig.mail(), to: 'nobody' } }];
    await expect(outbox.scheduleMails(mails)).rejects.toMatchObject({ code: 'ERR_INPUT_ADDRESS' });
    expect((await outbox.list()).mails).toEqual([]);
  });

  test('a large message that went away before its mail was kept is told to whoever hands it over', async () => {
    const { outbox } = rig.worker();
    const slow = async function* () {
      yield { ...later(), mail: { ...rig.mail(), text: 'y\n'.repeat(60_000) } };
      await rig.store.blobs.sweep({ grace: -10_000 });
    };
    await expect(outbox.scheduleMails(slow())).rejects.toMatchObject({ code: 'ERR_STORE_BODY' });
    expect((await outbox.list()).mails).toEqual([]);
  });

  test('mails are found by what is known of them, page by page', async () => {
    const { outbox } = rig.worker();
    const made = await outbox.scheduleMails(
      Array.from({ length: 5 }, (_, n) => ({
        ...later(),
        mail: { ...rig.mail(`n${n}`), to: `guest${n}@example.com`, messageId: `<${n}@contoso.com>` },
        tag: n % 2 === 0 ? 'even' : 'odd',
      })),
    );
    const ids: string[] = [];
    let after: string | undefined;
    do {
      const page = await outbox.list({ limit: 2, after });
      ids.push(...page.mails.map(({ id }) => id));
      after = page.next;
    } while (after !== undefined);
    expect(ids.toSorted()).toEqual(made.map(({ id }) => id).toSorted());
    const found = async (filter: Parameters<typeof outbox.list>[0]) =>
      (await outbox.list(filter)).mails.map(({ subject = '' }) => subject).toSorted();
    expect(await found({ tag: 'odd' })).toEqual(['n1', 'n3']);
    expect(await found({ recipient: 'Guest2@example.com' })).toEqual(['n2']);
    expect(await found({ messageId: '<4@contoso.com>' })).toEqual(['n4']);
    expect(await found({ state: ['accepted', 'dead'] })).toEqual([]);
    expect(await outbox.get('nonsense')).toBeUndefined();
    expect(await outbox.cancel('nonsense')).toBe('not-found');
  });

  test('what cannot be sent is refused at the door', async () => {
    const { outbox } = rig.worker();
    const refusal = (change: object): Promise<unknown> =>
      outbox.scheduleMail({ ...later(), ...change }).catch((error: { code: unknown }) => error.code);
    expect(await refusal({ mailbox: 'nobody' })).toBe('ERR_INPUT_OPTION');
    expect(await refusal({ sendAt: Number.NaN })).toBe('ERR_INPUT_OPTION');
    expect(await refusal({ expiresAt: 5 })).toBe('ERR_INPUT_OPTION');
    expect(await refusal({ priority: 1.5 })).toBe('ERR_INPUT_OPTION');
    expect(await refusal({ idempotencyKey: '' })).toBe('ERR_INPUT_OPTION');
    // Half a character would be stored as another one: different keys would be the same.
    expect(await refusal({ idempotencyKey: 'order \u{1f600}'.slice(0, -1) })).toBe('ERR_INPUT_OPTION');
    expect(await refusal({ sensitive: true })).toBe('ERR_INPUT_OPTION');
    for (const to of ['x\r\ny@z', '\ud83d@z']) {
      const envelope = { from: 'a@b', to: [to] };
      expect(await refusal({ mail: { envelope, message: '' } })).toBe('ERR_INPUT_ADDRESS');
    }
    const attachments = [{ path: '/etc/hostname' }];
    expect(await refusal({ mail: { ...rig.mail(), attachments } })).toBe('ERR_INPUT_MESSAGE');
  });
});
