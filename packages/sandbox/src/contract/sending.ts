// The contract on mail that arrives.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { contractCase, OTHER_MAILBOX } from './bench.ts';
import type { ContractCase } from './contract.ts';

const PICTURE = Buffer.from(Array.from({ length: 3000 }, (_, i) => (i * 7) % 256));

export const sending: readonly ContractCase[] = [
  contractCase('a mail arrives, over TLS, logged in with a token, and the receipt says so', [], async (bench) => {
    const subject = await bench.open();
    const receipt = await bench.send(subject, { text: 'First line\nSecond line\n.\nFourth line' });
    const [message] = bench.sandbox.inbox.messages;
    assert.ok(message, 'nothing arrived');
    assert.deepEqual(receipt.accepted, ['ada@example.com']);
    assert.deepEqual(receipt.rejected, []);
    assert.deepEqual(message.envelope, { from: bench.sandbox.mailbox, to: ['ada@example.com'], refused: [] });
    assert.equal(message.subject, 'Hello');
    assert.equal((await message.parse()).text?.trim(), 'First line\nSecond line\n.\nFourth line');
    assert.equal(message.identity.mailbox, bench.sandbox.mailbox);
    assert.match(message.session.tls ?? '', /^TLSv1\.[23]/);
    if (receipt.messageId !== undefined) assert.equal(message.messageId, receipt.messageId);
  }),

  contractCase('cc and bcc get it too, and bcc is nowhere in the message', ['compose'], async (bench) => {
    const subject = await bench.open();
    const receipt = await bench.send(subject, { cc: ['grace@example.org'], bcc: ['eve@example.net'] });
    const [message] = bench.sandbox.inbox.messages;
    assert.deepEqual(
      new Set(message?.envelope.to),
      new Set(['ada@example.com', 'grace@example.org', 'eve@example.net']),
    );
    assert.deepEqual(new Set(receipt.accepted), new Set(message?.envelope.to));
    assert.doesNotMatch(Buffer.from(message?.raw ?? []).toString('latin1'), /^bcc:|eve@/im);
  }),

  contractCase(
    'text, HTML and attachments come out as they went in, whatever the language',
    ['compose'],
    async (bench) => {
      const subject = await bench.open();
      const attachments = [{ filename: 'Übersicht.png', contentType: 'image/png', content: PICTURE }];
      await bench.send(subject, { subject: 'Grüße, 世界', text: 'Wörter', html: '<p>Wörter 世界', attachments });
      const [message] = bench.sandbox.inbox.messages;
      const parsed = await message?.parse();
      assert.equal(message?.subject, 'Grüße, 世界');
      assert.equal(parsed?.text?.trim(), 'Wörter');
      assert.equal(parsed?.html?.trim(), '<p>Wörter 世界');
      const [attachment] = parsed?.attachments ?? [];
      assert.equal(attachment?.filename, 'Übersicht.png');
      assert.deepEqual(Buffer.from(attachment?.content ?? []), PICTURE);
    },
  ),

  contractCase('a line break in a subject makes no header and no recipient', ['compose'], async (bench) => {
    const subject = await bench.open();
    const attempt = subject.send(bench.mail({ subject: 'Hello\r\nBcc: eve@example.net\r\nX-Injected: 1' }));
    // Refusing it is as good as folding it into one line.
    await attempt.catch(() => bench.failure(attempt));
    for (const { envelope, raw } of bench.sandbox.inbox.messages) {
      assert.deepEqual(envelope.to, ['ada@example.com']);
      assert.doesNotMatch(Buffer.from(raw).toString('latin1'), /^(?:bcc|x-injected):/im);
    }
  }),

  contractCase('the same recipient several times gets one copy', [], async (bench) => {
    const subject = await bench.open();
    const receipt = await bench.send(subject, {
      to: ['ada@example.com', 'ada@example.com'],
      cc: ['ada@example.com', 'grace@example.org'],
    });
    assert.deepEqual(bench.sandbox.inbox.messages[0]?.envelope.to, ['ada@example.com', 'grace@example.org']);
    assert.deepEqual(receipt.accepted, ['ada@example.com', 'grace@example.org']);
    assert.equal(bench.sandbox.inbox.messages.length, 1);
  }),

  contractCase(
    'many at once arrive once each, with one token and no more connections than allowed',
    [],
    async (bench) => {
      const subject = await bench.open();
      const names = Array.from({ length: 12 }, (_, i) => `mail ${i}`);
      await Promise.all(names.map((name) => bench.send(subject, { subject: name })));
      assert.deepEqual(bench.subjects().toSorted(), names.toSorted());
      assert.equal(bench.sandbox.tokenRequests.length, 1, 'token requests');
      const { maxConnections } = bench.sandbox.exchange.traffic(bench.sandbox.mailbox);
      assert.ok(maxConnections <= 3, `${maxConnections} connections at once, where a mailbox may have 3`);
    },
  ),

  contractCase('a mail with blind copies only arrives', ['compose'], async (bench) => {
    const subject = await bench.open();
    const receipt = await bench.send(subject, { to: [], bcc: ['ada@example.com'] });
    assert.deepEqual(receipt.accepted, ['ada@example.com']);
    assert.doesNotMatch(
      Buffer.from(bench.sandbox.inbox.messages[0]?.raw ?? []).toString('latin1'),
      /ada@example\.com/i,
    );
  }),

  contractCase('an attachment of two megabytes arrives byte for byte', ['compose'], async (bench) => {
    const subject = await bench.open();
    const content = randomBytes(2_000_000);
    await bench.send(subject, {
      attachments: [{ filename: 'a.bin', contentType: 'application/octet-stream', content }],
    });
    const parsed = await bench.sandbox.inbox.messages[0]?.parse();
    assert.ok(content.equals(parsed?.attachments[0]?.content ?? Buffer.alloc(0)), 'the attachment is another one');
  }),

  contractCase('the mail that was handed over stays as it was', ['compose'], async (bench) => {
    const subject = await bench.open();
    const attachments = [{ filename: 'a.txt', contentType: 'text/plain', content: Buffer.from('attached') }];
    const mail = bench.mail({ cc: ['grace@example.org'], html: '<p>Hi</p>', attachments });
    const before = structuredClone(mail);
    bench.saw(await subject.send(mail));
    assert.deepEqual(bench.subjects(), ['Hello']);
    assert.deepEqual(structuredClone(mail), before);
  }),

  contractCase('two of a kind in one process know nothing of each other', [], async (bench) => {
    const [one, other] = await Promise.all([bench.open(), bench.open({ user: OTHER_MAILBOX })]);
    await Promise.all([
      bench.send(one, { subject: 'one' }),
      bench.send(other, { from: OTHER_MAILBOX, subject: 'other' }),
    ]);
    await one.close();
    await bench.send(other, { from: OTHER_MAILBOX, subject: 'still there' });
    const users = bench.sandbox.inbox.messages.map(({ subject, identity }) => `${subject} by ${identity.mailbox}`);
    assert.deepEqual(users.toSorted(), [
      `one by ${bench.sandbox.mailbox}`,
      `other by ${OTHER_MAILBOX}`,
      `still there by ${OTHER_MAILBOX}`,
    ]);
  }),
];
