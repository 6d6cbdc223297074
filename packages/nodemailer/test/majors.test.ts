// The same promises over every major of nodemailer the package may be installed beside.
import { Readable } from 'node:stream';
import { InputError } from '@mailgrant/core';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import type { createTransport } from 'nodemailer';
import PostalMime from 'postal-mime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { composeWith, type Nodemailer } from '../src/compose.ts';
import { type Mail, mailgrantTransport } from '../src/index.ts';
import { accountOf } from './account.ts';
import { bytesOf, mail } from './helpers.ts';

interface Major extends Nodemailer {
  readonly createTransport: typeof createTransport;
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
  const part = async (path: string): Promise<unknown> =>
    ((await import(`${name}/lib/${path}/index.js`)) as { default: unknown }).default;
  return {
    Mailer: (await part('mailer')) as Major['Mailer'],
    parseAddresses: (await part('addressparser')) as Major['parseAddresses'],
    createTransport: (main as { default: Major }).default.createTransport,
  };
}

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
