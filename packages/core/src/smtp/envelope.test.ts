import { describe, expect, test } from 'vitest';
import type { Envelope } from '../message.ts';
import { toContent } from './content.ts';
import { checkEnvelope, envelopeCommands } from './envelope.ts';

const ALL = ['SIZE 1000', '8BITMIME', 'SMTPUTF8', 'DSN', 'REQUIRETLS'];

function lines(envelope: Envelope, message: string, offered = ALL): string[] {
  const capabilities = new Map(offered.map((line) => line.split(' ')).map(([name = '', ...rest]) => [name, rest]));
  const { mail, rcpts } = envelopeCommands(
    { envelope: checkEnvelope(envelope), content: toContent(message), binary: false },
    capabilities,
  );
  return [mail, ...rcpts].map(({ line }) => line);
}
const plain = { from: 'a@contoso.com', to: ['b@contoso.com'] };

describe('an envelope asks for what its message needs and the server offers', () => {
  test.each<[string, Envelope, string, string[], string[]]>([
    [
      'nothing on a server without extensions',
      plain,
      'x',
      [],
      ['MAIL FROM:<a@contoso.com>', 'RCPT TO:<b@contoso.com>'],
    ],
    ['its size', plain, '12345', ['SIZE'], ['MAIL FROM:<a@contoso.com> SIZE=5', 'RCPT TO:<b@contoso.com>']],
    [
      '8BITMIME only for 8-bit text',
      plain,
      'ä',
      ['8BITMIME'],
      ['MAIL FROM:<a@contoso.com> BODY=8BITMIME', 'RCPT TO:<b@contoso.com>'],
    ],
    [
      'A-labels for a domain, without SMTPUTF8',
      { from: 'a@büro.example', to: ['b@例え.jp'] },
      'x',
      [],
      ['MAIL FROM:<a@xn--bro-hoa.example>', 'RCPT TO:<b@xn--r8jz45g.jp>'],
    ],
    [
      'SMTPUTF8 for a local part',
      { from: 'a@contoso.com', to: ['jürgen@contoso.com'] },
      'x',
      ['SMTPUTF8'],
      ['MAIL FROM:<a@contoso.com> SMTPUTF8', 'RCPT TO:<jürgen@contoso.com>'],
    ],
    ['the null reverse-path', { ...plain, from: '' }, 'x', [], ['MAIL FROM:<>', 'RCPT TO:<b@contoso.com>']],
    [
      'notifications, encoded',
      {
        from: 'a@contoso.com',
        to: ['b@contoso.com', { address: 'c@contoso.com', notify: 'never', originalRecipient: 'c+tag@old.example' }],
        notify: ['failure', 'delay'],
        return: 'headers',
        envelopeId: 'job 7=+',
      },
      'x',
      ['DSN'],
      [
        'MAIL FROM:<a@contoso.com> RET=HDRS ENVID=job+207+3D+2B',
        'RCPT TO:<b@contoso.com> NOTIFY=FAILURE,DELAY',
        'RCPT TO:<c@contoso.com> NOTIFY=NEVER ORCPT=rfc822;c+2Btag@old.example',
      ],
    ],
    [
      'no notifications where they are not offered',
      { ...plain, notify: ['success'], return: 'full' },
      'x',
      [],
      ['MAIL FROM:<a@contoso.com>', 'RCPT TO:<b@contoso.com>'],
    ],
    [
      'TLS all the way',
      { ...plain, requireTls: true },
      'x',
      ['REQUIRETLS'],
      ['MAIL FROM:<a@contoso.com> REQUIRETLS', 'RCPT TO:<b@contoso.com>'],
    ],
  ])('%s', (_name, envelope, message, offered, expected) => {
    expect(lines(envelope, message, offered)).toEqual(expected);
  });
});

test.each<[string, Envelope, string, string[]]>([
  ['ERR_SMTP_SMTPUTF8_NOT_OFFERED', { ...plain, to: ['jürgen@contoso.com'] }, 'x', ['8BITMIME']],
  ['ERR_SMTP_8BITMIME_NOT_OFFERED', plain, 'ä', []],
  ['ERR_SMTP_SIZE_EXCEEDED', plain, 'x'.repeat(1001), ['SIZE 1000']],
  ['ERR_SMTP_REQUIRETLS_NOT_OFFERED', { ...plain, requireTls: true }, 'x', []],
])('%s comes before anything is sent', (code, envelope, message, offered) => {
  expect(() => lines(envelope, message, offered)).toThrow(expect.objectContaining({ name: 'CapabilityError', code }));
});

test.each<[string, unknown]>([
  ['no recipients', { from: 'a@b.c', to: [] }],
  ['one string instead of a list', { from: 'a@b.c', to: 'd@e.f' }],
  ['a bad sender', { from: 'a', to: ['d@e.f'] }],
  ['an unknown notification', { ...plain, notify: ['always'] }],
  ['no notification', { ...plain, notify: [] }],
  ['a line end in the envelope id', { ...plain, envelopeId: 'a\r\nRCPT TO:<x@y>' }],
  ['an unknown return', { ...plain, return: 'all' }],
])('%s is refused', (_name, envelope) => {
  expect(() => checkEnvelope(envelope as Envelope)).toThrow(TypeError);
});
