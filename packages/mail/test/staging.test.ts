// What a client makes of a mail before it is composed: defaults, rules for staging, access to files, text from HTML.
import { createFakeMailClient, type FakeMailClientOptions, type FakeSentMail } from '../src/testing/index.ts';
import { describe, expect, test } from 'vitest';
import { html, type Mail } from '../src/index.ts';
import { failure, mailTo } from './helpers.ts';

async function sent(options: FakeMailClientOptions, mail: Mail): Promise<FakeSentMail> {
  const client = createFakeMailClient({ user: 'noreply@contoso.com', ...options });
  const { dropped } = await client.send(mail);
  return { ...client.assertSent(), dropped } as FakeSentMail;
}

const header = ({ source }: FakeSentMail): string => source.split('\r\n\r\n')[0] ?? '';

describe('defaults', () => {
  test('fill what a mail does not say, join header fields, and give way to the mail', async () => {
    const defaults = {
      from: 'Contoso <hello@contoso.com>',
      replyTo: 'help@contoso.com',
      subject: 'No subject',
      headers: { 'X-App': 'shop', 'X-Kind': 'default' },
    };
    const headers = [{ key: 'x-kind', value: 'own' }];
    const mail = await sent({ defaults }, mailTo('ada@example.org', { headers, replyTo: undefined }));
    expect(header(mail)).toMatch(/^From: Contoso <hello@contoso\.com>\r$/m);
    expect(header(mail)).toMatch(/^Reply-To: help@contoso\.com\r$/m);
    expect(header(mail)).toMatch(/^Subject: Hello\r$/m);
    expect(header(mail)).toMatch(/^X-App: shop\r$/m);
    expect(header(mail).match(/^X-Kind: .*$/gm)).toEqual(['X-Kind: own']);
  });

  test('without a sender anywhere the mailbox of the account is it', async () => {
    expect((await sent({}, mailTo('ada@example.org'))).from).toBe('noreply@contoso.com');
    expect(await failure(createFakeMailClient().send(mailTo('ada@example.org')))).toMatchObject({
      code: 'ERR_INPUT_ADDRESS',
    });
  });
});

describe('alwaysTo', () => {
  test('sends every mail there instead; cc, bcc and the recipients of an envelope get nothing', async () => {
    const mail = await sent(
      { alwaysTo: ['dev@contoso.com', 'ops@contoso.com'] },
      mailTo('ada@example.org', {
        cc: ['bob@example.org'],
        bcc: 'eve@example.net',
        envelope: { from: 'bounces@contoso.com', to: 'zoe@example.org', cc: 'yan@example.org' },
      }),
    );
    expect(mail).toMatchObject({ from: 'bounces@contoso.com', to: ['dev@contoso.com', 'ops@contoso.com'] });
    expect(header(mail)).toMatch(/^To: dev@contoso\.com, ops@contoso\.com\r$/m);
    expect(mail.source).not.toMatch(/example\.(?:org|net)/);
  });

  test.each<[string, Mail['headers']]>([
    ['an object', { Cc: 'eve@example.net', TO: 'zoe@example.org', 'X-A': 'b' }],
    [
      'a list',
      [
        { key: 'cC', value: 'eve@example.net' },
        { key: 'X-A', value: 'b' },
      ],
    ],
  ])('also where header fields name recipients, in %s', async (_, headers) => {
    const mail = await sent({ alwaysTo: 'dev@contoso.com', defaults: { headers } }, mailTo('ada@example.org'));
    expect(mail.to).toEqual(['dev@contoso.com']);
    expect(mail.source).not.toMatch(/example\.(?:org|net)/);
    expect(header(mail)).toMatch(/^X-A: b\r$/m);
  });

  test('a single header field stays one', async () => {
    const headers = { key: 'X-A', value: 'b' };
    const mail = await sent(
      { alwaysTo: 'dev@contoso.com', showOriginalTo: true },
      mailTo('ada@example.org', { headers }),
    );
    expect(header(mail)).toMatch(/^X-A: b\r$/m);
    expect(header(mail)).not.toMatch(/^(?:Key|Value):/m);
  });

  test('also where header fields name recipients, which nodemailer would send to', async () => {
    const headers = { Cc: 'eve@example.net', 'X-Kept': 'yes', to: ['mal@example.net'] };
    for (const alwaysTo of ['Dev <dev@contoso.com>', 'dev@contoso.com']) {
      const mail = await sent({ alwaysTo }, mailTo('ada@example.org', { headers }));
      expect(mail.to).toEqual(['dev@contoso.com']);
      expect(mail.source).not.toContain('example.net');
      expect(header(mail)).toContain('X-Kept: yes');
    }
    const list = [{ key: 'CC', value: 'eve@example.net' }];
    expect((await sent({ alwaysTo: 'dev@bücher.example' }, mailTo('ada@example.org', { headers: list }))).to).toEqual([
      'dev@xn--bcher-kva.example',
    ]);
  });

  test.each(['', 'dev', 'dev@contoso.com, ops@contoso.com', '*@contoso.com', ['dev@contoso.com', 7], []])(
    'takes one or more plain addresses, and not %j',
    (alwaysTo) => {
      expect(() => createFakeMailClient({ alwaysTo: alwaysTo as string })).toThrow(
        'alwaysTo: expected one or more addresses',
      );
    },
  );

  test('also where a hook or the defaults name recipients', async () => {
    const options = {
      alwaysTo: 'dev@contoso.com',
      defaults: { bcc: 'archive@contoso.com' },
      hooks: { beforeSend: (mail: Mail) => ({ ...mail, cc: 'eve@example.net', subject: 'changed' }) },
    };
    const mail = await sent(options, mailTo('ada@example.org'));
    expect(mail).toMatchObject({ to: ['dev@contoso.com'], subject: 'changed' });
  });

  test('names the original recipients only when asked to', async () => {
    const mail = mailTo('Ada <ada@example.org>', { cc: [{ name: 'Bob', address: 'bob@example.org' }] });
    expect(header(await sent({ alwaysTo: 'dev@contoso.com' }, mail))).not.toContain('example.org');
    const shown = await sent(
      { alwaysTo: 'dev@contoso.com', showOriginalTo: true },
      { ...mail, headers: { 'X-A': 'b' } },
    );
    expect(header(shown)).toMatch(/^X-Original-To: Ada <ada@example\.org>, bob@example\.org\r$/m);
    expect(header(shown)).toMatch(/^X-A: b\r$/m);
  });

  test('applies to finished messages: their header stays, their envelope does not', async () => {
    const raw = 'From: a@contoso.com\r\nTo: ada@example.org\r\nSubject: raw\r\n\r\nHi\r\n';
    const mail = await sent(
      { alwaysTo: 'dev@contoso.com' },
      { raw, envelope: { from: 'a@contoso.com', to: 'ada@example.org' } },
    );
    expect(mail.to).toEqual(['dev@contoso.com']);
    expect(mail.source).toBe(raw);
  });
});

describe('allowRecipients', () => {
  const allowRecipients = [
    'ada@example.org',
    '*@contoso.com',
    '*+test@*.example.net',
    /@x[0-9]\.example$/g,
    'a@bücher.example',
  ];

  test.each([
    'ada@example.org',
    'Ada <ADA@Example.ORG>',
    'anybody@contoso.com',
    'me+test@mail.example.net',
    'me@x1.example',
    'a@xn--bcher-kva.example',
    'a@bücher.example',
  ])('%s may get mail, again and again', async (to) => {
    const client = createFakeMailClient({ user: 'noreply@contoso.com', allowRecipients });
    await client.send(mailTo(to));
    await client.send(mailTo(to));
    expect(client.sent).toHaveLength(2);
  });

  test.each([
    'bob@example.org',
    'ada@example.org.evil.example',
    'x-ada@example.org',
    'eve@notcontoso.com',
    'eve@contoso.com.example',
    'me+test@example.net',
    'me+test@a.example.net.example',
    'me@x12.example',
  ])('%s may not, and the error does not name the address', async (to) => {
    const client = createFakeMailClient({ user: 'noreply@contoso.com', allowRecipients });
    const error = await failure(client.send(mailTo(to)));
    expect(error).toMatchObject({ code: 'ERR_MAIL_NOT_ALLOWED', mayHaveBeenSent: false });
    expect(String(error)).toBe('LimitError: one recipient is not on the list of allowed recipients');
    client.assertNothingSent();
  });

  test('one recipient who is not allowed holds the mail back from all: bcc counts', async () => {
    const client = createFakeMailClient({ user: 'noreply@contoso.com', allowRecipients });
    const error = await failure(client.send(mailTo('ada@example.org', { bcc: 'eve@evil.example, mal@evil.example' })));
    expect(String(error)).toContain('2 recipients are not on the list');
    client.assertNothingSent();
  });

  test('with onDisallowed: drop the others get it, and the result names who did not', async () => {
    const options = { allowRecipients, onDisallowed: 'drop' } as const;
    const mail = await sent(options, mailTo('ada@example.org', { cc: 'eve@evil.example' }));
    expect(mail).toMatchObject({ to: ['ada@example.org'], dropped: ['eve@evil.example'] });
    const client = createFakeMailClient({ user: 'noreply@contoso.com', ...options });
    expect(await failure(client.send(mailTo('eve@evil.example')))).toMatchObject({ code: 'ERR_MAIL_NOT_ALLOWED' });
  });

  test('the target of alwaysTo need not be on the list', async () => {
    const mail = await sent({ allowRecipients, alwaysTo: 'dev@elsewhere.example' }, mailTo('eve@evil.example'));
    expect(mail.to).toEqual(['dev@elsewhere.example']);
  });
});

describe('content', () => {
  test('files and URLs are not read unless the client allows it', async () => {
    const file = mailTo('ada@example.org', {
      attachments: [{ path: new URL('../LICENSE', import.meta.url).pathname }],
    });
    const url = mailTo('ada@example.org', { html: { href: 'http://127.0.0.1:9/' } });
    for (const mail of [file, url]) {
      expect(await failure(sent({}, mail))).toMatchObject({ code: 'ERR_INPUT_MESSAGE' });
    }
    expect((await sent({ allowFiles: true }, file)).source).toContain('LICENSE');
  });

  test('a mail with HTML alone gets a text, unless that is switched off or there is one', async () => {
    const mail = { to: 'ada@example.org', subject: 'Hi', html: html`<p>Dear ${'<Ada>'},</p>` };
    expect((await sent({}, mail)).text).toBe('Dear <Ada>,');
    expect((await sent({}, mail)).source).toContain('multipart/alternative');
    expect((await sent({ textFromHtml: false }, mail)).text).toBeUndefined();
    expect((await sent({}, { ...mail, text: 'mine' })).text).toBe('mine');
    expect((await sent({}, { ...mail, html: Buffer.from('<p>bytes stay alone') })).text).toBeUndefined();
  });
});
