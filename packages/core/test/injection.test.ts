// Line ends and other control characters wherever a caller can put them: refused before the server hears of it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Envelope, type MailerOptions, type OutgoingMail, PROVIDERS, createMailer } from '../src/index.ts';
import { MAIL, TOKEN, USER, mailerTo, startServer } from './hostile.ts';
import type { ScriptedServer } from './scripted-server.ts';

let server: ScriptedServer;
beforeAll(async () => {
  server = await startServer('none');
});
afterAll(async () => server[Symbol.asyncDispose]());

const EVIL = [
  '\r\nRSET',
  '\nRSET',
  '\rRSET',
  '\0',
  '\r\n.\r\nMAIL FROM:<x@y>',
  '\u0001',
  '\u001b[2J',
  '\u2028RSET',
  '\u0085RSET',
];
/** Before, within and behind what is allowed. */
const spoilt = (good: string): string[] =>
  EVIL.flatMap((evil) => [evil + good, good.slice(0, 3) + evil + good.slice(3), good + evil]);

const to = [...MAIL.envelope.to];
const ENVELOPES: readonly [string, string, (text: string) => Partial<Envelope>][] = [
  ['from', USER, (text) => ({ from: text })],
  ['to', 'someone@example.com', (text) => ({ to: [...to, text] })],
  ['to[].address', 'someone@example.com', (text) => ({ to: [{ address: text }] })],
  [
    'to[].originalRecipient',
    'someone@example.com',
    (text) => ({ to: [{ address: 'a@b.example', originalRecipient: text }] }),
  ],
  ['to[].notify', 'success', (text) => ({ to: [{ address: 'a@b.example', notify: [text as 'success'] }] })],
  ['notify', 'failure', (text) => ({ notify: [text as 'failure'] })],
  ['return', 'full', (text) => ({ return: text as 'full' })],
  ['envelopeId', 'id-1', (text) => ({ envelopeId: text })],
  ['recipients', 'any', (text) => ({ recipients: text as 'any' })],
  ['a quoted local part', '"a b"@example.com', (text) => ({ from: text })],
];

test.each(ENVELOPES)('envelope: %s', async (_, good, change) => {
  server.script({ secureEhlo: '250-peer.example\r\n250-DSN\r\n250 AUTH XOAUTH2' });
  await using mailer = mailerTo(server, { tls: 'none' });
  for (const text of spoilt(good)) {
    const sent = mailer.send({ ...MAIL, envelope: { ...MAIL.envelope, ...change(text) } });
    await expect(sent, JSON.stringify(text)).rejects.toMatchObject({
      name: 'TypeError',
      code: expect.stringMatching(/^ERR_INPUT_(?:ADDRESS|OPTION)$/),
    });
  }
  expect(server.peers).toHaveLength(0);
  await mailer.send({ ...MAIL, envelope: { ...MAIL.envelope, ...change(good) } });
});

test('the size of a message is a number', async () => {
  server.script({});
  await using mailer = mailerTo(server, { tls: 'none' });
  for (const size of ['1\r\nRCPT TO:<x@y>', -1, 1.5, Number.NaN, Infinity, 2 ** 60]) {
    const mail = { ...MAIL, message: ['x'], size } as unknown as OutgoingMail;
    await expect(mailer.send(mail), String(size)).rejects.toMatchObject({
      name: 'TypeError',
      code: 'ERR_INPUT_MESSAGE',
    });
  }
  expect(server.peers).toHaveLength(0);
});

const OPTIONS: readonly [string, string, (text: string) => Partial<MailerOptions>][] = [
  ['user', USER, (text) => ({ user: text })],
  ['name', 'client.example', (text) => ({ name: text })],
  ['host', '127.0.0.1', (text) => ({ host: text })],
  ['port', '25', (text) => ({ port: text as unknown as number })],
  ['tls', 'none', (text) => ({ tls: text as 'none' })],
  ['provider', 'microsoft365', (text) => ({ provider: text as 'microsoft365' })],
  ['wire', 'grouped', (text) => ({ wire: text as 'grouped' })],
];

test.each(OPTIONS)('option: %s', (option, good, change) => {
  for (const text of spoilt(good)) {
    const token = async (): Promise<never> => Promise.reject(new Error('not asked'));
    const call = (): unknown => createMailer({ host: '127.0.0.1', port: 25, user: USER, token, ...change(text) });
    expect(call, JSON.stringify(text)).toThrow(
      expect.objectContaining({
        name: 'TypeError',
        code: expect.stringMatching(/^ERR_INPUT_/),
        message: expect.stringContaining(option),
      }),
    );
  }
});

test('a token with control characters is not put on the wire', async () => {
  for (const value of [...spoilt(TOKEN), '', 'with blank', 'nön-ascii', '\u0001auth=Bearer x']) {
    server.script({});
    await using mailer = mailerTo(server, {
      tls: 'none',
      token: async () => ({ value, expiresAt: Date.now() + 3_600_000 }),
    });
    await expect(mailer.send(MAIL), JSON.stringify(value)).rejects.toMatchObject({
      code: 'ERR_INPUT_TOKEN',
      name: 'TypeError',
    });
    const lines = server.peers.flatMap((peer) => peer.lines);
    expect(
      lines.filter((line) => !line.startsWith('EHLO')),
      JSON.stringify(value),
    ).toEqual([]);
  }
});

test('a mechanism with a line end is not put on the wire', async () => {
  const mechanisms = ['XOAUTH2\r\nMAIL FROM:<x@y>'] as unknown as ['XOAUTH2'];
  server.script({ secureEhlo: '250-peer.example\r\n250-AUTH XOAUTH2\r\n250 MAIL' });
  await using mailer = mailerTo(server, { tls: 'none', provider: { ...PROVIDERS.microsoft365, mechanisms } });
  await mailer.verify().catch(() => 'that it fails is fine');
  expect(server.peers.flatMap((peer) => peer.lines).join()).not.toContain('MAIL');
});

test('what the server says is never repeated to it', async () => {
  // A greeting, capabilities and replies full of commands: no line of ours holds any of them.
  const text = 'x\u0085MAIL FROM:<evil@y> \u2028RSET';
  server.script({
    greeting: `220 ${text}`,
    secureEhlo: `250-${text}\r\n250-SIZE 1\u2028RSET\r\n250-PIPELINING\r\n250 AUTH XOAUTH2 ${text}`,
    mail: `250 ${text}`,
    rcpt: `250 ${text}`,
  });
  await using mailer = mailerTo(server, { tls: 'none' });
  await mailer.send(MAIL);
  expect(server.peers.flatMap((peer) => peer.lines).join()).not.toMatch(/evil|RSET/);
});
