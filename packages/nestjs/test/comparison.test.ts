// What was measured to be wrong with other mail modules for Nest, and is not covered by a file of its own: requests in flight
// and what is left running (shutdown), events (listeners), health with named mailers only (health), duplicates (mail-module).
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { Test } from '@nestjs/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { defineMail, html, type MailModuleOptions, MailModule, MailService } from '../src/index.ts';
import { accountOf, mailTo } from './helpers.ts';

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await createSandbox();
});

afterEach(() => sandbox.close());

async function start(options: MailModuleOptions = {}) {
  const app = await Test.createTestingModule({
    imports: [MailModule.forRoot({ account: accountOf(sandbox), ...options })],
  }).compile();
  await app.init();
  return { mail: app.get(MailService), [Symbol.asyncDispose]: () => app.close() };
}

test('what is put into a template is escaped', async () => {
  const welcome = defineMail({
    name: 'welcome',
    subject: ({ name }) => `Welcome, ${name}`,
    render: ({ name }: { name: string }) => html`<p title="${name}">Dear ${name},</p>`,
    preview: { name: 'Ada' },
  });
  await using started = await start();
  await started.mail.send(welcome({ name: '"><script>alert(1)</script>' }, { to: 'ada@example.org' }));
  const parsed = await sandbox.inbox.messages[0]?.parse();
  expect(parsed?.html).not.toContain('<script>');
  expect(parsed?.html).toContain('&#60;script&#62;');
});

test.each(['DATA', 'MAIL'] as const)('a time-out cancels: a mail that hangs at %s is not sent later', async (point) => {
  await using started = await start({ deadline: 300 });
  sandbox.exchange.next(point, { hang: true });
  sandbox.exchange.next('BDAT', { hang: true });
  await expect(started.mail.send(mailTo('ada@example.org', 'first'))).rejects.toMatchObject({
    code: 'ERR_SMTP_DEADLINE',
    mayHaveBeenSent: false,
  });
  sandbox.exchange.clear();
  await started.mail.send(mailTo('ada@example.org', 'again'), { deadline: 15_000 });
  expect(sandbox.inbox.messages.map(({ subject }) => subject)).toEqual(['again']);
});

test('a signal cancels', async () => {
  await using started = await start();
  const abort = new AbortController();
  sandbox.exchange.next('MAIL', { hang: true });
  const sent = started.mail.send(mailTo('ada@example.org'), { signal: abort.signal });
  abort.abort();
  await expect(sent).rejects.toMatchObject({ code: 'ERR_SMTP_ABORTED', mayHaveBeenSent: false });
  expect(sandbox.inbox.messages).toEqual([]);
});
