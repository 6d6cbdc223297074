import { Readable } from 'node:stream';
import { InputError } from '@mailgrant/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compose, type Mail } from '../src/index.ts';
import { bytesOf, composeAndRead, mail } from './helpers.ts';

const bytes = Buffer.from('x');

test.each<[what: string, fields: object, code: string, where: RegExp]>([
  ['no sender', { from: undefined }, 'ERR_INPUT_ADDRESS', /^from/],
  ['no recipient', { to: undefined }, 'ERR_INPUT_ADDRESS', /^to, cc, bcc/],
  ['a group of nobody', { to: 'undisclosed-recipients:;' }, 'ERR_INPUT_ADDRESS', /^to, cc, bcc/],
  ['a name without address', { to: 'a@example.org, Jane Doe' }, 'ERR_INPUT_ADDRESS', /^to: .*Jane/],
  ['an address without domain', { cc: ['a@example.org', 'root'] }, 'ERR_INPUT_ADDRESS', /^cc\[1\]/],
  ['an object without address', { bcc: { name: 'Jane' } }, 'ERR_INPUT_ADDRESS', /^bcc/],
  ['a broken answer address', { replyTo: 'nobody' }, 'ERR_INPUT_ADDRESS', /^replyTo/],
  ['a number', { to: 7 }, 'ERR_INPUT_ADDRESS', /^to/],
  ['CRLF in an address', { to: 'a@example.org\r\nBcc: eve@example.net' }, 'ERR_INPUT_ADDRESS', /^to/],
  ['LF in an address object', { to: { name: 'A', address: 'a@example.org\nx' } }, 'ERR_INPUT_ADDRESS', /^to/],
  [
    'NUL in a group',
    { to: { name: 'g', group: [{ address: 'a@example.org\0' }] } },
    'ERR_INPUT_ADDRESS',
    /^to.group\[0\]/,
  ],
  [
    'CR in the envelope',
    { envelope: { from: 'a@b.c', to: ['a@b.c\rDATA'] } },
    'ERR_INPUT_ADDRESS',
    /^envelope\.to\[0\]/,
  ],
  ['CRLF in a header name', { headers: { 'X\r\nY': 'z' } }, 'ERR_INPUT_MESSAGE', /^headers/],
  ['a colon in a header name', { headers: [{ key: 'From: x', value: 'z' }] }, 'ERR_INPUT_MESSAGE', /^headers/],
  [
    'CRLF in a prepared header',
    { headers: { x: { prepared: true, value: 'a\r\nb: c' } } },
    'ERR_INPUT_MESSAGE',
    /^headers/,
  ],
  ['Bcc as a header', { headers: { bcc: 'a@example.org' } }, 'ERR_INPUT_MESSAGE', /^headers: "bcc"/],
  [
    'Bcc in a part',
    { attachments: [{ content: bytes, headers: { Bcc: 'a' } }] },
    'ERR_INPUT_MESSAGE',
    /^attachments\[0\]\.headers/,
  ],
  ['no Message-ID at all', { messageId: 'a b\r\nc' }, 'ERR_INPUT_MESSAGE', /^messageId/],
  ['no date at all', { date: new Date(Number.NaN) }, 'ERR_INPUT_MESSAGE', /^date/],
  ['a file', { attachments: [{ path: '/etc/hostname' }] }, 'ERR_INPUT_MESSAGE', /allowFiles/],
  ['a file as text', { text: { path: '/etc/hostname' } }, 'ERR_INPUT_MESSAGE', /allowFiles/],
  ['a file in content', { html: { content: { path: '/etc/hostname' } } }, 'ERR_INPUT_MESSAGE', /allowFiles/],
  ['a file as raw', { raw: { path: '/etc/hostname' } }, 'ERR_INPUT_MESSAGE', /allowFiles/],
  [
    'a file whose images are wanted',
    { html: { path: '/etc/hostname' }, attachDataUrls: true },
    'ERR_INPUT_MESSAGE',
    /allowFiles/,
  ],
  ['a file of an invitation', { icalEvent: { path: '/etc/hostname' } }, 'ERR_INPUT_MESSAGE', /allowFiles/],
  ['a URL', { attachments: [{ href: 'http://127.0.0.1:9/' }] }, 'ERR_INPUT_MESSAGE', /allowUrls/],
  ['a URL as path', { attachments: [{ path: 'http://127.0.0.1:9/' }] }, 'ERR_INPUT_MESSAGE', /allowUrls/],
  ['content that is none', { attachments: [{ content: {} }] }, 'ERR_INPUT_MESSAGE', /^mail: /],
  ['a number as content', { attachments: [{ content: 5 }] }, 'ERR_INPUT_MESSAGE', /^mail: /],
  ['an object as text', { text: { a: 1 } }, 'ERR_INPUT_MESSAGE', /^mail: /],
  [
    'a URL object as path',
    { attachments: [{ path: new URL('file:///etc/hostname') }] },
    'ERR_INPUT_MESSAGE',
    /^mail: /,
  ],
  ['a data URL where none can stand', { raw: { path: 'data:,x' } }, 'ERR_INPUT_MESSAGE', /^mail: /],
  ['too many recipients', { to: ['a@b.c', 'd@e.f'], maxRecipients: 1 }, 'ERR_INPUT_MESSAGE', /recipients/],
  ['a login', { auth: { user: 'x' } }, 'ERR_INPUT_OPTION', /^auth/],
  ['an unknown event to notify of', { dsn: { notify: ['success', 'later'] } }, 'ERR_INPUT_OPTION', /^dsn\.notify/],
  [
    'an unknown way to return',
    { envelope: { from: 'a@b.c', to: 'd@e.f', dsn: { ret: 'half' } } },
    'ERR_INPUT_OPTION',
    /^dsn\.return/,
  ],
  ['no object as dsn', { dsn: 'never' }, 'ERR_INPUT_OPTION', /^dsn/],
  ['a signal', { signal: new AbortController().signal }, 'ERR_INPUT_OPTION', /^signal/],
])('%s is refused with a typed error', async (_what, fields, code, where) => {
  const error: unknown = await compose(mail(fields)).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(InputError);
  expect(error).toBeInstanceOf(TypeError);
  expect(error).toMatchObject({ code, message: expect.stringMatching(where) });
});

test('what is not a mail is refused', async () => {
  await expect(compose(undefined as unknown as Mail)).rejects.toMatchObject({ code: 'ERR_INPUT_MESSAGE' });
});

test('the mail is not changed', async () => {
  const ics = Buffer.from('BEGIN:VCALENDAR\nEND:VCALENDAR');
  const make = (): Mail => ({
    ...mail(),
    text: { content: 'x' },
    html: { content: '<img src="data:image/png;base64,iVBORw0KGgo=">' },
    attachDataUrls: true,
    icalEvent: { content: ics, headers: { 'X-A': 'b' } },
    attachments: [{ path: 'data:text/plain,x', headers: { 'X-C': 'd' } }],
    alternatives: [{ contentType: 'text/markdown', content: ics }],
    headers: { 'X-E': 'f' },
    envelope: { from: 'a@example.com', to: ['b@example.org'] },
  });
  const given = deepFreeze(make());
  await composeAndRead(given);
  expect(given).toEqual(make());
  expect(Object.keys(ics)).toEqual(Object.keys(Buffer.from(ics)));
});

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}

/** Text of the kind that breaks headers: line ends, NUL, quotes, header look-alikes, any character of Unicode. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom('\r\n', '\r', '\n', '\0', '\r\nX-Injected: 1', '\nBcc: eve@hidden.example', '\r\n\r\n', '\u2028'),
      fc.constantFrom('"', '<', '>', '\\', ',', ';', ':', '(', '=?utf-8?Q?=0D=0A?=', ' ', 'a@example.org', '\t'),
      fc.string({ unit: 'binary', maxLength: 5 }),
      fc.string({ maxLength: 100 }),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(''));

/** Every line of a header is a field or the continuation of one; no field but those a mail may have. */
function expectCleanHeaders(source: string): void {
  const header = source.slice(0, source.indexOf('\r\n\r\n'));
  for (const line of header.split('\r\n')) {
    expect(line).toMatch(/^(?:[\x21-\x39\x3b-\x7e]+:|[ \t])/);
    // oxlint-disable-next-line no-control-regex -- what must not be there
    expect(line).not.toMatch(/[\r\n\0]/);
  }
  // the bodies of these mails hold no such line either
  expect(source).not.toMatch(/[\r\n](?:X-Injected|Bcc):/i);
}

/** Many runs on a busy machine. */
const patient = { timeout: 60_000 };

const optional = { requiredKeys: [] };

test('no text of a mail, however hostile, makes a header field of its own', patient, async () => {
  const attachment = fc.record(
    {
      content: fc.constant(bytes),
      filename: hostile,
      cid: hostile,
      contentType: hostile,
      contentTransferEncoding: hostile,
      contentDisposition: hostile,
      headers: fc.record({ 'X-Ours': hostile }),
    },
    optional,
  );
  const fields = fc.record(
    {
      subject: hostile,
      from: fc.record({ name: hostile, address: fc.constant('a@example.com') }),
      to: fc.record({ name: hostile, address: fc.constant('b@example.org') }),
      inReplyTo: hostile,
      references: fc.array(hostile, { maxLength: 3 }),
      date: hostile,
      priority: hostile,
      xMailer: hostile,
      baseBoundary: hostile,
      boundaryPrefix: hostile,
      encoding: hostile,
      headers: fc.record({ 'X-Ours': fc.oneof(hostile, fc.array(hostile), fc.record({ value: hostile })) }),
      list: fc.record({ help: hostile, id: fc.record({ url: hostile, comment: hostile }) }, optional),
      attachments: fc.array(attachment, { maxLength: 2 }),
      icalEvent: fc.record({ content: fc.constant(bytes), method: hostile, filename: hostile }),
    },
    optional,
  );
  await fc.assert(
    fc.asyncProperty(fields, async (hostileFields) => {
      expectCleanHeaders((await bytesOf(await compose(mail(hostileFields as Mail)))).toString());
    }),
    { numRuns: 100 },
  );
});

test(
  'what could make one is refused: names of header fields, prepared values, Message-IDs, addresses',
  patient,
  async () => {
    const prepared = fc.record({ prepared: fc.constant(true), value: hostile });
    const fields = fc.oneof(
      fc.record({ headers: fc.dictionary(hostile, hostile, { minKeys: 1, maxKeys: 1 }) }),
      fc.record({ headers: fc.array(fc.record({ key: hostile, value: hostile }), { maxLength: 1 }) }),
      fc.record({ headers: fc.record({ 'X-Ours': prepared }) }),
      fc.record({
        attachments: fc.tuple(fc.record({ content: fc.constant(bytes), headers: fc.record({ 'X-Ours': prepared }) })),
      }),
      fc.record({ messageId: hostile }),
      fc.record({ replyTo: hostile }),
      fc.record({ to: hostile, from: hostile }),
    );
    await fc.assert(
      fc.asyncProperty(fields, async (hostileFields) => {
        try {
          expectCleanHeaders((await bytesOf(await compose(mail(hostileFields as Mail)))).toString());
        } catch (error) {
          if (!(error instanceof InputError)) throw error;
        }
      }),
      { numRuns: 200 },
    );
  },
);

test('whatever comes as an address is refused or ends up as plain addresses in the envelope', patient, async () => {
  const field = fc.oneof(hostile, fc.array(hostile, { maxLength: 3 }), fc.record({ address: hostile, name: hostile }));
  await fc.assert(
    fc.asyncProperty(field, field, async (to, reversePath) => {
      const fields = { to, envelope: { from: reversePath, to } } as Mail;
      const { envelope } = await compose(mail(fields)).catch((error: unknown) => {
        expect(error).toBeInstanceOf(InputError);
        return { envelope: { from: 'a@b', to: [] } };
      });
      for (const address of [envelope.from || 'a@b', ...envelope.to])
        expect(address).toMatch(/^[^\p{Cc}<>]+@[^\p{Cc}<>@]*$/u);
    }),
    { numRuns: 100 },
  );
});

test('a blind copy never shows in the message', patient, async () => {
  const local = fc.stringMatching(/^[a-z]{1,8}$/);
  const address = fc.oneof(
    local.map((name) => `${name}@hidden.example`),
    local.map((name) => `"Name, ${name}" <${name}@hidden.example>`),
    local.map((name) => ({ name: 'Hidden', address: `${name}@hidden.example` })),
    local.map((name) => `Group: ${name}@hidden.example;`),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(address, { minLength: 1, maxLength: 4 }), fc.boolean(), async (bcc, alone) => {
      const composed = await compose(mail({ bcc, ...(alone ? { to: undefined } : {}) }));
      expect(JSON.stringify(composed.envelope)).toContain('@hidden.example');
      expect((await bytesOf(composed)).toString()).not.toMatch(/hidden|^bcc:/im);
    }),
    { numRuns: 30 },
  );
});

test.each<[string, Mail, string]>([
  ['a file in it', { attachments: [{ path: '/etc/hostname' }] }, 'allowFiles'],
  ['an address that is none', { to: 'nobody' }, 'not an address'],
  ['a header that is none', { headers: { 'a b': 'c' } }, 'not the name of a header field'],
])('streams of a mail that cannot be composed, for %s, are ended', async (_, fields, why) => {
  const attachment = Readable.from(['x']);
  const attachments = [{ content: attachment }, ...(fields.attachments ?? [])];
  await expect(compose(mail({ ...fields, attachments }))).rejects.toThrow(why);
  expect(attachment.destroyed).toBe(true);
});
