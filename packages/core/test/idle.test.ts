// Connections that die while nobody uses them: the next message goes out once all the same.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { DEFAULT_TIMEOUTS, type MailerOptions } from '../src/index.ts';
import { MAIL, USER, mailerTo, startServer, turnClockByHand } from './hostile.ts';
import type { Peer } from './scripted-peer.ts';
import type { Part, ScriptedServer } from './scripted-server.ts';

let server: ScriptedServer;
beforeAll(async () => {
  turnClockByHand();
  server = await startServer();
});
afterAll(async () => server[Symbol.asyncDispose]());

const DEATHS: readonly [string, Part][] = [
  ['closed', (peer) => peer.end()],
  ['reset', (peer) => peer.reset()],
  [
    'closed with a 421',
    async (peer) => {
      await peer.say('421 4.4.1 Connection timed out');
      peer.end();
    },
  ],
  ['told 421 and left open', '421 4.4.1 Connection timed out'],
  ['spoken to out of turn', '250 2.0.0 by the way'],
  ['fed with nonsense', 'what?'],
  ['told half a line', (peer) => peer.write('25')],
  ['told half a reply', '250-2.0.0 more to come'],
];

test.each(DEATHS)('an idle connection that was %s', async (_, death) => {
  server.script({});
  const mailer = mailerTo(server);
  await mailer.send(MAIL);
  const [peer] = server.peers;
  if (peer === undefined) throw new Error('no connection');
  await (typeof death === 'string' ? peer.say(death) : death(peer, ''));
  const receipt = await mailer.send(MAIL);
  expect(receipt.accepted).toHaveLength(1);
  expect(server.messages).toHaveLength(2);
  await mailer.close();
});

test('an idle connection whose server vanished without a word', async () => {
  let used = false;
  const once = {
    message: async (peer: Peer) => {
      used = true;
      await peer.say('250 2.0.0 OK queued');
    },
    mail: (peer: Peer) => (used ? peer.stall() : peer.say('250 ok')),
  };
  server.script((connection) => (connection === 0 ? once : {}));
  const mailer = mailerTo(server);
  await mailer.send(MAIL);
  const second = mailer.send(MAIL).catch((error: unknown) => error);
  while (server.peers[0]?.stalled !== true) await nextTurn();
  await vi.advanceTimersByTimeAsync(DEFAULT_TIMEOUTS.command);
  expect(await second).toMatchObject({ accepted: [expect.anything()] });
  expect(server.messages).toHaveLength(2);
  await mailer.close();
});

const HOUR = 3_600_000;
test.each<[string, Partial<MailerOptions>, number]>([
  ['age', { maxAge: 60_000 }, 60_000],
  ['token', { token: async () => ({ value: 't'.repeat(100), expiresAt: Date.now() + 90_000 }) }, 60_000],
  ['idle limit', { idleTimeout: 60_000 }, 60_000],
])('an idle connection is let go when its %s ends, though nobody asks for it', async (_, options, life) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
  onTestFinished(turnClockByHand);
  server.script({});
  const mailer = mailerTo(server, { idleTimeout: HOUR, maxAge: HOUR, ...options });
  await mailer.verify();
  await mailer.send(MAIL);
  await vi.advanceTimersByTimeAsync(life - 1000);
  for (let i = 0; i < 20; i += 1) await nextTurn();
  expect(server.peers[0]?.lines).not.toContain('QUIT');
  await vi.advanceTimersByTimeAsync(1000);
  await server.peers[0]?.closed;
  expect(server.peers[0]?.lines).toContain('QUIT');
  await mailer.close();
});

test('a mailbox is not forgotten while its last connection says goodbye', async () => {
  await using many = await startServer('none');
  many.script((connection) => (connection === 0 ? { quit: (peer) => peer.stall() } : {}));
  const mailer = mailerTo(many, { user: undefined });
  const as = (from: string) => mailer.send({ ...MAIL, envelope: { ...MAIL.envelope, from } });
  await as(USER);
  while (many.peers[0]?.stalled !== true) await vi.advanceTimersByTimeAsync(1_000);
  await Promise.all(Array.from({ length: 70 }, (_, i) => as(`user${i}@contoso.com`)));
  const again = as(USER);
  for (let i = 0; i < 100; i += 1) await nextTurn();
  expect(many.peers).toHaveLength(71);
  many.peers[0]?.end();
  await again;
  expect(many.peers).toHaveLength(72);
  await mailer.close();
});
