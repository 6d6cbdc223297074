// The contract on mail that is refused: by the server, by Entra, or for the caller's own mistake.
import assert from 'node:assert/strict';
import { type Bench, contractCase } from './bench.ts';
import type { ContractCase, ContractMail } from './contract.ts';

const REFUSED = 'nobody@example.com';
const REFUSE = [{ match: REFUSED, reply: '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found' }];

export const refusing: readonly ContractCase[] = [
  contractCase(
    'a refused recipient is told, the others get the mail',
    [],
    async (bench) => {
      const subject = await bench.open();
      const receipt = await bench.send(subject, { to: ['ada@example.com', REFUSED] });
      assert.deepEqual(receipt.accepted, ['ada@example.com']);
      assert.deepEqual(receipt.rejected, [REFUSED]);
      assert.deepEqual(bench.sandbox.inbox.messages[0]?.envelope.to, ['ada@example.com']);
    },
    { refuse: REFUSE },
  ),

  contractCase(
    'a mail without a recipient the server takes fails, and the connection is good for the next',
    [],
    async (bench) => {
      const subject = await bench.open();
      await bench.failsUnsent(subject, { to: [REFUSED] });
      await bench.send(subject, { subject: 'next' });
      assert.deepEqual(bench.subjects(), ['next']);
      assert.equal(bench.sandbox.sessions.length, 1, 'sessions');
    },
    { refuse: REFUSE },
  ),

  contractCase('a refused message fails as not sent, and the next one goes out', [], async (bench) => {
    const subject = await bench.open();
    bench.sandbox.exchange.reply('MESSAGE', '554 5.6.0 Corrupt message content');
    await bench.failsUnsent(subject);
    await bench.send(subject, { subject: 'next' });
    assert.deepEqual(bench.subjects(), ['next']);
  }),

  contractCase('a login that stays refused is tried twice, not once per mail', [], async (bench) => {
    const subject = await bench.open();
    bench.sandbox.exchange.reply('AUTH', '535 5.7.3 Authentication unsuccessful', { times: Infinity });
    await bench.failsUnsent(subject);
    await bench.failsUnsent(subject);
    assert.ok(
      bench.sandbox.sessions.length <= 2,
      `${bench.sandbox.sessions.length} sessions for one refused credential`,
    );
  }),

  contractCase('a token refused before its time is renewed once, and the mail goes out', [], async (bench) => {
    const subject = await bench.open();
    bench.sandbox.exchange.reply('AUTH', '535 5.7.3 Authentication unsuccessful');
    await bench.send(subject);
    assert.deepEqual(bench.subjects(), ['Hello']);
    assert.equal(bench.sandbox.tokenRequests.length, 2, 'token requests');
  }),

  contractCase('without a token nobody tries to log in', [], async (bench) => {
    const subject = await bench.open({ clientSecret: 'not-the-secret-of-this-app' });
    await bench.failsUnsent(subject);
    assert.ok(bench.sandbox.tokenRequests.some(({ error }) => error === 'AADSTS7000215'));
    assert.equal(bench.heard('AUTH'), false, 'AUTH without a token');
  }),

  contractCase('each kind of failure has a code of its own', [], async (bench) => {
    const codes: string[] = [];
    const subject = await bench.open();
    bench.sandbox.exchange.reply('MESSAGE', '554 5.6.0 Corrupt message content');
    codes.push((await bench.failsUnsent(subject)).code);
    bench.sandbox.exchange.reply('RCPT', '550 5.1.1 Mailbox unavailable');
    codes.push((await bench.failsUnsent(subject)).code);
    codes.push((await bench.failsUnsent(await bench.open({ clientSecret: 'wrong' }))).code);
    bench.sandbox.exchange.reply('AUTH', '535 5.7.3 Authentication unsuccessful', { times: Infinity });
    codes.push((await bench.failsUnsent(await bench.open())).code);
    assert.equal(new Set(codes).size, codes.length, `codes of four kinds of failure: ${codes.join(', ')}`);
  }),

  contractCase('no recipient is a mistake: nothing is said to the server', [], async (bench) => {
    await callersMistake(bench, { to: [] });
  }),

  contractCase('something that is no address is a mistake: nothing is said to the server', [], async (bench) => {
    await callersMistake(bench, { to: ['nobody'] });
  }),

  contractCase('an address with a line break is refused before anything is said', ['addresses'], async (bench) => {
    await callersMistake(bench, { to: [TWO_RECIPIENTS] });
    await callersMistake(bench, { from: TWO_SENDERS });
  }),

  contractCase('an address with a line break makes no command of its own', [], async (bench) => {
    const subject = await bench.open();
    for (const fields of [{ to: [TWO_RECIPIENTS] }, { from: TWO_SENDERS }]) {
      const attempt = subject.send(bench.mail(fields));
      await attempt.catch(() => bench.failure(attempt));
    }
    const entries = bench.sandbox.sessions.flatMap((session) => session.entries);
    const commands = entries.filter(({ from, text }) => from === 'client' && /^(?:MAIL|RCPT|RSET)/.test(text));
    const ofOneMail = new Set(commands.map(({ transaction, text }) => `${transaction} ${text.slice(0, 4)}`));
    assert.equal(ofOneMail.size, commands.length, commands.map(({ text }) => text).join(', '));
  }),
];

const TWO_RECIPIENTS = 'ada@example.com>\r\nRCPT TO:<eve@example.net';
const TWO_SENDERS = 'noreply@contoso.com>\r\nMAIL FROM:<eve@example.net';

async function callersMistake(bench: Bench, fields: Partial<ContractMail>): Promise<void> {
  await bench.failsUnsent(await bench.open(), fields);
  assert.equal(bench.heard('MAIL') || bench.heard('RCPT'), false, 'a transaction was begun');
}
