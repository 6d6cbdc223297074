// The connection is cut at every byte of a transaction, in what the server says and in what the client says: what the
// sender is told agrees with what the server saw, and no message is there twice.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Receipt, MailError } from '../src/index.ts';
import { WIRE_LEVELS, type WireLevel } from '../src/smtp/wire-ladder.ts';
import { MAIL, mailerTo, startServer } from './hostile.ts';
import type { Peer } from './scripted-peer.ts';
import type { ScriptedServer } from './scripted-server.ts';

let server: ScriptedServer;
beforeAll(async () => {
  server = await startServer('none');
});
afterAll(async () => server[Symbol.asyncDispose]());

const OFFERS = ['PIPELINING', 'CHUNKING', '8BITMIME', 'SIZE 1000000'];
const secureEhlo = [...OFFERS, 'AUTH XOAUTH2'].map((line) => `250-${line}\r\n`).join('') + '250 DSN';

interface Cut {
  readonly said?: number;
  readonly heard?: number;
  readonly how: 'end' | 'reset';
}

/** Bytes of the answers to MAIL and RCPT. */
const ENVELOPE = '250 2.1.0 sender ok\r\n250 2.1.5 recipient ok\r\n'.length;

/** Two messages at once on a connection that has proven itself; it is cut where `cut` says. Returns whether it was cut at all. */
async function sendTwo(wire: WireLevel, cut: Cut): Promise<boolean> {
  let begun = false;
  server.script((connection) => ({
    secureEhlo,
    message: async (peer: Peer) => {
      await peer.say('250 2.0.0 OK <id> queued');
      if (connection !== 0 || begun) return;
      begun = true;
      peer.cutAfter(cut);
    },
  }));
  const mailer = mailerTo(server, { tls: 'none', wire });
  await mailer.send(MAIL);
  while (!begun) await new Promise((resolve) => setImmediate(resolve));
  const send = (subject: string): Promise<Receipt> =>
    mailer.send({ ...MAIL, message: `Subject: ${subject}\r\n\r\n.x\r\n` }, { deadline: 5_000 });
  const outcomes = await Promise.allSettled([send('one'), send('two')]);
  await mailer.close({ deadline: 1 });
  const where = `${wire}, cut after ${JSON.stringify(cut)}`;
  for (const [i, outcome] of outcomes.entries()) {
    const subject = ['one', 'two'][i] ?? '';
    const seen = server.messages.filter(({ wire: bytes }) => bytes.includes(`Subject: ${subject}\r\n`)).length;
    if (outcome.status === 'fulfilled') expect(seen, `${subject} was sent: ${where}`).toBe(1);
    else {
      const error: unknown = outcome.reason;
      expect(error).toBeInstanceOf(MailError);
      expect(error, where).toMatchObject({ code: 'ERR_SMTP_CLOSED' });
      const { mayHaveBeenSent } = error as MailError;
      const most = mayHaveBeenSent ? 1 : 0;
      // Nothing of a message goes before its envelope was answered, unless that was asked for.
      if ((cut.said ?? Infinity) < ENVELOPE && wire !== 'one-flight') expect(mayHaveBeenSent, where).toBe(false);
      expect(seen, `${subject}: ${(error as MailError).message}: ${where}`).toBeLessThanOrEqual(most);
    }
  }
  return server.peers.length > 1 || outcomes.some(({ status }) => status === 'rejected');
}

describe.each(WIRE_LEVELS)('%s', (wire) => {
  test.each(['said', 'heard'] as const)('cut after every byte %s', async (side) => {
    const coarse = wire === 'grouped' ? 1 : 7;
    let at = 0;
    // Until nothing is left to cut.
    for (; await sendTwo(wire, { [side]: at, how: at % 2 === 0 ? 'end' : 'reset' }); at += coarse);
    expect(at).toBeGreaterThan(100);
  });
});
