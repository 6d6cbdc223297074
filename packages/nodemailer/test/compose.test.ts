import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { compose } from '../src/index.ts';
import { bytesOf, composeAndRead, mail } from './helpers.ts';

const decode = (content: unknown): string => Buffer.from(content as Uint8Array).toString();

test('text, html and attachments arrive as they were given', async () => {
  const read = await composeAndRead({
    subject: 'Grüße aus Zürich',
    text: 'Plain ünd simple',
    html: '<p>Plain ünd <b>simple</b></p>',
    attachments: [
      { filename: 'a.txt', content: 'first' },
      { filename: 'ä.bin', content: Buffer.from([0, 255, 13, 10, 0]) },
    ],
  });
  expect(read.subject).toBe('Grüße aus Zürich');
  expect(read.text).toBe('Plain ünd simple\n');
  expect(read.html).toBe('<p>Plain ünd <b>simple</b></p>\n');
  expect(read.attachments.map(({ filename, mimeType }) => [filename, mimeType])).toEqual([
    ['a.txt', 'text/plain'],
    ['ä.bin', 'application/octet-stream'],
  ]);
  expect(Buffer.from(read.attachments[1]?.content as Uint8Array)).toEqual(Buffer.from([0, 255, 13, 10, 0]));
});

test('addresses keep their names, and the envelope holds the bare addresses', async () => {
  const read = await composeAndRead({
    from: { name: 'Müller, Jörg', address: 'jm@example.com' },
    to: ['"Last, First" <first@example.org>', { name: 'Zoë', address: 'zoe@example.org' }],
    cc: 'Team: one@example.org, two@example.org;',
    replyTo: 'answers@example.com',
  });
  expect(read.from).toEqual({ name: 'Müller, Jörg', address: 'jm@example.com' });
  expect(read.to).toEqual([
    { name: 'Last, First', address: 'first@example.org' },
    { name: 'Zoë', address: 'zoe@example.org' },
  ]);
  expect(read.replyTo).toEqual([{ name: '', address: 'answers@example.com' }]);
  expect(read.composed.envelope).toEqual({
    from: 'jm@example.com',
    to: ['first@example.org', 'zoe@example.org', 'one@example.org', 'two@example.org'],
  });
});

test('blind copies are in the envelope and nowhere in the message', async () => {
  const { source, composed } = await composeAndRead({ bcc: ['Eve <eve@example.net>', 'mallory@example.net'] });
  expect(composed.envelope.to).toEqual(['grace@example.org', 'eve@example.net', 'mallory@example.net']);
  expect(source).not.toMatch(/^bcc:|eve@|mallory@/im);
});

test('the Message-ID is made in the domain of from, even with another reverse-path', async () => {
  const { messageId, composed } = await composeAndRead({
    envelope: { from: 'b+1@bounces.example.net', to: 'x@example.org' },
  });
  expect(messageId).toMatch(/^<[\w-]+@example\.com>$/);
  expect(composed.messageId).toBe(messageId);
  expect(composed.envelope).toEqual({ from: 'b+1@bounces.example.net', to: ['x@example.org'] });
});

test('the Date is now unless the mail brings one', async () => {
  const before = Math.floor(Date.now() / 1000) * 1000;
  const { date } = await composeAndRead();
  expect(Date.parse(date ?? '')).toBeGreaterThanOrEqual(before);
  expect((await composeAndRead({ date: new Date(0) })).date).toBe('1970-01-01T00:00:00.000Z');
});

test('the same mail with its date, messageId and boundary given is composed into the same bytes', async () => {
  const fields = {
    date: new Date(0),
    messageId: 'one@example.com',
    baseBoundary: 'b',
    html: '<p>',
    attachments: [{ content: 'x' }],
  };
  const [one, two] = [await composeAndRead(fields), await composeAndRead(fields)];
  expect(one.source).toBe(two.source);
  expect(one.composed.messageId).toBe('<one@example.com>');
  expect(one.source.replaceAll('\r\n', '\n')).toMatchInlineSnapshot(`
    "From: Ada <ada@example.com>
    To: grace@example.org
    Subject: Hello
    Message-ID: <one@example.com>
    Date: Thu, 01 Jan 1970 00:00:00 +0000
    MIME-Version: 1.0
    Content-Type: multipart/mixed; boundary="--_NmP-b-Part_1"

    ----_NmP-b-Part_1
    Content-Type: multipart/alternative; boundary="--_NmP-b-Part_2"

    ----_NmP-b-Part_2
    Content-Type: text/plain; charset=utf-8
    Content-Transfer-Encoding: 7bit

    Hi
    ----_NmP-b-Part_2
    Content-Type: text/html; charset=utf-8
    Content-Transfer-Encoding: 7bit

    <p>
    ----_NmP-b-Part_2--

    ----_NmP-b-Part_1
    Content-Type: application/octet-stream; name=attachment-1.*
    Content-Transfer-Encoding: base64
    Content-Disposition: attachment; filename=attachment-1.*

    eA==
    ----_NmP-b-Part_1--
    "
  `);
});

test('an answer refers to what it answers', async () => {
  const read = await composeAndRead({ inReplyTo: '<1@example.org>', references: ['<0@example.org>', '1@example.org'] });
  expect(read.inReplyTo).toBe('<1@example.org>');
  expect(read.references).toBe('<0@example.org> <1@example.org>');
});

test('an invitation is in the message as calendar part and as file', async () => {
  const ics = 'BEGIN:VCALENDAR\nVERSION:2.0\nMETHOD:REQUEST\nEND:VCALENDAR\n';
  const read = await composeAndRead({ icalEvent: { method: 'REQUEST', content: ics, filename: 'meeting.ics' } });
  expect(read.source).toMatch(/^Content-Type: text\/calendar; charset=utf-8; method=REQUEST/m);
  const file = read.attachments.find(({ mimeType }) => mimeType === 'application/ics');
  expect(file?.filename).toBe('meeting.ics');
  expect(decode(file?.content)).toBe(ics);
});

test('images inside the html are parts beside it, by cid or out of data URLs', async () => {
  const png = Buffer.from('iVBORw0KGgo=', 'base64');
  const byCid = await composeAndRead({
    html: '<img src="cid:logo@x">',
    attachments: [{ filename: 'logo.png', content: png, cid: 'logo@x' }],
  });
  expect(byCid.attachments[0]).toMatchObject({ contentId: '<logo@x>', related: true });
  const byUrl = await composeAndRead({
    html: `<img src="data:image/png;base64,${png.toString('base64')}">`,
    attachDataUrls: true,
  });
  expect(byUrl.html).toMatch(/src="cid:[0-9a-f]{20}@localhost"/);
  expect(Buffer.from(byUrl.attachments[0]?.content as Uint8Array)).toEqual(png);
});

test('priority, list, amp and other headers pass as with nodemailer', async () => {
  const { source } = await composeAndRead({
    priority: 'high',
    amp: '<html amp4email></html>',
    html: '<p>',
    list: { unsubscribe: { url: 'https://example.com/u', comment: 'bye' } },
    headers: { 'X-Trace': ['one', 'two'], 'x-folded': { prepared: true, value: 'a\r\n b' } },
  });
  expect(source).toMatch(/^X-Priority: 1 \(Highest\)\r\n/m);
  expect(source).toMatch(/^List-Unsubscribe: <https:\/\/example\.com\/u> \(bye\)\r\n/m);
  expect(source).toMatch(/^Content-Type: text\/x-amp-html; charset=utf-8\r\n/m);
  expect(source).toMatch(/^X-Trace: one\r\nX-Trace: two\r\nX-Folded: a\r\n b\r\n/m);
});

test('every line ends with CRLF, whatever line ends the text came with', async () => {
  const { source } = await composeAndRead({ text: 'one\ntwo\rthree\r\n.\n' });
  expect(source.endsWith('\r\n\r\none\r\ntwo\r\nthree\r\n.\r\n')).toBe(true);
});

test('a mail without text is an empty message', async () => {
  const { source } = await composeAndRead({ text: undefined });
  expect(source.endsWith('\r\n\r\n')).toBe(true);
});

test('a small mail is ready bytes of known size, one with a stream is a stream', async () => {
  const small = await compose(mail());
  expect(small.message).toBeInstanceOf(Uint8Array);
  expect(small.size).toBe((small.message as Uint8Array).length);
  const streamed = await compose(mail({ attachments: [{ filename: 'a', content: Readable.from(['x']) }] }));
  expect(streamed.message).toBeInstanceOf(Readable);
  expect(streamed.size).toBeUndefined();
});

test('a raw message is sent as it is, to whom the envelope says', async () => {
  const raw = 'From: a@example.com\nMessage-ID:\n <raw@example.com>\nSubject: x\n\nbody';
  const composed = await compose({ raw, envelope: { from: 'a@example.com', to: ['b@example.org'] } });
  expect(Buffer.from(composed.message as Uint8Array).toString()).toBe(`${raw}\n`.replaceAll('\n', '\r\n'));
  expect(composed).toMatchObject({
    envelope: { from: 'a@example.com', to: ['b@example.org'] },
    messageId: '<raw@example.com>',
  });
  const streamed = await compose({ raw: Readable.from([raw]), from: 'a@example.com', to: 'b@example.org' });
  expect(streamed.messageId).toBeUndefined();
  expect((await bytesOf(streamed)).toString()).toBe(`${raw}\n`.replaceAll('\n', '\r\n'));
});

test('the null reverse-path is for those who ask for it', async () => {
  const { envelope } = await compose(mail({ envelope: { from: false, to: 'x@example.org' } }));
  expect(envelope).toEqual({ from: '', to: ['x@example.org'] });
  await expect(compose(mail({ envelope: { to: 'x@example.org' } }))).rejects.toMatchObject({
    code: 'ERR_INPUT_ADDRESS',
  });
});

test('notifications and REQUIRETLS are part of the envelope', async () => {
  const { envelope } = await compose(
    mail({
      dsn: { notify: ['SUCCESS', 'delay'], return: 'HDRS', id: 'order 7', recipient: 'old@example.org' },
      requireTLSExtensionEnabled: true,
    }),
  );
  expect(envelope).toEqual({
    from: 'ada@example.com',
    to: [{ address: 'grace@example.org', originalRecipient: 'old@example.org' }],
    notify: ['success', 'delay'],
    return: 'headers',
    envelopeId: 'order 7',
    requireTls: true,
  });
  const dsn = { notify: 'never', ret: 'full', envid: 'x', orcpt: 'rfc822;o@example.org' };
  const inEnvelope = await compose(mail({ envelope: { from: 'a@example.com', to: 'b@example.org', dsn } }));
  expect(inEnvelope.envelope).toEqual({
    from: 'a@example.com',
    to: [{ address: 'b@example.org', originalRecipient: 'o@example.org' }],
    notify: 'never',
    return: 'full',
    envelopeId: 'x',
  });
});
