// The fake client: it composes for real, keeps what was sent, and tells it to assertions of any runner.
import { ReplyError } from '@mailgrant/core';
import { expect, test } from 'vitest';
import { defineMail, html } from '../src/index.ts';
import { createFakeMailClient, sentMailMatching, sentMailTo } from '../src/testing/index.ts';
import { mailMatchers } from '../src/testing/vitest.ts';
import { mailTo } from './helpers.ts';

expect.extend(mailMatchers);

const fake = () => createFakeMailClient({ user: 'noreply@contoso.com' });

test('what was sent is kept with everything tests look at', async () => {
  const client = fake();
  const sent = await client.send(
    mailTo('Ada <ada@example.org>', {
      bcc: 'eve@example.net',
      html: '<p>Hi',
      attachments: [{ filename: 'a.txt', content: 'attached' }],
    }),
    { idempotencyKey: 'order-7' },
  );
  expect(client.sent).toHaveLength(1);
  expect(client.sent[0]).toMatchObject({
    from: 'noreply@contoso.com',
    to: ['ada@example.org', 'eve@example.net'],
    subject: 'Hello',
    text: 'Hi',
    html: '<p>Hi',
    attachments: ['a.txt'],
    idempotencyKey: 'order-7',
    messageId: sent.messageId,
    source: expect.stringContaining('\r\nSubject: Hello\r\n'),
  });
  expect(sent).toMatchObject({ accepted: ['ada@example.org', 'eve@example.net'], response: '250 2.0.0 OK' });
});

test('mistakes in a mail fail as they would in earnest', async () => {
  const client = fake();
  await expect(client.send(mailTo('not an address'))).rejects.toMatchObject({ code: 'ERR_INPUT_ADDRESS' });
  const attachment = { filename: 'x', path: '/etc/hostname' };
  await expect(client.send(mailTo('ada@example.org', { attachments: [attachment] }))).rejects.toMatchObject({
    code: 'ERR_INPUT_MESSAGE',
  });
  client.assertNothingSent();
});

test('assertSent finds by address, subject, content, template and attachment, and shows what was sent instead', async () => {
  const client = fake();
  const invoice = defineMail({
    name: 'invoice',
    subject: ({ number }: { number: number }) => `Invoice ${number}`,
    render: ({ number }) => html`<p>No. ${number}</p>`,
    preview: { number: 1 },
  });
  await client.send(invoice({ number: 7 }, { to: 'ada@example.org', cc: 'bob@example.org' }));
  await client.send(mailTo('carol@example.org'));
  expect(client.assertSent({ to: 'ADA@example.org' }).template).toBe('invoice');
  client.assertSent({ to: ['ada@example.org', /^bob@/], subject: /^invoice \d+$/i, html: 'No. 7', text: 'No. 7' });
  client.assertSent({ template: invoice }, { times: 1 });
  client.assertSent((mail) => mail.subject === 'Hello');
  client.assertSent({}, { times: 2 });
  expect(() => client.assertSent({ to: 'dora@example.org', subject: /x/ })).toThrow(
    'expected a mail matching {"to":"dora@example.org","subject":"/x/"}, and there were 2:\n' +
      '- to ada@example.org, bob@example.org: "Invoice 7" (invoice)\n- to carol@example.org: "Hello"',
  );
  expect(() => client.assertSent({ template: 'invoice' }, { times: 2 })).toThrow('expected 2 mails');
  expect(() => client.assertNothingSent()).toThrow('expected that nothing was sent');
  expect(() => client.assertSent({ recipient: 'ada@example.org' } as object)).toThrow(
    'recipient: mails are matched by',
  );
});

test('waitFor resolves with a mail that is there or the next that fits, and gives up with a list of what came', async () => {
  const client = fake();
  const waiting = client.waitFor({ to: 'ada@example.org' });
  await client.send(mailTo('bob@example.org'));
  await client.send(mailTo('ada@example.org'));
  expect((await waiting).to).toEqual(['ada@example.org']);
  expect((await client.waitFor({ to: 'bob@example.org' })).subject).toBe('Hello');
  await expect(client.waitFor({ subject: 'never' }, { timeout: 1 })).rejects.toThrow(
    /within 1 ms; there were 2:\n- to bob/,
  );
  const controller = new AbortController();
  const aborted = client.waitFor({ subject: 'never' }, { signal: controller.signal });
  controller.abort(new Error('enough'));
  await expect(aborted).rejects.toThrow('enough');
  await expect(client.waitFor({ subject: 'never' }, { signal: controller.signal })).rejects.toThrow('enough');
});

test('a match that throws fails who waits with it, and nobody else', async () => {
  const client = fake();
  const misspelt = client.waitFor({ subjekt: 'Hello' } as object, { timeout: 1000 });
  const waiting = client.waitFor({ subject: 'Hello' });
  await client.send(mailTo('ada@example.org'));
  await expect(misspelt).rejects.toThrow('subjekt: mails are matched by');
  expect((await waiting).to).toEqual(['ada@example.org']);
});

test('failNext fails as many sends as it was called, with events as in earnest; clear forgets', async () => {
  const client = fake();
  const failed: unknown[] = [];
  client.on('failed', ({ error }) => failed.push(error));
  const refusal = new ReplyError('ERR_SMTP_MESSAGE_REFUSED', 'message', { code: 554, status: '5.2.0', lines: ['no'] });
  client.failNext(refusal);
  client.failNext(refusal);
  await expect(client.send(mailTo('ada@example.org'))).rejects.toBe(refusal);
  client.clear();
  await client.send(mailTo('ada@example.org'));
  expect(failed).toEqual([refusal]);
  client.assertSent({ to: 'ada@example.org' });
  client.clear();
  client.assertNothingSent();
});

test('defaults, staging rules, hooks and closing are those of the real client', async () => {
  const client = createFakeMailClient({
    defaults: { from: 'Contoso <hello@contoso.com>', replyTo: 'help@contoso.com' },
    alwaysTo: 'staging@contoso.com',
    hooks: { beforeSend: (mail) => ({ ...mail, subject: `[staging] ${mail.subject}` }) },
  });
  await client.send(mailTo('ada@example.org', { cc: 'bob@example.org' }));
  expect(client.sent[0]).toMatchObject({
    from: 'hello@contoso.com',
    to: ['staging@contoso.com'],
    subject: '[staging] Hello',
    mail: { replyTo: 'help@contoso.com' },
  });
  expect(client.health()).toMatchObject({ status: 'up', pending: 0 });
  expect((await client.verify()).accounts).toMatchObject([{ account: 'fake', error: undefined }]);
  await client.close();
  await expect(client.send(mailTo('ada@example.org'))).rejects.toMatchObject({ code: 'ERR_MAILER_CLOSED' });
});

test('matchers for any runner say pass or fail and why', async () => {
  const client = fake();
  expect(sentMailMatching(client)).toMatchObject({ pass: false });
  expect(sentMailMatching(client).message()).toBe(
    'expected a mail to be sent that matches anything, and there was none',
  );
  await client.send(mailTo('ada@example.org'));
  expect(sentMailTo(client, 'ada@example.org').pass).toBe(true);
  expect(sentMailMatching(client, { subject: 'Hello' }).message()).toContain(
    'expected no mail to be sent that matches',
  );
});

test('vitest matchers', async () => {
  const client = fake();
  expect(client).not.toHaveSentMail();
  expect(client).toHaveSentMails(0);
  await client.send(mailTo('ada@example.org'));
  expect(client).toHaveSentMail({ subject: 'Hello' });
  expect(client).toHaveSentMailTo('ada@example.org');
  expect(client).not.toHaveSentMailTo(/example\.net$/);
  expect(client).toHaveSentMails(1);
  expect(() => expect(client).toHaveSentMail({ subject: 'Bye' })).toThrow('- to ada@example.org: "Hello"');
  expect(() => expect({}).toHaveSentMail()).toThrow('expected a fake mail client');
});
