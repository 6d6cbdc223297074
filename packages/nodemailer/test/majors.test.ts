// The same promises over every major of nodemailer the package may be installed beside.
import { Readable } from 'node:stream';
import { InputError } from '@mailgrant/core';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import fc from 'fast-check';
import type { createTransport, Transport } from 'nodemailer';
import PostalMime from 'postal-mime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { composeWith, type Nodemailer } from '../src/compose.ts';
import type { QuotedPrintable } from '../src/encoders.ts';
import { type Mail, mailgrantTransport } from '../src/index.ts';
import { LineEnds } from '../src/line-ends.ts';
import type { MimeNode } from '../src/mime-tree.ts';
import { canBePieced, piecesOf } from '../src/pieces.ts';
import { accountOf } from './account.ts';
import { bytesOf, mail } from './helpers.ts';

interface Major extends Nodemailer {
  readonly createTransport: typeof createTransport;
  readonly QuotedPrintable: QuotedPrintable;
}

/** Each main module, in a form that tools which look for unused packages can read. */
const MAJORS: readonly [name: string, load: () => Promise<unknown>][] = [
  // @ts-expect-error no types of its own
  ['nodemailer-6', () => import('nodemailer-6')],
  // @ts-expect-error no types of its own
  ['nodemailer-7', () => import('nodemailer-7')],
  // @ts-expect-error no types of its own
  ['nodemailer-8', () => import('nodemailer-8')],
  // @ts-expect-error no types of its own
  ['nodemailer-9', () => import('nodemailer-9')],
  ['nodemailer', () => import('nodemailer')],
];

async function complete(name: string, main: unknown): Promise<Major> {
  const part = (path: string): Promise<unknown> => import(`${name}/lib/${path}/index.js`);
  return {
    Mailer: ((await part('mailer')) as { default: Major['Mailer'] }).default,
    parseAddresses: ((await part('addressparser')) as { default: Major['parseAddresses'] }).default,
    createTransport: (main as { default: Major }).default.createTransport,
    QuotedPrintable: ((await part('qp')) as { Encoder: QuotedPrintable }).Encoder,
  };
}

/** What nodemailer makes of a mail before it is written out. */
function compile({ createTransport }: Major, fields: Mail): Promise<MimeNode> {
  return new Promise((resolve, reject) => {
    const transport: Transport = { name: 'test', version: '1', send: ({ message }) => resolve(message) };
    createTransport(transport).sendMail(mail(fields)).catch(reject);
  });
}

const snippets = [
  'a',
  '=',
  ' ',
  '\t',
  '.',
  'é',
  '😀',
  '\0',
  '\r',
  '\n',
  '\r\n',
  ' \n',
  'long '.repeat(20),
  'x'.repeat(80),
];
const text = fc.array(fc.constantFrom(...snippets), { maxLength: 30 }).map((parts) => parts.join(''));
const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
const content = fc.oneof(text, bytes);
const option = <T>(...values: T[]) => fc.option(fc.constantFrom(...values), { nil: undefined });
const part = fc.record(
  {
    content,
    filename: option('a.txt', 'ä.pdf', 'mail.eml', 'page.html'),
    contentTransferEncoding: option<'7bit' | 'base64' | 'quoted-printable'>('7bit', 'base64', 'quoted-printable'),
    contentType: option('text/plain', 'application/x-thing', 'message/rfc822', 'multipart/mixed; boundary=b'),
    cid: option('one@example.com'),
    raw: option('Content-Type: text/plain\r\n\r\nready'),
  },
  { requiredKeys: [] },
);
const mails = fc.oneof(
  fc.record({ raw: content }),
  fc.record(
    {
      subject: text,
      text: content,
      html: content,
      icalEvent: content,
      attachments: fc.array(part, { maxLength: 3 }),
      alternatives: fc.array(part, { maxLength: 2 }),
    },
    { requiredKeys: [] },
  ),
) as fc.Arbitrary<Mail>;

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await createSandbox();
});

afterAll(() => sandbox.close());

describe.each(MAJORS)('%s', (name, load) => {
  let nodemailer: Major;
  const compose = (fields: Mail, options = {}) => composeWith(nodemailer, mail(fields), options);

  beforeAll(async () => {
    nodemailer = await complete(name, await load());
  });

  test('composes the same mail', async () => {
    const ics = Buffer.from('BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n');
    const given: Mail = Object.freeze({
      to: [{ name: 'Zoë', address: 'zoe@example.org' }, 'Group: a@example.org;'],
      bcc: 'eve@hidden.example',
      envelope: { from: 'bounce@example.net', to: ['zoe@example.org', 'eve@hidden.example'] },
      text: 'one\ntwo',
      html: '<img src="data:image/png;base64,iVBORw0KGgo=">',
      attachDataUrls: true,
      icalEvent: Object.freeze({ method: 'REQUEST', content: ics }),
      attachments: Object.freeze([Object.freeze({ filename: 'ä.txt', content: 'x' })]) as Mail['attachments'],
      priority: 'high',
      list: { unsubscribe: 'https://example.com/u' },
    });
    const composed = await compose(given);
    const bytes = await bytesOf(composed);
    const source = bytes.toString();
    expect(composed.envelope).toEqual({ from: 'bounce@example.net', to: ['zoe@example.org', 'eve@hidden.example'] });
    expect(composed.messageId).toMatch(/@example\.com>$/);
    expect(source).not.toMatch(/hidden|^bcc:|(?<!\r)\n/im);
    expect(source).toMatch(/^X-Priority: 1/m);
    expect(source).toMatch(/^List-Unsubscribe: <https:\/\/example\.com\/u>/m);
    const parsed = await PostalMime.parse(bytes);
    expect(parsed).toMatchObject({ messageId: composed.messageId, text: expect.stringMatching(/^one\r?\ntwo/) });
    expect(parsed.html).toContain('src="cid:');
    expect(parsed.attachments.map(({ filename }) => filename)).toEqual(expect.arrayContaining(['ä.txt', 'invite.ics']));
    expect(Object.keys(ics)).toEqual(Object.keys(Buffer.from(ics)));
  });

  test('comes as the bytes it would have streamed, lone CR and LF completed', async () => {
    await fc.assert(
      fc.asyncProperty(mails, async (fields) => {
        const root = await compile(nodemailer, fields);
        expect(canBePieced(root)).toBe(true);
        const pieces = [...piecesOf(root, nodemailer.QuotedPrintable)] as Buffer[];
        const streamed = new LineEnds().repair(await root.build());
        // Before version 10 there sometimes is an empty line behind a last line of base64 that is full.
        const expected = streamed.toString('latin1').replaceAll(/(?<=^[\w+/=]{76}\r\n)\r\n(?=--)/gm, '');
        expect(Buffer.concat(pieces).toString('latin1')).toBe(expected);
      }),
      { numRuns: 100 },
    );
  });

  test('streams what is large', async () => {
    const content = Buffer.alloc(300_000, 'abc');
    const composed = await compose(
      { attachments: [{ content }, { path: import.meta.filename }] },
      { allowFiles: true },
    );
    const { attachments } = await PostalMime.parse(await bytesOf(composed));
    expect(Buffer.from(attachments[0]?.content as Uint8Array).equals(content)).toBe(true);
    expect(Buffer.from(attachments[1]?.content as Uint8Array).toString()).toContain('streams what is large');
  });

  test.each<[fields: object, code: string]>([
    [{ attachments: [{ path: '/etc/hostname' }] }, 'ERR_INPUT_MESSAGE'],
    [{ html: { path: '/etc/hostname' }, attachDataUrls: true }, 'ERR_INPUT_MESSAGE'],
    [{ text: { href: 'http://127.0.0.1:9/' } }, 'ERR_INPUT_MESSAGE'],
    [{ html: { content: { path: 'http://127.0.0.1:9/' } }, attachDataUrls: true }, 'ERR_INPUT_MESSAGE'],
    [{ raw: { path: '/etc/hostname' } }, 'ERR_INPUT_MESSAGE'],
    [{ to: 'a@example.org\r\nRCPT TO:<eve@example.net>' }, 'ERR_INPUT_ADDRESS'],
    [{ to: 'Jane Doe' }, 'ERR_INPUT_ADDRESS'],
    [{ headers: { 'X\r\nBcc': 'y' } }, 'ERR_INPUT_MESSAGE'],
    [{ headers: { x: { prepared: true, value: 'y\r\nBcc: z' } } }, 'ERR_INPUT_MESSAGE'],
  ])('refuses %j', async (fields, code) => {
    const error: unknown = await compose(fields).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(InputError);
    expect(error).toMatchObject({ code });
  });

  test('lets no subject, name or file name make a header field', async () => {
    const hostile = 'x\r\nX-Injected: 1\r\n\r\n\0\n';
    const composed = await compose({
      subject: hostile,
      from: { name: hostile, address: 'a@example.com' },
      inReplyTo: hostile,
      references: hostile,
      headers: { 'X-Ours': hostile },
      list: { help: { url: hostile, comment: hostile } },
      attachments: [{ content: 'x', filename: hostile, cid: hostile, contentType: hostile }],
      icalEvent: { content: 'x', method: hostile, filename: hostile },
    });
    expect((await bytesOf(composed)).toString()).not.toMatch(/[\r\n]X-Injected/);
  });

  test('reads no file and no URL for a plugin before the transport, whatever the mail says', async () => {
    const transport = mailgrantTransport(accountOf(sandbox));
    const transporter = nodemailer.createTransport(transport);
    const read: unknown[] = [];
    transporter.use('compile', (compiled, done) => {
      compiled.resolveContent(compiled.data, 'html', (error: Error | null, value?: unknown) => {
        read.push(value);
        done(error);
      });
    });
    const fields = {
      from: sandbox.mailbox,
      to: 'grace@example.org',
      disableFileAccess: false,
      disableUrlAccess: false,
    };
    for (const html of [{ path: import.meta.filename }, { href: 'http://127.0.0.1:9/' }]) {
      await expect(transporter.sendMail({ ...fields, html })).rejects.toMatchObject({
        code: 'ERR_INPUT_MESSAGE',
        nodemailerCode: 'EMESSAGE',
      });
    }
    const images = { ...fields, html: { path: import.meta.filename }, attachDataUrls: true };
    await expect(transporter.sendMail(images)).rejects.toMatchObject({ code: 'ERR_INPUT_MESSAGE' });
    expect(read).toEqual([]);
    await transport.close();
  });

  test('sends through the transport, and a signal ends that', async () => {
    const transport = mailgrantTransport(accountOf(sandbox));
    const transporter = nodemailer.createTransport(transport);
    const subject = `from ${name}`;
    const content = Readable.from(['streamed']);
    const fields = { from: sandbox.mailbox, to: 'grace@example.org', subject, attachments: [{ content }] };
    const info = await transporter.sendMail(fields);
    expect(info).toMatchObject({ accepted: ['grace@example.org'], rejected: [] });
    const message = sandbox.inbox.messages.find((each) => each.subject === subject);
    expect(info.messageId).toBe(message?.messageId);
    expect((await message?.parse())?.attachments).toHaveLength(1);
    expect(await transporter.verify()).toBe(true);
    await expect(transporter.sendMail({ ...fields, signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
    await expect(transporter.sendMail({ ...fields, to: '' })).rejects.toMatchObject({ code: 'ERR_INPUT_ADDRESS' });
    await transport.close();
  });
});
