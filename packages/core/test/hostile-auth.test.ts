// AUTH offered wrongly, asked for again and again, answered twice over; and servers that repeat what they were told.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PROVIDERS, type MailerOptions } from '../src/index.ts';
import {
  type Attempt,
  type Failure,
  MAIL,
  TOKEN,
  USER,
  attempt,
  expectFailure,
  mailerTo,
  startServer,
  tokenIn,
  turnClockByHand,
} from './hostile.ts';
import { printed } from './leaks.ts';
import type { Peer } from './scripted-peer.ts';
import type { Conversation, Part, ScriptedServer } from './scripted-server.ts';

let server: ScriptedServer;
beforeAll(async () => {
  turnClockByHand();
  server = await startServer();
});
afterAll(async () => server[Symbol.asyncDispose]());

/** As for a server that takes lines of 512 bytes only: the token goes in a second step. */
const TWO_STEPS: Partial<MailerOptions> = {
  provider: { ...PROVIDERS.microsoft365, longAuthLines: false, limits: { connections: 1 } },
  token: async () => ({ value: TOKEN.repeat(4), expiresAt: Date.now() + 3_600_000 }),
};

const sealed = (): string => server.peers.map((peer) => Buffer.concat(peer.sealed).toString('latin1')).join('');
/** The lines of the session from the first AUTH on. */
const fromAuth = (peer: Peer | undefined): string[] => {
  const lines = peer?.lines ?? [];
  return lines.slice(lines.findIndex((line) => line.startsWith('AUTH')));
};
const hello = (...lines: string[]): string => ['250-peer.example', ...lines, '250 SIZE 1000'].join('\r\n');

test.each([
  ['nothing', hello()],
  ['AUTH without a mechanism', hello('250-AUTH')],
  ['passwords only', hello('250-AUTH LOGIN PLAIN CRAM-MD5 NTLM')],
  ['names that contain ours', hello('250-AUTH XOAUTH2X XXOAUTH2 XOAUTH')],
  ['it as the server’s own name', '250-AUTH XOAUTH2\r\n250 SIZE 1000'],
  ['it under another keyword', hello('250-XAUTH XOAUTH2', '250-AUTHENTICATE XOAUTH2')],
])('a server that offers %s gets neither token nor mail', async (_, secureEhlo) => {
  expectFailure(await attempt(server, { parts: { secureEhlo } }), { code: 'ERR_SMTP_AUTH_NOT_OFFERED', stage: 'AUTH' });
  expect(tokenIn(sealed())).toBeUndefined();
  expect(sealed()).not.toMatch(/AUTH|MAIL/);
});

test.each(['250-AUTH LOGIN xoauth2', '250-AUTH=XOAUTH2', '250-auth LOGIN\r\n250-AUTH XOAUTH2'])(
  '%j is an offer',
  async (line) => {
    expect((await attempt(server, { parts: { secureEhlo: hello(line) } })).error).toBeUndefined();
  },
);

test.each([
  ['250-AUTH XOAUTH2 OAUTHBEARER', 'OAUTHBEARER', 'n,a=noreply@contoso.com,\x01host=127.0.0.1\x01port=%\x01auth='],
  ['250-AUTH LOGIN XOAUTH2', 'XOAUTH2', 'user=noreply@contoso.com\x01auth='],
])('of what a server offers in %j, %s is used', async (line, mechanism, said) => {
  const provider = { ...PROVIDERS.microsoft365, mechanisms: ['OAUTHBEARER', 'XOAUTH2'] as const };
  const { error } = await attempt(server, { parts: { secureEhlo: hello(line) }, mailer: { provider } });
  expect(error).toBeUndefined();
  const [, name, response = ''] = fromAuth(server.peers[0])[0]?.split(' ') ?? [];
  expect(name).toBe(mechanism);
  const text = Buffer.from(response, 'base64').toString();
  expect(text.slice(0, text.indexOf('Bearer'))).toBe(said.replace('%', String(server.port)));
});

const challenge = (text: string): string => `334 ${Buffer.from(text).toString('base64')}`;

test.each([
  ['Username:', challenge('Username:')],
  ['a nonce', challenge('<1896.697170952@peer.example>')],
  ['text that is no base64', '334 go ahead'],
])('asked for %s first, the token stays here', async (_, auth) => {
  const parts = { auth, response: '501 5.7.0 cancelled' };
  const outcome = await attempt(server, { parts, mailer: TWO_STEPS });
  expectFailure(outcome, { code: 'ERR_SMTP_PROTOCOL', stage: 'AUTH' });
  expect(fromAuth(server.peers[0])).toEqual(['AUTH XOAUTH2', '*']);
});

test('a server that does not let us cancel the exchange does not hold us', async () => {
  const parts: Partial<Conversation> = { auth: challenge('Username:'), response: (peer) => peer.stall() };
  const outcome = await attempt(server, { parts, mailer: TWO_STEPS });
  expectFailure(outcome, { code: 'ERR_SMTP_TIMEOUT', stage: 'AUTH', after: 60_000 });
  expect(tokenIn(sealed())).toBeUndefined();
});

const JSON_CHALLENGE = challenge('{"status":"401","schemes":"bearer","scope":"https://outlook.office.com/"}');

test.each([
  ['with the command', {}, 1],
  ['in a second step', TWO_STEPS, 2],
])('challenges without end after a token sent %s get one answer', async (_, mailer, answers) => {
  const parts: Partial<Conversation> = {
    auth: mailer === TWO_STEPS ? '334 ' : JSON_CHALLENGE,
    response: JSON_CHALLENGE,
  };
  const outcome = await attempt(server, { parts, mailer });
  expectFailure(outcome, { code: 'ERR_SMTP_PROTOCOL', stage: 'AUTH' });
  expect(fromAuth(server.peers[0])).toHaveLength(1 + answers);
  expect(server.peers).toHaveLength(1);
});

test.each(['235 2.7.0 welcome', '250 ok', '334 '])('after the error challenge, %s is not a login', async (response) => {
  const outcome = await attempt(server, { parts: { auth: JSON_CHALLENGE, response } });
  expectFailure(outcome, { code: 'ERR_SMTP_PROTOCOL', stage: 'AUTH' });
  expect(sealed()).not.toContain('MAIL');
});

test.each(['235 2.7.0 welcome', '250 ok', '354 go', '220 hi'])(
  'in two steps, %s before the token is not a login',
  async (auth) => {
    const outcome = await attempt(server, { parts: { auth }, mailer: TWO_STEPS });
    expectFailure(outcome, { code: 'ERR_SMTP_PROTOCOL', stage: 'AUTH' });
    expect(tokenIn(sealed())).toBeUndefined();
    expect(sealed()).not.toContain('MAIL');
  },
);

const FAULTS: readonly [string, Part, Failure['code'], number?][] = [
  ['says nothing', (peer) => peer.stall(), 'ERR_SMTP_TIMEOUT', 60_000],
  ['drips', (peer) => peer.stallDripping('235-'), 'ERR_SMTP_TIMEOUT', 60_000],
  ['closes', (peer) => peer.end(), 'ERR_SMTP_CLOSED'],
  ['closes in mid-reply', (peer) => peer.write('235').then(() => peer.end()), 'ERR_SMTP_CLOSED'],
  ['talks nonsense', 'what?', 'ERR_SMTP_PROTOCOL'],
  ['talks without end', `235-${'x'.repeat(66_000)}`, 'ERR_SMTP_PROTOCOL'],
  ['says yes twice', '235 welcome\r\n235 welcome', 'ERR_SMTP_PROTOCOL'],
];
const AND_GONE: (typeof FAULTS)[number] = [
  'says yes and hangs up',
  '235 welcome\r\n421 4.3.2 but not now',
  'ERR_SMTP_CLOSED',
];

test.each([...FAULTS, AND_GONE])(
  'after the token in a second step, a server that %s',
  async (_, response, code, after = 0) => {
    const outcome = await attempt(server, { parts: { auth: '334 ', response }, mailer: TWO_STEPS });
    expectFailure(outcome, { code, stage: 'AUTH', after });
    expect(sealed()).not.toContain('MAIL');
  },
);

test.each(FAULTS)('after the answer to its error challenge, a server that %s', async (_, response, code, after = 0) => {
  const outcome = await attempt(server, { parts: { auth: JSON_CHALLENGE, response } });
  expectFailure(outcome, { code, stage: 'AUTH', after });
  expect(sealed()).not.toContain('MAIL');
});

test('the error challenge is decoded into the error', async () => {
  const parts = { auth: JSON_CHALLENGE, response: '535 5.7.3 Authentication unsuccessful' };
  const outcome = await attempt(server, { parts });
  expectFailure(outcome, { code: 'ERR_SMTP_AUTH_REFUSED', stage: 'AUTH' });
  expect(outcome.error).toMatchObject({
    challenge: '{"status":"401","schemes":"bearer","scope":"https://outlook.office.com/"}',
    reply: { code: 535, status: '5.7.3' },
  });
});

/** Longer than the line limit, and another one each time. */
function manyTokens() {
  let asked = 0;
  const token: MailerOptions['token'] = async () => {
    asked += 1;
    return { value: `${TOKEN.repeat(3)}.${asked}`, expiresAt: Date.now() + 3_600_000 };
  };
  /** The numbers of the tokens the server was given, in order. */
  const presented = (): number[] =>
    server.peers
      .flatMap(({ lines }) => lines.map((line) => Buffer.from(line.split(' ').at(-1) ?? '', 'base64').toString()))
      .flatMap((text) => /Bearer .*\.(\d+)/.exec(text)?.[1] ?? [])
      .map(Number);
  return { token, presented };
}

const NO = '535 5.7.3 Authentication unsuccessful';
const REFUSALS: readonly [string, Partial<Conversation>, Partial<MailerOptions>][] = [
  ['at once', { auth: NO }, {}],
  ['behind the error challenge', { auth: JSON_CHALLENGE, response: NO }, {}],
  ['in the second step', { auth: '334 ', response: NO }, TWO_STEPS],
  ['in the second step, behind the error challenge', { auth: '334 ', response: inTurn(JSON_CHALLENGE, NO) }, TWO_STEPS],
];

/** Says one after the other, and begins again. */
function inTurn(...texts: readonly string[]): Part {
  let said = 0;
  return (peer) => peer.say(texts[said++ % texts.length] ?? '');
}

test.each(REFUSALS)('a token that is refused %s is renewed once, on a fresh connection', async (_, refusal, mailer) => {
  const { token, presented } = manyTokens();
  const welcome = mailer === TWO_STEPS ? { auth: '334 ' } : {};
  const parts = (connection: number): Partial<Conversation> => (connection === 0 ? refusal : welcome);
  const { receipt } = await attempt(server, { parts, mailer: { ...mailer, token } });
  expect(receipt?.accepted).toHaveLength(1);
  expect(presented()).toEqual([1, 2]);
  expect(server.peers).toHaveLength(2);
});

test.each(REFUSALS)(
  '50 messages with tokens that are refused %s make two attempts, and two when resumed',
  async (_, parts, options) => {
    const { token, presented } = manyTokens();
    server.script(parts);
    const mailer = mailerTo(server, { ...options, token });
    const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => mailer.send(MAIL)));
    const reasons = new Set(outcomes.map((outcome) => outcome.status === 'rejected' && (outcome.reason as unknown)));
    expect([...reasons]).toEqual([expect.objectContaining({ code: 'ERR_SMTP_AUTH_REFUSED' })]);
    expect(presented()).toEqual([1, 2]);
    expect(server.peers).toHaveLength(2);
    mailer.resume();
    await expect(mailer.send(MAIL)).rejects.toMatchObject({ code: 'ERR_SMTP_AUTH_REFUSED' });
    expect(presented()).toEqual([1, 2, 3, 4]);
    await mailer.close();
  },
);

test('that long lines are refused is learnt once, though the login fails', async () => {
  const { token, presented } = manyTokens();
  const parts: Partial<Conversation> = {
    auth: (peer, line) => peer.say(line.length > 100 ? '500 5.5.2 line too long' : '334 '),
    response: NO,
  };
  expectFailure(await attempt(server, { parts, mailer: { token } }), { code: 'ERR_SMTP_AUTH_REFUSED', stage: 'AUTH' });
  expect(presented()).toEqual([1, 1, 2]);
});

test('that long lines are refused is learnt once, for the connections after the first', async () => {
  const { token } = manyTokens();
  server.script({ auth: (peer, line) => peer.say(line.length > 100 ? '555 5.5.2 too long' : '334 ') });
  const mailer = mailerTo(server, { token });
  await mailer.send(MAIL);
  server.peers[0]?.reset();
  await server.peers[0]?.closed;
  await mailer.send(MAIL);
  expect(server.peers.map((peer) => fromAuth(peer).filter((line) => line.startsWith('AUTH')).length)).toEqual([2, 1]);
  await mailer.close();
});

// ---- servers that repeat what they were told ----

const initialResponse = Buffer.from(`user=${USER}\x01auth=Bearer ${TOKEN}\x01\x01`).toString('base64');
const cut = (text: string, size: number): string[] => text.match(new RegExp(`.{1,${size}}`, 'g')) ?? [];
const multiline = (code: number, texts: readonly string[]): string =>
  texts.map((text, i) => `${code}${i < texts.length - 1 ? '-' : ' '}${text}`).join('\r\n');
/** The token in every dress a server may give it. */
const ECHOES: readonly [string, string][] = [
  ['as it is', TOKEN],
  ['as it was sent', initialResponse],
  ['in base64', Buffer.from(TOKEN).toString('base64')],
  ['in base64 of what was sent', Buffer.from(initialResponse).toString('base64')],
  ['percent-encoded', [...Buffer.from(TOKEN)].map((byte) => `%${byte.toString(16)}`).join('')],
  ['in a sentence', `Invalid token "${TOKEN}" for user ${USER}`],
];

test.each(ECHOES)(
  'a server that repeats the token %s in its refusal does not get it into the error',
  async (_, echo) => {
    const replies = [
      `535 5.7.3 ${echo}`,
      `535-5.7.3 no\r\n535 5.7.3 ${echo}`,
      `454 4.7.0 ${echo}`,
      `334 ${echo}`,
      `250 ${echo}`,
      echo,
    ];
    for (const auth of replies) {
      // attempt() looks everywhere for the token
      const { error } = await attempt(server, { parts: { auth, response: `535 5.7.3 ${echo}` } });
      expect(error).toBeInstanceOf(Error);
    }
  },
);

test.each(ECHOES)('a challenge that repeats the token %s, wherever it is not due, is redacted', async (_, echo) => {
  for (const part of ['greeting', 'secureEhlo', 'auth', 'mail', 'rcpt', 'data', 'message'] as const) {
    const text = `334 ${echo}`;
    const { error } = await attempt(server, { parts: { auth: text, response: text, [part]: text } });
    expect(error).toMatchObject({ code: 'ERR_SMTP_PROTOCOL' });
    const sent = part === 'auth' ? {} : { auth: '235 ok' };
    await attempt(server, { parts: { ...sent, [part]: text, response: text } });
  }
  await attempt(server, { parts: { auth: `334 ${echo}`, response: '501 no' }, mailer: TWO_STEPS });
});

test.each([
  ['whole', challenge(`{"status":"400","token":"${TOKEN}"}`)],
  [
    'cut into short lines',
    multiline(334, cut(Buffer.from(`{"status":"400","token":"${TOKEN}"}`).toString('base64'), 8)),
  ],
])('a challenge that holds the token, %s, is decoded without it', async (_, auth) => {
  const { error } = await attempt(server, { parts: { auth, response: '535 5.7.3 no' } });
  expect(error).toMatchObject({ code: 'ERR_SMTP_AUTH_REFUSED', challenge: expect.stringContaining('"token":') });
});

test.each(['mail', 'rcpt', 'data', 'message'] as const)(
  '%s: a refusal that repeats the token is redacted',
  async (part) => {
    const { error } = await attempt(server, { parts: { [part]: `550 5.7.1 ${TOKEN}` } });
    expect(printed(error)).toContain('[redacted]');
  },
);

test('a receipt that repeats the token is redacted', async () => {
  const { receipt } = await attempt(server, { parts: { rcpt: `250 ${TOKEN}`, message: `250 queued as ${TOKEN}` } });
  expect(receipt?.reply.lines).toEqual(['queued as [redacted]']);
});

test.each(['greeting', 'ehlo', 'secureEhlo'] as const)(
  '%s: a token learnt on one connection and repeated on the next is redacted',
  async (part) => {
    const text = {
      greeting: `220 ${TOKEN}`,
      ehlo: `250-${TOKEN}\r\n250 STARTTLS`,
      secureEhlo: `250-${TOKEN}\r\n250 AUTH XOAUTH2`,
    };
    const answers: Attempt['parts'] = (connection) =>
      connection === 0 ? { quit: (peer: Peer) => peer.end() } : { [part]: text[part] };
    server.script(answers ?? {});
    const mailer = mailerTo(server);
    await mailer.send(MAIL);
    server.peers[0]?.reset();
    await server.peers[0]?.closed;
    const facts = await mailer.verify();
    expect(tokenIn(printed(facts))).toBeUndefined();
    await mailer.close();
  },
);

test('a token that a server refused is not read out by it on the next connection', async () => {
  const old = TOKEN;
  const token = async ({ forceRefresh = false } = {}) => ({
    value: forceRefresh ? `${TOKEN.split('').reverse().join('')}` : old,
    expiresAt: Date.now() + 3_600_000,
  });
  const parts = (connection: number): Partial<Conversation> =>
    connection === 0 ? { auth: '535 5.7.3 no' } : { greeting: `554 5.3.2 your token was ${old}` };
  const { error } = await attempt(server, { parts, mailer: { token } });
  expect(error).toMatchObject({ code: 'ERR_SMTP_SERVICE_REFUSED' });
});

test('a 5yz to AUTH before the token was sent says nothing about the token', async () => {
  let asked = 0;
  const token: MailerOptions['token'] = async () => {
    asked += 1;
    return { value: `${TOKEN.repeat(4)}${asked}`, expiresAt: Date.now() + 3_600_000 };
  };
  const { error } = await attempt(server, {
    parts: { auth: '504 5.5.4 Unrecognized authentication type' },
    mailer: { ...TWO_STEPS, token },
  });
  expect(error).toMatchObject({ code: 'ERR_SMTP_AUTH_REFUSED', reply: { code: 504 } });
  expect(asked).toBe(1);
  expect(server.peers).toHaveLength(1);
});
