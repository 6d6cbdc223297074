// TLS taken away, forged, stalled or spoken into. docs/threats.md lists the cases.
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { DEFAULT_TIMEOUTS } from '../src/index.ts';
import { type ServerCertificate, createAuthority, selfSigned } from './certificates.ts';
import { type Attempt, attempt, authority, expectFailure, startServer, tokenIn, turnClockByHand } from './hostile.ts';
import type { Conversation, Part, ScriptedServer } from './scripted-server.ts';

let starttls: ScriptedServer;
let implicit: ScriptedServer;
/** Speaks in clear whatever the client does. */
let clear: ScriptedServer;
beforeAll(async () => {
  turnClockByHand();
  [starttls, implicit, clear] = await Promise.all([startServer(), startServer('implicit'), startServer('none')]);
});
afterAll(async () => {
  await Promise.all([starttls, implicit, clear].map((server) => server[Symbol.asyncDispose]()));
});

const good = authority.issue();
afterEach(() => {
  starttls.certificate = good;
  implicit.certificate = good;
});

/** One attempt that must not put a byte of ours on the wire in or after TLS, nor the token anywhere. */
async function refuse(server: ScriptedServer, options: Attempt) {
  const outcome = await attempt(server, options);
  expect(outcome.receipt).toBeUndefined();
  expect(Buffer.concat(server.peers.flatMap((peer) => peer.sealed)).toString('latin1')).toBe('');
  expect(tokenIn(server.peers.map((peer) => peer.received.toString('latin1')).join())).toBeUndefined();
  return outcome;
}

const said = (server: ScriptedServer): string[] => server.peers.flatMap((peer) => peer.lines);

test.each([
  ['no STARTTLS', '250-peer.example\r\n250 PIPELINING'],
  ['AUTH instead of STARTTLS', '250-peer.example\r\n250 AUTH XOAUTH2'],
  ['something that looks like it', '250-peer.example\r\n250-XSTARTTLS\r\n250 STARTTLSX'],
  ['STARTTLS as its own name only', '250 STARTTLS'],
])('a server that offers %s gets no token', async (_, ehlo) => {
  const outcome = await refuse(starttls, { parts: { ehlo } });
  expectFailure(outcome, { code: 'ERR_SMTP_STARTTLS_NOT_OFFERED', stage: 'STARTTLS' });
  expect(said(starttls)).toEqual([expect.stringMatching(/^EHLO /)]);
});

test.each(['454 4.7.0 TLS not available', '502 5.5.1 no', '501 5.5.4 syntax', '503 5.5.1 out of order'])(
  'STARTTLS answered with %s ends the session',
  async (starttlsReply) => {
    const outcome = await refuse(starttls, { parts: { starttls: starttlsReply } });
    expectFailure(outcome, { code: 'ERR_SMTP_SERVICE_REFUSED', stage: 'STARTTLS' });
    expect(said(starttls)).toEqual([expect.stringMatching(/^EHLO /), 'STARTTLS']);
  },
);

test('STARTTLS answered with 250 ends the session: only 220 starts TLS', async () => {
  const outcome = await refuse(starttls, { parts: { starttls: '250 ok' } });
  expectFailure(outcome, { code: 'ERR_SMTP_PROTOCOL', stage: 'STARTTLS' });
});

test.each([
  ['a whole reply', '220 go\r\n250-evil.example\r\n250 AUTH XOAUTH2\r\n'],
  ['a whole line', '220 go\r\n250 evil\r\n'],
  ['half a line', '220 go\r\n250-ev'],
  ['one byte', '220 go\r\n2'],
  ['an empty line', '220 go\r\n\r\n'],
  ['a line that is none', '220 go\r\nevil\r\n'],
])('%s in the same segment as the 220 to STARTTLS is an injection', async (_, bytes) => {
  const outcome = await refuse(starttls, { parts: { starttls: (peer) => peer.write(bytes), handshake: () => {} } });
  expectFailure(outcome, { code: 'ERR_SMTP_PROTOCOL', stage: 'tls' });
  expect(starttls.peers[0]?.clear.at(-1)?.toString(), 'not even a hello').toBe('STARTTLS\r\n');
});

test('plaintext in a later segment meets the handshake and ends it', async () => {
  const parts: Partial<Conversation> = {
    handshake: async (peer) => {
      await peer.chunk(); // the client's hello
      await peer.write('250-evil.example\r\n250 AUTH XOAUTH2\r\n');
    },
  };
  const outcome = await refuse(starttls, { parts });
  expectFailure(outcome, { code: 'ERR_SMTP_TLS', stage: 'tls' });
});

test.each(['ehlo', 'secureEhlo'] as const)('%s: what came before TLS is forgotten', async (part) => {
  // In clear everything is offered, in TLS nothing; and the other way round.
  const all = '250-peer.example\r\n250-SIZE 10\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 AUTH XOAUTH2';
  const parts = { ehlo: '250-peer.example\r\n250 STARTTLS', secureEhlo: '250 peer.example', [part]: all };
  const outcome = await attempt(starttls, { parts });
  if (part === 'ehlo') {
    expectFailure(outcome, { code: 'ERR_SMTP_AUTH_NOT_OFFERED', stage: 'AUTH' });
    expect(tokenIn(starttls.peers.map((peer) => peer.received.toString('latin1')).join())).toBeUndefined();
  } else expectFailure(outcome, { code: 'ERR_SMTP_SIZE_EXCEEDED', stage: 'MAIL' });
});

const afterHello =
  (part: Part): Part =>
  async (peer, line) => {
    await peer.chunk();
    await (typeof part === 'string' ? peer.say(part) : part(peer, line));
  };

const HANDSHAKES: readonly [string, Part][] = [
  ['says nothing', (peer) => peer.stall()],
  [
    'drips a record that never ends',
    afterHello(async (peer) => {
      await peer.write(Buffer.from([0x16, 0x03, 0x03, 0x40, 0x00]));
      void peer.stall();
      await peer.drip('\x02'.repeat(16_000));
    }),
  ],
];

test.each(HANDSHAKES)('a server that %s in the handshake is given up when its time is over', async (_, part) => {
  const expected = { code: 'ERR_SMTP_TIMEOUT', stage: 'tls', after: DEFAULT_TIMEOUTS.tls } as const;
  expectFailure(await refuse(starttls, { parts: { handshake: part } }), expected);
  expectFailure(await refuse(clear, { parts: { greeting: part }, mailer: { tls: 'implicit' } }), expected);
});

const BROKEN: readonly [string, Part][] = [
  ['words', (peer) => peer.write('220 hello in clear\r\n')],
  ['noise', (peer) => peer.write(Buffer.from(Array.from({ length: 300 }, (_, i) => (i * 37) % 256)))],
  ['an alert', (peer) => peer.write(Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28]))],
  ['an end', (peer) => peer.end()],
  ['a reset', (peer) => peer.reset()],
];

test.each(BROKEN)('%s in answer to the hello is no TLS', async (_, part) => {
  const later = afterHello(part);
  expectFailure(await refuse(starttls, { parts: { handshake: later } }), { code: 'ERR_SMTP_TLS', stage: 'tls' });
  const outcome = await refuse(clear, { parts: { greeting: later }, mailer: { tls: 'implicit' } });
  expectFailure(outcome, { code: 'ERR_SMTP_TLS', stage: 'tls' });
});

const stranger = createAuthority(); // the same name, another key
const CERTIFICATES: readonly [string, () => ServerCertificate][] = [
  ['expired', () => authority.issue({ from: -10, until: -1 })],
  ['not valid yet', () => authority.issue({ from: 1, until: 10 })],
  ['for another host', () => authority.issue({ names: ['other.example', '192.0.2.1'] })],
  [
    'for another host, with ours as its common name',
    () => authority.issue({ names: ['x.example'], commonName: 'localhost' }),
  ],
  ['for a name that goes on behind a NUL', () => authority.issue({ names: ['localhost\0.evil.example', '192.0.2.1'] })],
  ['for every host', () => authority.issue({ names: ['*'] })],
  ['for no name', () => authority.issue({ names: [], commonName: 'other.example' })],
  ['from an unknown authority', () => stranger.issue()],
  ['vouched for by itself', () => selfSigned()],
  ['signed with the key of an ordinary certificate', () => authority.issueFromLeaf()],
  ['for clients', () => authority.issue({ purpose: 'client' })],
];

test.each(CERTIFICATES)('a certificate %s gets no byte of the session', async (_, make) => {
  for (const host of ['localhost', '127.0.0.1']) {
    starttls.certificate = implicit.certificate = make();
    for (const [server, tls] of [
      [starttls, 'starttls'],
      [implicit, 'implicit'],
    ] as const) {
      const outcome = await refuse(server, { mailer: { host, tls } });
      expectFailure(outcome, { code: 'ERR_SMTP_TLS', stage: 'tls' });
    }
  }
});

test('a server that knows only TLS of before 1.2 gets no byte of the session', async () => {
  const old = { ...good, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
  const outcome = await refuse(starttls, { parts: { handshake: (peer) => peer.secure(old) } });
  expectFailure(outcome, { code: 'ERR_SMTP_TLS', stage: 'tls' });
});

test('a good certificate is good for its name and its address', async () => {
  for (const host of ['localhost', '127.0.0.1']) {
    for (const [server, tls] of [
      [starttls, 'starttls'],
      [implicit, 'implicit'],
    ] as const) {
      expect((await attempt(server, { mailer: { host, tls } })).error).toBeUndefined();
    }
  }
});

test('the environment cannot turn verification off', async () => {
  vi.spyOn(process, 'emitWarning').mockImplementation(() => {}); // Node warns of this variable, rightly
  const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  try {
    starttls.certificate = selfSigned();
    expectFailure(await refuse(starttls, {}), { code: 'ERR_SMTP_TLS', stage: 'tls' });
  } finally {
    if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
  }
});

test('without the authority at hand, the machine’s own trust store does not know it', async () => {
  expectFailure(await refuse(starttls, { mailer: { ca: undefined } }), { code: 'ERR_SMTP_TLS', stage: 'tls' });
});

test('a server that speaks before it is spoken to inside TLS is not believed', async () => {
  const parts: Partial<Conversation> = {
    handshake: async (peer) => {
      peer.secure();
      await peer.say('250-peer.example', '250 AUTH XOAUTH2', '235 welcome', '250 ok', '250 ok', '354 go', '250 sent');
    },
  };
  const outcome = await attempt(starttls, { parts });
  expect(outcome.receipt).toBeUndefined();
  expect(outcome.error).toMatchObject({ code: 'ERR_SMTP_PROTOCOL' });
  expect(tokenIn(starttls.peers.map((peer) => peer.received.toString('latin1')).join())).toBeUndefined();
});

test('a connection that ends with the 220 to STARTTLS is no TLS', async () => {
  const parts: Partial<Conversation> = {
    starttls: (peer) => {
      void peer.say('220 go');
      peer.end();
    },
    handshake: () => {},
  };
  expectFailure(await refuse(starttls, { parts }), { code: 'ERR_SMTP_TLS', stage: 'tls' });
});

test.each([
  ['words', '250-evil.example\r\n250 AUTH XOAUTH2\r\n'],
  ['an alert in clear', Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x01, 0x00])],
  ['a record of nobody', Buffer.from([0x17, 0x03, 0x03, 0x00, 0x05, 1, 2, 3, 4, 5])],
  ['a record larger than any', Buffer.concat([Buffer.from([0x17, 0x03, 0x03, 0xff, 0xff]), Buffer.alloc(65_535)])],
])('%s put into the session from outside end it, and nothing of them is used', async (_, bytes) => {
  const parts: Partial<Conversation> = { secureEhlo: (peer) => peer.writePastTls(bytes) };
  const outcome = await attempt(starttls, { parts });
  expectFailure(outcome, { code: 'ERR_SMTP_CLOSED', stage: 'EHLO' });
  expect(tokenIn(starttls.peers.map((peer) => peer.received.toString('latin1')).join())).toBeUndefined();
});
