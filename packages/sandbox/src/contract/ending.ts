// The contract on sends that end early: aborted, out of time, or the adapter closed around them.
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { contractCase } from './bench.ts';
import type { ContractCase } from './contract.ts';

export const ending: readonly ContractCase[] = [
  contractCase('a signal that is aborted already: nothing is asked of anybody', ['abort'], async (bench) => {
    const subject = await bench.open();
    await bench.failsUnsent(subject, {}, { signal: AbortSignal.abort() });
    assert.equal(bench.heard('MAIL'), false, 'MAIL for an aborted send');
  }),

  contractCase('abort while the token is waited for ends the send', ['abort'], async (bench) => {
    const subject = await bench.open();
    const abort = new AbortController();
    bench.sandbox.entra.next({ hang: true, times: Infinity });
    const failure = bench.failsUnsent(subject, {}, { signal: abort.signal });
    await bench.until('a token request', () => bench.sandbox.tokenRequests.length > 0, failure);
    abort.abort();
    await failure;
  }),

  contractCase('abort while the server is silent ends that send alone', ['abort'], async (bench) => {
    const subject = await bench.open();
    const abort = new AbortController();
    bench.sandbox.exchange.next('MAIL', { hang: true });
    const failure = bench.failsUnsent(subject, {}, { signal: abort.signal });
    await bench.until('MAIL', () => bench.heard('MAIL'), failure);
    abort.abort();
    await failure;
    await bench.send(subject, { subject: 'next' });
    assert.deepEqual(bench.subjects(), ['next']);
  }),

  contractCase('abort after the end of the message says that it may have been sent', ['abort'], async (bench) => {
    const subject = await bench.open();
    const abort = new AbortController();
    bench.sandbox.exchange.next('MESSAGE', { hang: true });
    const failure = bench.fails(subject, {}, { signal: abort.signal });
    await bench.until('a delivery', () => bench.subjects().length > 0, failure);
    abort.abort();
    assert.equal((await failure).mayHaveBeenSent, true, 'mayHaveBeenSent');
    assert.equal(bench.subjects().length, 1, 'copies');
  }),

  contractCase('a signal that outlives many sends keeps none of them', ['abort'], async (bench) => {
    const subject = await bench.open();
    const { signal } = new AbortController();
    bench.sandbox.exchange.reply('RCPT', '550 5.1.1 Mailbox unavailable');
    await bench.failsUnsent(subject, {}, { signal });
    for (let count = 0; count < 3; count += 1) await bench.send(subject, {}, { signal });
    assert.equal(getEventListeners(signal, 'abort').length, 0, 'listeners left on the signal');
  }),

  contractCase('a deadline ends a send that a silent server holds', ['deadline'], async (bench) => {
    const subject = await bench.open();
    bench.sandbox.exchange.next('EHLO', { hang: true, times: Infinity });
    await bench.failsUnsent(subject, {}, { deadline: 150 });
  }),

  contractCase('a deadline ends a send that waits for a token', ['deadline'], async (bench) => {
    const subject = await bench.open();
    bench.sandbox.entra.next({ hang: true, times: Infinity });
    await bench.failsUnsent(subject, {}, { deadline: 150 });
  }),

  contractCase('close() waits for what was accepted, and nothing is accepted after it', ['drain'], async (bench) => {
    const subject = await bench.open();
    bench.sandbox.exchange.next('MESSAGE', { delay: 50 });
    const mails = ['under way', 'waiting'].map((name) => bench.send(subject, { subject: name }));
    const sent = Promise.all(mails);
    await bench.until('a transaction', () => bench.heard('MAIL'), sent);
    await Promise.all([subject.close(), sent]);
    assert.deepEqual(bench.subjects().toSorted(), ['under way', 'waiting']);
    await bench.fails(subject, { subject: 'too late' });
    assert.equal(bench.subjects().length, 2);
  }),

  contractCase(
    'close() leaves no connection open, can be called twice, and before anything was sent',
    [],
    async (bench) => {
      const subject = await bench.open();
      await bench.send(subject);
      await Promise.all([subject.close(), subject.close()]);
      await bench.until('connections closed', () => bench.sandbox.sessions.every(({ open }) => !open));
      const unused = await bench.open();
      await unused.close();
      await bench.fails(unused);
      assert.equal(bench.subjects().length, 1);
    },
  ),
];
