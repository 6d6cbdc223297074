import { describe, expect, test } from 'vitest';
import { CHUNKINGS, play } from '../../test/script.ts';
import { oauthbearer } from '../sasl/oauthbearer.ts';
import { xoauth2 } from '../sasl/xoauth2.ts';
import { Secret } from '../secret.ts';
import { authenticate } from './authentication.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const token = new Secret('t'.repeat(40));
const response = base64(`user=noreply@contoso.com\x01auth=Bearer ${'t'.repeat(40)}\x01\x01`);
const short = xoauth2('noreply@contoso.com', token);
const long = xoauth2('noreply@contoso.com', new Secret('t'.repeat(1500)));
const longResponse = long.initialResponse.reveal();
const offered = new Map([['AUTH', ['LOGIN', 'XOAUTH2', 'oauthbearer']]]);

describe.each(CHUNKINGS)('a login fed %s', (chunking) => {
  test('sends the token with the command when the line is short', () => {
    const login = play(
      authenticate(short, offered, false),
      `C: AUTH XOAUTH2 ${response}
       S: 235 2.7.0 Authentication successful`,
      chunking,
    );
    expect(login).toEqual({ inline: true, roundTrips: 1 });
  });

  test('sends a long token in a second step', () => {
    const login = play(
      authenticate(long, offered, false),
      `C: AUTH XOAUTH2
       S: 334
       C: ${longResponse}
       S: 235 2.7.0 Authentication successful`,
      chunking,
    );
    expect(login).toEqual({ inline: false, roundTrips: 2 });
  });

  test('sends a long token with the command where the provider is known to take it', () => {
    expect(
      play(
        authenticate(long, offered, true),
        `C: AUTH XOAUTH2 ${longResponse}
         S: 235 2.7.0 Authentication successful`,
        chunking,
      ).inline,
    ).toBe(true);
  });

  test.each([500, 501, 555])('falls back to two steps when the line is refused with %d', (code) => {
    const login = play(
      authenticate(long, offered, true),
      `C: AUTH XOAUTH2 ${longResponse}
       S: ${code} 5.5.2 line too long
       C: AUTH XOAUTH2
       S: 334 
       C: ${longResponse}
       S: 235 2.7.0 Authentication successful`,
      chunking,
    );
    expect(login).toEqual({ inline: false, roundTrips: 3 });
  });

  test('answers the error challenge once and keeps what it said', () => {
    expect(() =>
      play(
        authenticate(short, offered, false),
        `C: AUTH XOAUTH2 ${response}
         S: 334 ${base64('{"status":"401","schemes":"Bearer"}')}
         C:
         S: 535 5.7.8 Username and Password not accepted`,
        chunking,
      ),
    ).toThrow(
      expect.objectContaining({
        name: 'AuthenticationError',
        code: 'ERR_SMTP_AUTH_REFUSED',
        mechanism: 'XOAUTH2',
        challenge: '{"status":"401","schemes":"Bearer"}',
        reply: { code: 535, status: '5.7.8', lines: ['5.7.8 Username and Password not accepted'] },
      }),
    );
  });

  test('answers the error challenge of OAUTHBEARER with U+0001', () => {
    const mechanism = oauthbearer('a,b=c@contoso.com', token, 'smtp.example', 587);
    const initial = `n,a=a=2Cb=3Dc@contoso.com,\x01host=smtp.example\x01port=587\x01auth=Bearer ${'t'.repeat(40)}\x01\x01`;
    expect(() =>
      play(
        authenticate(mechanism, offered, false),
        `C: AUTH OAUTHBEARER ${base64(initial)}
         S: 334 ${base64('{"status":"invalid_token"}')}
         C: AQ==
         S: 535 5.7.8 no`,
        chunking,
      ),
    ).toThrow(expect.objectContaining({ challenge: '{"status":"invalid_token"}' }));
  });

  test('takes a plain 535 as a refusal', () => {
    expect(() =>
      play(
        authenticate(short, offered, false),
        `C: AUTH XOAUTH2 ${response}
         S: 535 5.7.3 Authentication unsuccessful [AM0PR01CA0001 2026-11-20T10:00:00.000Z 08DE000000000000]`,
        chunking,
      ),
    ).toThrow(expect.objectContaining({ code: 'ERR_SMTP_AUTH_REFUSED', challenge: undefined }));
  });

  test('does not give the token to a server that asks something else first', () => {
    expect(() =>
      play(
        authenticate(long, offered, false),
        `C: AUTH XOAUTH2
         S: 334 VXNlcm5hbWU6
         C: *
         S: 501 5.7.0 cancelled`,
        chunking,
      ),
    ).toThrow(expect.objectContaining({ name: 'ProtocolError', stage: 'AUTH' }));
  });

  test.each([
    ['a second challenge after the error', '334 more'],
    ['success after the error challenge', '235 2.7.0 fine after all'],
    ['a positive code that is not 235', '250 ok'],
  ])('does not go on after %s', (_name, reply) => {
    const first = reply.startsWith('250') ? '' : `S: 334 ${base64('{}')}\nC:\n`;
    expect(() =>
      play(authenticate(short, offered, false), `C: AUTH XOAUTH2 ${response}\n${first}S: ${reply}`, chunking),
    ).toThrow(expect.objectContaining({ name: 'ProtocolError' }));
  });
});

test.each([
  [333, 511, true],
  [334, 515, false],
])('a token of %i characters makes a line of %i bytes, and goes with the command: %s', (length, bytes, inline) => {
  const mechanism = xoauth2('noreply@contoso.com', new Secret('t'.repeat(length)));
  const line = `AUTH XOAUTH2 ${mechanism.initialResponse.reveal()}`;
  expect(`${line}\r\n`).toHaveLength(bytes);
  const first = authenticate(mechanism, offered, false).next([]);
  expect(first).toMatchObject({ value: { commands: [{ line: inline ? line : 'AUTH XOAUTH2' }] } });
});

test('a mechanism that is not offered gets no token', () => {
  const noOffer = new Map([['AUTH', ['LOGIN', 'XOAUTH2X']]]);
  expect(() => authenticate(short, noOffer, false).next([])).toThrow(
    expect.objectContaining({ code: 'ERR_SMTP_AUTH_NOT_OFFERED' }),
  );
});

test.each(['', 'a\x01b', 'a\r\nb', 'a\0b'])('a login name %j is refused', (user) => {
  expect(() => xoauth2(user, token)).toThrow(expect.objectContaining({ code: 'ERR_INPUT_ADDRESS' }));
  expect(() => oauthbearer(user, token, 'h', 1)).toThrow(expect.objectContaining({ code: 'ERR_INPUT_ADDRESS' }));
});
