import { describe, expect, test } from 'vitest';
import { CHUNKINGS, play } from '../../test/script.ts';
import { openSession } from './session.ts';

describe.each(CHUNKINGS)('a session fed %s', (chunking) => {
  test('opens with STARTTLS and keeps only what is offered after it', () => {
    const session = play(
      openSession('[192.0.2.1]', 'starttls'),
      `S: 220 AM0PR01CA0001.outlook.office365.com Microsoft ESMTP MAIL Service ready
       C: EHLO [192.0.2.1]
       S: 250-AM0PR01CA0001.outlook.office365.com Hello [192.0.2.1]
       S: 250-SIZE 157286400
       S: 250-PIPELINING
       S: 250 STARTTLS
       C: STARTTLS
       S: 220 2.0.0 SMTP server ready
       TLS
       C: EHLO [192.0.2.1]
       S: 250-AM0PR01CA0001.outlook.office365.com Hello [192.0.2.1]
       S: 250-SIZE 157286400
       S: 250 AUTH LOGIN XOAUTH2`,
      chunking,
    );
    expect([...session.capabilities]).toEqual([
      ['SIZE', ['157286400']],
      ['AUTH', ['LOGIN', 'XOAUTH2']],
    ]);
    expect(session.greeting).toBe('AM0PR01CA0001.outlook.office365.com Hello [192.0.2.1]');
    expect(session.roundTrips).toBe(4);
  });

  test.each([
    [
      'a greeting that refuses',
      'S: 554 5.7.1 go away',
      { name: 'ReplyError', code: 'ERR_SMTP_SERVICE_REFUSED', stage: 'greeting' },
    ],
    ['a greeting with another code', 'S: 250 hello', { name: 'ProtocolError', stage: 'greeting' }],
    [
      'a refused EHLO, without trying HELO',
      `S: 220 x
       C: EHLO me
       S: 502 5.5.1 no`,
      { code: 'ERR_SMTP_SERVICE_REFUSED', stage: 'EHLO' },
    ],
    [
      'a server that does not offer STARTTLS',
      `S: 220 x
       C: EHLO me
       S: 250-x
       S: 250 AUTH XOAUTH2`,
      { name: 'CapabilityError', code: 'ERR_SMTP_STARTTLS_NOT_OFFERED' },
    ],
    [
      'a server that offers STARTTLS and refuses it',
      `S: 220 x
       C: EHLO me
       S: 250-x
       S: 250 STARTTLS
       C: STARTTLS
       S: 454 4.7.0 not now`,
      { code: 'ERR_SMTP_SERVICE_REFUSED', stage: 'STARTTLS' },
    ],
    [
      'a positive answer to STARTTLS that is not 220',
      `S: 220 x
       C: EHLO me
       S: 250-x
       S: 250 STARTTLS
       C: STARTTLS
       S: 250 fine`,
      { name: 'ProtocolError', stage: 'STARTTLS' },
    ],
  ])('ends at %s', (_name, transcript, error) => {
    expect(() => play(openSession('me', 'starttls'), transcript, chunking)).toThrow(expect.objectContaining(error));
  });
});
