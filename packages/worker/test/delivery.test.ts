// Mails that go out: at once, later, in parts, encrypted, large; and those that do not.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
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

  const subjects = (): (string | undefined)[] => rig.sandbox.inbox.messages.map(({ subject }) => subject);
  const recipients = (): string[][] => rig.sandbox.inbox.messages.map(({ envelope }) => [...envelope.to]);

  test('a mail goes out at once, and its row tells so', async () => {
    const worker = rig.worker();
    await worker.start();
    const { id, created } = await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail('At once') });
    expect(created).toBe(true);
    await rig.told('mail.accepted');
    expect(subjects()).toEqual(['At once']);
    expect(await worker.outbox.get(id)).toMatchObject({
      state: 'accepted',
      subject: 'At once',
      duplicatePossible: false,
      recipients: [{ address: 'ada@example.com', state: 'accepted', code: 250 }],
      log: [{ n: 1, phase: 'done', outcome: 'accepted', replyCode: 250 }],
    });
    expect(rig.problems).toEqual([]);
  });

  test('listeners that fail, at once or later, are in nobody’s way', async () => {
    const warnings: string[] = [];
    const warned = ({ message }: Error): void => void warnings.push(message);
    process.on('warning', warned);
    const worker = rig.worker({
      onEvent: () => {
        throw new Error('of the event');
      },
      onProblem: (async ({ message }: Error) => Promise.reject(new Error(`for want of a log ${message}`))) as never,
    });
    await worker.start();
    await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail() });
    await expect.poll(() => warnings, { timeout: 15_000 }).toContain('for want of a log of the event');
    process.off('warning', warned);
  });

  test('a mail for later goes out then, dated then', async () => {
    const worker = rig.worker();
    await worker.start();
    const sendAt = Date.now() + 1_500;
    await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail(), sendAt });
    const [event] = await rig.told('mail.accepted');
    expect(event?.at).toBeGreaterThanOrEqual(sendAt);
    const raw = Buffer.from(rig.sandbox.inbox.messages[0]?.raw ?? []).toString();
    expect(raw.match(/^Date: .*$/gm)).toEqual([`Date: ${new Date(sendAt).toUTCString().replace('GMT', '+0000')}`]);
  });

  test('mails enqueued before the worker starts go out when it does, the important ones first', async () => {
    const { outbox } = rig.worker();
    const worker = rig.worker({}, { connections: 1 });
    await outbox.scheduleMails([
      { mailbox: 'noreply', mail: rig.mail('first') },
      { mailbox: 'noreply', mail: rig.mail('second') },
      { mailbox: 'noreply', mail: rig.mail('urgent'), priority: 10 },
    ]);
    await worker.start();
    await rig.told('mail.accepted', 3);
    expect(subjects()).toEqual(['urgent', 'first', 'second']);
  });

  test('a message too large for a row comes back byte for byte', async () => {
    const worker = rig.worker();
    await worker.start();
    const content = Buffer.alloc(300_000, 'Mailgrant ');
    const attachments = [{ filename: 'a.bin', content }];
    await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: { ...rig.mail(), attachments } });
    await rig.told('mail.accepted');
    const raw = Buffer.from(rig.sandbox.inbox.messages[0]?.raw ?? []).toString();
    expect(raw.replace(/\r\n/g, '')).toContain(content.toString('base64'));
  });

  test('a sensitive mail is nowhere to be read, and arrives as it was', async () => {
    const encryptionKey = Buffer.alloc(32, 7).toString('base64');
    const worker = rig.worker({ encryptionKey });
    const canary = 'canary-4d1f';
    const mail = { ...rig.mail(`Subject ${canary}`), text: canary.repeat(10_000) };
    const [{ id: small } = { id: '' }] = await worker.outbox.scheduleMails([
      { mailbox: 'noreply', mail: { ...mail, text: canary }, sensitive: true },
      { mailbox: 'noreply', mail, sensitive: true },
    ]);
    const rows = await rig.store.db.selectFrom('mail').selectAll().execute();
    const chunks = await rig.store.db.selectFrom('blob_chunk').selectAll().execute();
    const stored = [...rows.map(({ mime }) => mime), ...chunks.map(({ bytes }) => bytes)];
    expect(Buffer.concat(stored.map((bytes) => bytes ?? new Uint8Array())).includes(canary)).toBe(false);
    expect(JSON.stringify(rows)).not.toContain(canary);
    await worker.start();
    await rig.told('mail.accepted', 2);
    expect(subjects()).toEqual([`Subject ${canary}`, `Subject ${canary}`]);
    expect((await worker.outbox.get(small))?.subject).toBeUndefined();
  });

  test('a mail with more recipients than a message takes goes out as several, once to each', async () => {
    const worker = rig.worker({}, { recipientsPerMessage: 2 });
    await worker.start();
    const to = Array.from({ length: 5 }, (_, n) => `guest${n}@example.com`);
    await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: { ...rig.mail(), to } });
    await rig.told('mail.accepted', 3);
    expect(recipients().map((part) => part.length)).toEqual([2, 2, 1]);
    expect(recipients().flat().toSorted()).toEqual(to);
  });

  test('an address that is there twice, or in letters of its own, is done with as any other', async () => {
    const worker = rig.worker();
    await worker.start();
    const to = ['ada@bücher.example', 'ADA@xn--bcher-kva.example', 'bob@example.com', 'bob@example.com'];
    const { id } = await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: { ...rig.mail(), to } });
    await rig.told('mail.accepted');
    const mail = await worker.outbox.get(id);
    expect(mail?.recipients.map(({ state }) => state)).toEqual(mail?.recipients.map(() => 'accepted'));
    expect(mail?.log).toMatchObject([{ outcome: 'accepted' }]);
  });

  test('after a partial refusal only those who were put off are tried again', async () => {
    const worker = rig.worker();
    await worker.start();
    rig.sandbox.exchange.next('RCPT', { reply: '250 2.1.5 Recipient OK' });
    rig.sandbox.exchange.next('RCPT', { reply: '550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found' });
    rig.sandbox.exchange.next('RCPT', { reply: '450 4.2.1 Mailbox busy' });
    const mail = { ...rig.mail(), to: ['a@example.com', 'b@example.com', 'c@example.com'] };
    const { id } = await worker.outbox.scheduleMail({ mailbox: 'noreply', mail });
    await rig.told('mail.deferred');
    expect(await worker.outbox.get(id)).toMatchObject({
      state: 'deferred',
      failures: 1,
      recipients: [
        { address: 'a@example.com', state: 'accepted' },
        { address: 'b@example.com', state: 'refused', code: 550 },
        { address: 'c@example.com', state: 'pending', code: 450 },
      ],
    });
    await rig.told('mail.recipients-refused');
    expect(await worker.outbox.sendNow(id)).toBe('done');
    await rig.told('mail.accepted', 2);
    expect(recipients()).toEqual([['a@example.com'], ['c@example.com']]);
    expect((await worker.outbox.get(id))?.state).toBe('accepted');
  });

  test('a message refused for good is dead, and can be replayed', async () => {
    const worker = rig.worker();
    await worker.start();
    rig.sandbox.exchange.reply('MESSAGE', '554 5.6.0 Corrupt message content');
    const { id } = await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail() });
    const [event] = await rig.told('mail.dead');
    expect(event).toMatchObject({ mailId: id, error: { class: 'message', code: 'ERR_SMTP_MESSAGE_REFUSED' } });
    expect(await worker.outbox.get(id)).toMatchObject({ state: 'dead', log: [{ outcome: 'refused', replyCode: 554 }] });
    expect(await worker.outbox.replayDead()).toBe(1);
    await rig.told('mail.accepted');
    expect(subjects()).toEqual(['Hello']);
  });

  test('a message put off waits a minute or so, and the next one goes', async () => {
    const worker = rig.worker();
    await worker.start();
    rig.sandbox.exchange.reply('MESSAGE', '451 4.7.0 Temporary server error. Please try again later');
    const { id } = await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail('put off') });
    const [event] = await rig.told('mail.deferred');
    expect(event).toMatchObject({ mailId: id, error: { class: 'transient' } });
    await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail('next') });
    await rig.told('mail.accepted');
    expect(subjects()).toEqual(['next']);
    const mail = await worker.outbox.get(id);
    expect(mail).toMatchObject({ state: 'deferred', failures: 1 });
    expect((mail?.nextAt ?? 0) - (event?.at ?? 0)).toBeGreaterThan(55_000);
  });

  test('a mailbox that the server shuts out rests, and none of its mails is held responsible', async () => {
    const worker = rig.worker();
    await worker.start();
    rig.sandbox.exchange.reply(
      'MESSAGE',
      '554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process message',
    );
    const { id } = await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail('one') });
    const [blocked] = await rig.told('mailbox.blocked');
    expect(blocked).toMatchObject({ mailbox: 'noreply', error: { class: 'slow-down' } });
    await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail('two') });
    expect(await worker.outbox.get(id)).toMatchObject({ state: 'deferred', failures: 0 });
    const [stats] = await worker.outbox.stats();
    expect(stats?.blocked).toMatchObject({ class: 'slow-down' });
    expect((stats?.blocked?.until ?? 0) - Date.now()).toBeGreaterThan(50 * 60_000);
    expect(rig.sandbox.exchange.sessions).toHaveLength(1);

    await worker.outbox.resume({ mailbox: 'noreply' });
    await rig.told('mail.accepted', 1);
    await worker.outbox.sendNow(id);
    await rig.told('mail.accepted', 2);
    expect(subjects()).toEqual(['two', 'one']);
  });

  test('where no connection comes about, the mailbox rests', async () => {
    const worker = rig.worker();
    await worker.start();
    rig.sandbox.exchange.next('GREETING', { close: 'reset' });
    const { id } = await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail() });
    const [blocked] = await rig.told('mailbox.blocked');
    expect(blocked).toMatchObject({ alert: false, error: { class: 'transient' } });
    expect(await worker.outbox.get(id)).toMatchObject({ state: 'deferred', failures: 0 });
    await worker.outbox.resume({ mailbox: 'noreply' });
    await worker.outbox.sendNow(id);
    await rig.told('mail.accepted');
  });

  test('a login refused as a message might be gives no mail up: the mailbox rests, and somebody is told', async () => {
    const worker = rig.worker();
    await worker.start();
    rig.sandbox.exchange.reply('AUTH', '502 5.5.1 Command not implemented', { times: Infinity });
    const { id } = await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail() });
    const [blocked] = await rig.told('mailbox.blocked');
    expect(blocked).toMatchObject({ alert: true, error: { class: 'admin' } });
    expect(await worker.outbox.get(id)).toMatchObject({ state: 'deferred', failures: 0 });
  });

  test('the day’s recipients used up make the mailbox wait, and its mail lives on', async () => {
    const worker = rig.worker({}, { recipientsPerDay: 3 });
    await worker.start();
    const to = ['a@example.com', 'b@example.com'];
    await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: { ...rig.mail('two of three'), to } });
    await rig.told('mail.accepted');
    const { id } = await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: { ...rig.mail('four'), to } });
    const [blocked] = await rig.told('mailbox.blocked');
    expect(blocked).toMatchObject({ error: { class: 'quota' } });
    expect(await worker.outbox.get(id)).toMatchObject({ state: 'scheduled', failures: 0, log: [] });
    const [stats] = await worker.outbox.stats();
    expect(stats).toMatchObject({ recipientsToday: 2, blocked: { class: 'quota' } });
    expect((stats?.blocked?.until ?? 0) - Date.now()).toBeGreaterThan(23 * 3_600_000);
  });

  test('a mail that expired, or for an address that wants none, is not sent', async () => {
    const worker = rig.worker();
    const now = Date.now();
    await worker.outbox.suppress({ address: 'Ada@Example.com', reason: 'asked to be left alone' });
    await worker.outbox.suppress({ domain: 'gone.example', until: now - 1 });
    const [expired, suppressed, partly] = await worker.outbox.scheduleMails([
      { mailbox: 'noreply', mail: rig.mail(), sendAt: now - 10_000, expiresAt: now - 5_000 },
      { mailbox: 'noreply', mail: rig.mail() },
      { mailbox: 'noreply', mail: { ...rig.mail('partly'), to: ['ada@example.com', 'bob@gone.example'] } },
    ]);
    await worker.start();
    await rig.told('mail.accepted');
    await rig.told('mail.suppressed');
    await rig.told('mail.expired');
    expect(recipients()).toEqual([['bob@gone.example']]);
    expect((await worker.outbox.get(expired?.id ?? ''))?.state).toBe('expired');
    expect((await worker.outbox.get(suppressed?.id ?? ''))?.state).toBe('suppressed');
    expect((await worker.outbox.get(partly?.id ?? ''))?.recipients.map(({ state }) => state)).toEqual([
      'suppressed',
      'accepted',
    ]);
    expect(JSON.stringify(await rig.store.db.selectFrom('suppression').selectAll().execute())).not.toContain('ada@');
    expect(await worker.outbox.unsuppress({ address: 'ada@example.com' })).toBe(true);
    expect(await worker.outbox.retry(suppressed?.id ?? '')).toBe('done');
    await rig.told('mail.accepted', 2);
  });

  test('what is wrong on this side gives no mail up: no mailer, a message that cannot be read', async () => {
    const worker = rig.worker(
      {},
      {
        mailer: () => {
          throw new Error('the vault is sealed');
        },
      },
    );
    await worker.start();
    const { id } = await worker.outbox.scheduleMail({ mailbox: 'noreply', mail: rig.mail() });
    expect(await rig.told('mailbox.blocked')).toMatchObject([{ alert: true, error: { class: 'admin' } }]);
    expect(await worker.outbox.get(id)).toMatchObject({ state: 'deferred', failures: 0 });
    expect(rig.problems.map(String)).toEqual(['Error: the vault is sealed']);
    await worker.stop();

    const sealing = rig.worker({ encryptionKey: Buffer.alloc(32, 1) });
    const mail = { ...rig.mail(), text: 'x'.repeat(200_000) };
    const { id: sealed } = await sealing.outbox.scheduleMail({
      mailbox: 'noreply',
      mail,
      sensitive: true,
      priority: 1,
    });
    await sealing.outbox.resume({ mailbox: 'noreply' });
    await rig.worker({ encryptionKey: Buffer.alloc(32, 2) }).start();
    expect(await rig.told('mail.deferred', 2)).toContainEqual(expect.objectContaining({ mailId: sealed }));
    expect(await sealing.outbox.get(sealed)).toMatchObject({ state: 'deferred', failures: 1 });
    expect(rig.sandbox.inbox.messages.map(({ subject }) => subject)).not.toContain('x');
  });
});
