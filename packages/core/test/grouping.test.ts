// Servers that hang up when the next envelope comes behind a message.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MAIL, mailerTo, startServer } from './hostile.ts';
import type { Part, ScriptedServer } from './scripted-server.ts';

let server: ScriptedServer;
beforeAll(async () => {
  server = await startServer('none');
});
afterAll(async () => server[Symbol.asyncDispose]());

const secureEhlo = '250-peer.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 AUTH XOAUTH2';

/** How the `count`-th message is answered; notes what had come behind each. */
function answering(hangUpAt: number): { readonly message: Part; readonly behind: boolean[] } {
  const behind: boolean[] = [];
  const message: Part = async (peer) => {
    behind.push(!peer.received.toString('latin1').endsWith('\r\n.\r\n'));
    if (behind.length === hangUpAt) peer.end();
    else await peer.say('250 2.0.0 OK');
  };
  return { message, behind };
}

test('one message is in doubt, the others go, and nothing goes behind a message again', async () => {
  const { message, behind } = answering(2);
  server.script({ secureEhlo, message });
  const mailer = mailerTo(server, { tls: 'none', wire: 'grouped', limits: { connections: 1 } });
  await mailer.send(MAIL);
  const [inDoubt, ...others] = await Promise.allSettled([1, 2, 3, 4].map(() => mailer.send(MAIL)));
  expect(inDoubt).toMatchObject({ status: 'rejected', reason: { code: 'ERR_SMTP_CLOSED', mayHaveBeenSent: true } });
  expect(others.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
  expect(behind).toEqual([false, true, false, false, false]);
  await mailer.close();
});

test('a server that took an envelope behind a message before keeps its pace when it hangs up', async () => {
  const { message, behind } = answering(4);
  server.script({ secureEhlo, message });
  const mailer = mailerTo(server, { tls: 'none', wire: 'grouped', limits: { connections: 1 } });
  await mailer.send(MAIL);
  const outcomes = await Promise.allSettled([1, 2, 3, 4, 5].map(() => mailer.send(MAIL)));
  expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(1);
  expect(behind).toEqual([false, true, true, true, true, false]);
  await mailer.close();
});

test('a message behind one that was refused begins anew, though the one before that went well in the same moment', async () => {
  let messages = 0;
  let silent = 0;
  const unlessSilent = (text: string): Part => {
    return (peer) => {
      if (silent === 0) return peer.say(text);
      silent -= 1;
      return undefined;
    };
  };
  const parts = {
    secureEhlo,
    mail: unlessSilent('250 2.1.0 sender ok'),
    rcpt: unlessSilent('250 2.1.5 recipient ok'),
    data: unlessSilent('354 go ahead'),
    message: (async (peer) => {
      messages += 1;
      if (messages !== 2) return peer.say('250 2.0.0 OK');
      silent = 3; // the envelope behind it is answered in one piece with it
      return peer.say('250 2.0.0 OK', '250 2.1.0 sender ok', '550 5.1.1 nobody here', '503 5.5.1 no recipients');
    }) satisfies Part,
  };
  server.script(parts);
  const mailer = mailerTo(server, { tls: 'none', wire: 'grouped', limits: { connections: 1 } });
  await mailer.send(MAIL);
  const outcomes = await Promise.allSettled([1, 2, 3].map(() => mailer.send(MAIL)));
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  const verbs = server.peers.flatMap(({ lines }) => lines.map((line) => line.slice(0, 4)));
  expect(verbs.slice(verbs.indexOf('MAIL')).join(' ')).toBe(
    'MAIL RCPT DATA MAIL RCPT DATA MAIL RCPT DATA RSET MAIL RCPT DATA',
  );
  await mailer.close();
});
