// Plugins as they are published, over the transport: nodemailer's interface is kept, and they work on what it keeps.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import nodemailer, { type SendMailOptions, type Transporter } from 'nodemailer';
// @ts-expect-error no types of its own
import handlebars from 'nodemailer-express-handlebars';
// @ts-expect-error no types of its own
import * as htmlToText from 'nodemailer-html-to-text';
// @ts-expect-error no types of its own
import * as markdown from 'nodemailer-markdown';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { mailgrantTransport, type SentMessage } from '../src/index.ts';
import { accountOf } from './account.ts';

type Plugin = Parameters<Transporter<SentMessage>['use']>[1];

let dir: string;
let sandbox: Sandbox;
let transport: ReturnType<typeof mailgrantTransport>;
let transporter: Transporter<SentMessage>;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'mailgrant-plugins-'));
  writeFileSync(join(dir, 'welcome.handlebars'), '<p>Welcome, {{name}}</p>{{#each items}}<b>{{this}}</b>{{/each}}');
  writeFileSync(join(dir, 'welcome.text.handlebars'), 'Welcome, {{{name}}}');
});
afterAll(() => rmSync(dir, { recursive: true }));

beforeEach(async () => {
  sandbox = await createSandbox();
  transport = mailgrantTransport(accountOf(sandbox));
  transporter = nodemailer.createTransport(transport);
});
afterEach(async () => {
  await transport.close();
  await sandbox.close();
});

const use = (plugin: unknown): void => void transporter.use('compile', plugin as Plugin);

async function sent(
  fields: SendMailOptions,
): Promise<Awaited<ReturnType<Sandbox['inbox']['messages'][number]['parse']>>> {
  const mail = { from: sandbox.mailbox, to: 'grace@example.org', subject: 'Hello', ...fields };
  expect((await transporter.sendMail(mail)).accepted).toEqual(['grace@example.org']);
  const message = await sandbox.inbox.messages.at(-1)?.parse();
  if (message === undefined) throw new Error('nothing arrived');
  return message;
}

test('nodemailer-html-to-text makes the text', async () => {
  use(htmlToText.htmlToText({ wordwrap: 80 }));
  const { text, html } = await sent({ html: '<h1>Hello</h1><p>A <a href="https://x.example/">link</a></p>' });
  expect(text).toContain('HELLO');
  expect(text).toContain('A link [https://x.example/]');
  expect(html).toContain('<h1>Hello</h1>');
});

test('nodemailer-markdown makes the HTML, and a file it is told to read stays unread', async () => {
  use(markdown.markdown());
  const written: SendMailOptions & { markdown: unknown } = { markdown: '# Hello\n\n**bold**' };
  const { text, html } = await sent(written);
  expect(html).toMatch(/<h1[^>]*>Hello<\/h1>\s*<p><strong>bold<\/strong><\/p>/);
  expect(text).toContain('**bold**');
  const file = { from: sandbox.mailbox, to: 'grace@example.org', markdown: { path: join(dir, 'welcome.handlebars') } };
  await expect(transporter.sendMail(file)).rejects.toMatchObject({ code: 'ERR_INPUT_MESSAGE' });
  expect(sandbox.inbox.messages).toHaveLength(1);
});

test('nodemailer-express-handlebars renders its templates', async () => {
  const viewEngine = { partialsDir: dir, layoutsDir: dir, defaultLayout: false };
  use(handlebars({ viewEngine, viewPath: dir }));
  const templated: SendMailOptions & Record<string, unknown> = {
    template: 'welcome',
    text_template: 'welcome.text',
    context: { name: '<Grace>', items: [1, 2] },
  };
  const { text, html } = await sent(templated);
  expect(html?.trim()).toBe('<p>Welcome, &lt;Grace&gt;</p><b>1</b><b>2</b>');
  expect(text?.trim()).toBe('Welcome, <Grace>');
});

test('they work together, with attachments and DKIM beside them', async () => {
  use(markdown.markdown());
  use(htmlToText.htmlToText());
  const { generateKeyPairSync } = await import('node:crypto');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const mail: SendMailOptions & { markdown: string } = {
    markdown: '# Hello',
    attachments: [{ filename: 'a.txt', content: 'attached' }],
    dkim: { domainName: 'contoso.com', keySelector: 's1', privateKey: key },
  };
  const { html, attachments } = await sent(mail);
  expect(html).toContain('<h1');
  expect(attachments).toHaveLength(1);
  expect(Buffer.from(sandbox.inbox.messages[0]?.raw ?? []).toString()).toMatch(/^DKIM-Signature: v=1;/);
});
