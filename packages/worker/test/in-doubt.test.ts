// The last bytes are out and no answer comes: what is done about it, and what people are told.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DEFAULT_RETENTION, sweep } from '../src/delivery/housekeeping.ts';
import type { InDoubtMail } from '../src/index.ts';
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
    // The message is taken, the answer is lost.
    rig.sandbox.exchange.next('MESSAGE', { close: 'reset' });
  });
  afterEach(() => rig[Symbol.asyncDispose]());

  const raws = (): string[] => rig.sandbox.inbox.messages.map(({ raw }) => Buffer.from(raw).toString());

  test('resend: it goes out again, the same to the last byte, and is flagged', async () => {
    const worker = rig.worker({ onInDoubt: 'resend' });
    await worker.start();
    const { id } = await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail() });
    expect(await rig.told('mail.in-doubt')).toMatchObject([{ mailId: id, action: 'resend', duplicatePossible: true }]);
    expect((await worker.outbox.list({ duplicatePossible: true })).mails).toMatchObject([{ id, state: 'deferred' }]);
    await worker.outbox.sendNow(id);
    await rig.told('mail.accepted');
    const [first, second] = raws();
    expect(raws()).toHaveLength(2);
    expect(second).toBe(first);
    expect(await worker.outbox.get(id)).toMatchObject({
      state: 'accepted',
      duplicatePossible: true,
      log: [{ outcome: 'in_doubt' }, { outcome: 'accepted' }],
    });
  });

  test('hold: it waits on a list until somebody decides', async () => {
    const worker = rig.worker({ onInDoubt: 'hold' });
    await worker.start();
    const { id } = await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail() });
    await rig.told('mail.in-doubt');
    expect((await worker.outbox.list({ state: 'in_doubt' })).mails.map((mail) => mail.id)).toEqual([id]);
    expect(await worker.outbox.cancel(id)).toBe('too-late');
    expect(await worker.outbox.resolveInDoubt(id, 'sent')).toBe('done');
    expect(await worker.outbox.get(id)).toMatchObject({ state: 'accepted', recipients: [{ state: 'accepted' }] });
    expect(raws()).toHaveLength(1);
  });

  test('hold: sent again on demand, and flagged', async () => {
    const worker = rig.worker({ onInDoubt: 'hold' });
    await worker.start();
    const { id } = await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail() });
    await rig.told('mail.in-doubt');
    expect(await worker.outbox.resolveInDoubt(id, 'resend')).toBe('done');
    expect(await rig.told('mail.accepted')).toMatchObject([{ duplicatePossible: true }]);
    expect(raws()).toHaveLength(2);
  });

  test('hold: let be, and sent after all long afterwards, it is flagged', async () => {
    const worker = rig.worker({ onInDoubt: 'hold' });
    await worker.start();
    const { id } = await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail() });
    await rig.told('mail.in-doubt');
    expect(await worker.outbox.resolveInDoubt(id, 'drop')).toBe('done');
    await sweep(rig, { ...DEFAULT_RETENTION, attempts: 0 });
    expect(await worker.outbox.retry(id)).toBe('done');
    expect(await rig.told('mail.accepted')).toMatchObject([{ duplicatePossible: true }]);
    expect(raws()).toHaveLength(2);
  });

  test('a function that finds it in Sent Items ends it: no second copy, no flag', async () => {
    const asked: InDoubtMail[] = [];
    const worker = rig.worker({ onInDoubt: (mail) => (asked.push(mail), 'sent') });
    await worker.start();
    const { id } = await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail(), tag: 'order' });
    await rig.told('mail.accepted');
    expect(asked).toMatchObject([{ mailId: id, tag: 'order', recipients: ['ada@example.com'] }]);
    expect(asked[0]?.messageId).toMatch(/^<.+>$/);
    expect(raws()).toHaveLength(1);
    expect(await worker.outbox.get(id)).toMatchObject({ state: 'accepted', duplicatePossible: false });
  });

  test('a function that fails, or does not know, leaves it to a person', async () => {
    const worker = rig.worker({ onInDoubt: () => Promise.reject(new Error('Graph is away')) });
    await worker.start();
    await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail() });
    expect(await rig.told('mail.in-doubt')).toMatchObject([{ action: 'hold' }]);
    expect(rig.problems.map(String)).toEqual(['Error: Graph is away']);
    expect(raws()).toHaveLength(1);
  });

  test('a function that knows it was not sent has it sent without a flag', async () => {
    rig.sandbox.exchange.clear();
    rig.sandbox.exchange.next('MESSAGE', { reply: '', close: 'reset' });
    const worker = rig.worker({ onInDoubt: () => 'not-sent' });
    await worker.start();
    const { id } = await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail() });
    await rig.told('mail.accepted');
    expect(await worker.outbox.get(id)).toMatchObject({ state: 'accepted', duplicatePossible: false });
  });

  test('a server that always falls silent gets it three times, then it is held', async () => {
    rig.sandbox.exchange.clear();
    rig.sandbox.exchange.next('MESSAGE', { close: 'reset', times: 9 });
    const worker = rig.worker({ onInDoubt: 'resend' });
    await worker.start();
    const { id } = await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail() });
    for (const count of [1, 2]) {
      await rig.told('mail.in-doubt', count);
      expect(await worker.outbox.sendNow(id)).toBe('done');
    }
    await rig.told('mail.in-doubt', 3);
    expect(await worker.outbox.get(id)).toMatchObject({ state: 'in_doubt', duplicatePossible: true });
    expect(raws()).toHaveLength(3);
  });

  test('a worker that stops does not wait for the function', async () => {
    let asked = (): void => {};
    const asking = new Promise<void>((resolve) => (asked = resolve));
    const worker = rig.worker({ onInDoubt: () => (asked(), new Promise(() => {})) });
    await worker.start();
    const { id } = await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail() });
    await asking;
    await worker.stop({ drainMs: 10 });
    const next = rig.worker({ onInDoubt: () => 'sent' });
    await next.start();
    await rig.told('mail.accepted');
    expect(await next.outbox.get(id)).toMatchObject({ state: 'accepted', duplicatePossible: false });
  });
});
