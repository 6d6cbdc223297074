// The contract on what an adapter tells of itself, on several under one roof, and on secrets.
import assert from 'node:assert/strict';
import { type Bench, contractCase, OTHER_MAILBOX } from './bench.ts';
import type { ContractCase, ContractSender } from './contract.ts';
import { outputOf } from './spill.ts';

async function statusOf(bench: Bench, sender: ContractSender): Promise<string> {
  const health = bench.saw(await sender.health?.());
  assert.ok(health, 'no health(), which the harness promises');
  return health.status;
}

export const standing: readonly ContractCase[] = [
  contractCase('health is up before anything was sent, and asking connects nowhere', ['health'], async (bench) => {
    const subject = await bench.open();
    assert.equal(await statusOf(bench, subject), 'up');
    assert.equal(bench.sandbox.sessions.length + bench.sandbox.tokenRequests.length, 0, 'sessions and token requests');
    await bench.send(subject);
    assert.deepEqual(bench.subjects(), ['Hello']);
    assert.equal(await statusOf(bench, subject), 'up');
  }),

  contractCase('health is not up after a refused login', ['health'], async (bench) => {
    const subject = await bench.open();
    bench.sandbox.exchange.reply('AUTH', '535 5.7.3 Authentication unsuccessful', { times: Infinity });
    await bench.failsUnsent(subject);
    assert.notEqual(await statusOf(bench, subject), 'up');
  }),

  contractCase('verify() logs in and sends nothing', ['verify'], async (bench) => {
    const subject = await bench.open();
    bench.saw(await subject.verify?.());
    assert.ok(bench.heard('AUTH'), 'no AUTH');
    assert.equal(bench.heard('MAIL'), false, 'MAIL');
  }),

  contractCase('verify() fails where the login is refused', ['verify'], async (bench) => {
    const subject = await bench.open();
    bench.sandbox.exchange.reply('AUTH', '535 5.7.3 Authentication unsuccessful', { times: Infinity });
    await bench.failure(Promise.resolve(subject.verify?.()));
  }),

  contractCase('each name sends through its own account', ['names'], async (bench) => {
    const subject = await bench.open({}, { billing: { ...bench.account, user: OTHER_MAILBOX } });
    const billing = subject.named?.('billing');
    assert.ok(billing, 'no mailer of the name it was opened with');
    await bench.send(subject, { subject: 'default' });
    await bench.send(billing, { from: OTHER_MAILBOX, subject: 'billing' });
    const users = bench.sandbox.inbox.messages.map(({ subject, identity }) => [subject, identity.mailbox]);
    assert.deepEqual(users, [
      ['default', bench.sandbox.mailbox],
      ['billing', OTHER_MAILBOX],
    ]);
  }),

  contractCase('there is nothing under a name nobody gave: no other mailer steps in', ['names'], async (bench) => {
    const subject = await bench.open({}, { billing: { ...bench.account, user: OTHER_MAILBOX } });
    let found: unknown;
    try {
      found = subject.named?.('no-such-name');
    } catch (error) {
      assert.ok(error instanceof Error);
    }
    assert.equal(found, undefined);
  }),

  contractCase(
    'what goes wrong under one name leaves the others alone, and close() closes all',
    ['names'],
    async (bench) => {
      const subject = await bench.open(
        {},
        { billing: { ...bench.account, clientSecret: 'wrong', user: OTHER_MAILBOX } },
      );
      const billing = subject.named?.('billing');
      assert.ok(billing, 'no mailer of the name it was opened with');
      await bench.failsUnsent(billing, { from: OTHER_MAILBOX });
      await bench.send(subject);
      assert.deepEqual(bench.subjects(), ['Hello']);
      await subject.close();
      await bench.fails(billing, { from: OTHER_MAILBOX });
      await bench.until('connections closed', () => bench.sandbox.sessions.every(({ open }) => !open));
    },
  ),

  contractCase('secrets are in nothing it prints, whatever goes wrong', [], async (bench) => {
    const { entra, exchange } = bench.sandbox;
    const output = await outputOf(async () => {
      const subject = await bench.open();
      bench.saw(subject);
      await bench.send(subject);
      exchange.next('MESSAGE', { close: 'reset' });
      await bench.fails(subject);
      bench.saw(await subject.health?.());
      entra.next({
        status: 400,
        body: { error: 'invalid_client', error_description: `echo ${bench.account.clientSecret}` },
      });
      await bench.fails(await bench.open());
      // A server that repeats what it was given.
      exchange.next('AUTH', { reply: `535 5.7.3 ${await entra.issue()} unsuccessful`, times: Infinity });
      await bench.fails(await bench.open());
    });
    bench.keeps(output);
  }),
];
