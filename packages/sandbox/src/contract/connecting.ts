// The contract on connections that break, and on those that must not be trusted.
import assert from 'node:assert/strict';
import { createSandbox } from '../sandbox.ts';
import { contractCase } from './bench.ts';
import type { ContractCase } from './contract.ts';

export const connecting: readonly ContractCase[] = [
  contractCase('a connection lost after the dot: it may have been sent, and is not sent again', [], async (bench) => {
    const subject = await bench.open();
    bench.sandbox.exchange.next('MESSAGE', { close: 'reset' });
    assert.equal((await bench.fails(subject)).mayHaveBeenSent, true, 'mayHaveBeenSent');
    await bench.send(subject, { subject: 'next' });
    assert.deepEqual(bench.subjects(), ['Hello', 'next']);
  }),

  contractCase('a connection lost before the message: sent once, or told that it was not', [], async (bench) => {
    const subject = await bench.open();
    bench.sandbox.exchange.next('DATA', { close: 'reset' });
    bench.sandbox.exchange.next('BDAT', { close: 'reset' });
    const outcome = await subject.send(bench.mail()).then(
      () => 'sent',
      async (error: unknown) => {
        assert.equal((await bench.failure(Promise.reject(error))).mayHaveBeenSent, false, 'mayHaveBeenSent');
        return 'not sent';
      },
    );
    assert.equal(bench.subjects().length, outcome === 'sent' ? 1 : 0, `copies of a message reported as ${outcome}`);
  }),

  contractCase('connections that died while nobody used them cost no mail', [], async (bench) => {
    const subject = await bench.open();
    await bench.send(subject, { subject: 'before' });
    bench.sandbox.exchange.disconnectAll();
    await bench.send(subject, { subject: 'after' });
    assert.deepEqual(bench.subjects(), ['before', 'after']);
  }),

  contractCase('nobody there: it fails as not sent', [], async (bench) => {
    const gone = await createSandbox();
    await gone.close();
    await bench.failsUnsent(await bench.open({ ...gone.smtp }));
  }),

  contractCase('a certificate of a stranger gets no token', [], async (bench) => {
    const stranger = await createSandbox();
    try {
      await bench.failsUnsent(await bench.open({ ...stranger.smtp }));
      const heard = stranger.sessions.flatMap(({ entries }) => entries.map(({ text }) => text));
      assert.equal(
        heard.some((text) => text.startsWith('AUTH')),
        false,
        'AUTH to a server that was not trusted',
      );
    } finally {
      await stranger.close();
    }
  }),

  contractCase(
    'a server without STARTTLS gets no token and no mail',
    [],
    async (bench) => {
      await bench.failsUnsent(await bench.open());
      assert.equal(bench.heard('AUTH') || bench.heard('MAIL'), false, 'AUTH or MAIL in the clear');
    },
    { extensions: (offered) => [...offered.filter((one) => one !== 'STARTTLS'), 'AUTH LOGIN XOAUTH2'] },
  ),
];
