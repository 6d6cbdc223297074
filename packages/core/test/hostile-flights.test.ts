// Wrong, missing and surplus answers within a flight, at every wire level: never a false "sent", never a second copy.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MailError } from '../src/index.ts';
import { WIRE_LEVELS, type WireLevel } from '../src/smtp/wire-ladder.ts';
import { MAIL, mailerTo, startServer } from './hostile.ts';
import type { Peer } from './scripted-peer.ts';
import type { Part, ScriptedServer } from './scripted-server.ts';

let server: ScriptedServer;
beforeAll(async () => {
  server = await startServer('none');
});
afterAll(async () => server[Symbol.asyncDispose]());

const secureEhlo = '250-peer.example\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-8BITMIME\r\n250 AUTH XOAUTH2';
const PARTS = ['rset', 'mail', 'rcpt', 'data', 'chunk', 'message'] as const;
const CODES = ['220', '250', '334', '354', '421', '450', '503', '550'];
const FAULTS: readonly [string, Part][] = [
  ...CODES.map((code): [string, Part] => [code, `${code} what it says`]),
  ...['250', '354', '550'].flatMap((code): [string, Part][] => [
    [`250 and ${code}`, `250 ok\r\n${code} what it says`],
    [`${code} and 250`, `${code} what it says\r\n250 ok`],
  ]),
  ['nothing', () => undefined],
  ['nonsense', 'what?'],
  ['half a reply and the end', (peer) => peer.write('250 o').then(() => peer.end())],
  ['an end', (peer) => peer.end()],
  ['a reset', (peer) => peer.reset()],
];
/** More than one chunk. */
const LONG = `Subject: two\r\n\r\n${`${'x'.repeat(76)}\r\n`.repeat(13_900)}`;

/** Chunks are for messages counted in them, and DATA for the others. */
const occurs = (wire: WireLevel, part: (typeof PARTS)[number]): boolean => {
  const counted = wire === 'chunked' || wire === 'one-flight';
  return part === 'chunk' ? counted : part !== 'data' || !counted;
};
const CASES = WIRE_LEVELS.flatMap((wire) => PARTS.filter((part) => occurs(wire, part)).map((part) => ({ wire, part })));

const GOOD = { rset: '250 ok', mail: '250 ok', rcpt: '250 ok', data: '354 go', chunk: '250 ok', message: '250 ok' };

test.each(CASES)('$wire: whatever the answer to $part', async ({ wire, part }) => {
  for (const [what, fault] of FAULTS) {
    // With the message on its way, a surplus refusal is a refusal of the message: a server that lies, not one that stumbles.
    const onItsWay = part === 'chunk' || (wire === 'one-flight' && part === 'rcpt');
    if (onItsWay && what === '250 and 550') continue;
    if (part === 'chunk' && what.length === 3 && !['250', '354', '450', '550'].includes(what)) continue; // a megabyte each
    const where = `${wire}, ${part} answered with ${what}`;
    let act: 'well' | 'refuse' | 'badly' = 'well';
    const step: Part = async (peer, line) => {
      if (act === 'badly') await (typeof fault === 'string' ? peer.say(fault) : fault(peer, line));
      else await peer.say(GOOD[part]);
    };
    const rcpt: Part = (peer) => peer.say(act === 'refuse' ? '550 5.1.1 unknown' : '250 ok');
    server.script({ secureEhlo, rcpt, [part]: step });
    const mailer = mailerTo(server, { tls: 'none', wire });
    await mailer.send(MAIL);
    act = 'refuse'; // RSET comes after a message that was refused before its content
    if (part === 'rset') await mailer.send(MAIL).catch(() => 'refused, as it should be');
    act = 'badly';
    const message = part === 'chunk' ? LONG : 'Subject: two\r\n\r\nhello\r\n';
    const outcome = await mailer.send({ ...MAIL, message }, { deadline: part === 'chunk' ? 200 : 30 }).then(
      () => undefined,
      (error: unknown) => error,
    );
    await mailer.close({ deadline: 1 });
    const accepted = server.messages.filter((each) => each.accepted && each.wire.includes('Subject: two')).length;
    expect(accepted, where).toBeLessThanOrEqual(1);
    if (outcome === undefined) expect(accepted, `${where}: sent`).toBe(1);
    else {
      expect(outcome, where).toBeInstanceOf(MailError);
      const { mayHaveBeenSent, message: text } = outcome as MailError;
      if (!mayHaveBeenSent) expect(accepted, `${where}: ${text}`).toBe(0);
    }
  }
});

test.each(WIRE_LEVELS)('%s: a message is not put on top of one that the server did not forget', async (wire) => {
  let refuse = false;
  const parts = {
    secureEhlo,
    rcpt: (peer: Peer) => peer.say(refuse ? '550 5.1.1 unknown' : '250 ok'),
    message: (peer: Peer) => peer.say(refuse ? '554 5.5.1 no recipients' : '250 ok'),
    rset: '502 5.5.1 not implemented',
  };
  server.script(parts);
  const mailer = mailerTo(server, { tls: 'none', wire });
  await mailer.send(MAIL);
  refuse = true;
  await expect(mailer.send(MAIL)).rejects.toMatchObject({ code: 'ERR_SMTP_RECIPIENTS_REFUSED' });
  refuse = false;
  const outcome = mailer.send(MAIL);
  // Where everything is out before the answer to RSET, it can only be told.
  if (wire === 'one-flight') {
    await expect(outcome).rejects.toMatchObject({ code: 'ERR_SMTP_PROTOCOL', stage: 'RSET', mayHaveBeenSent: true });
  } else expect((await outcome).accepted).toHaveLength(1);
  await mailer.close();
  const second = server.peers[1];
  expect(server.peers).toHaveLength(wire === 'one-flight' ? 1 : 2);
  expect(second?.lines.includes('RSET') ?? false).toBe(false);
  expect(server.messages.filter(({ accepted }) => accepted)).toHaveLength(2);
});
