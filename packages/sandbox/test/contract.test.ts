// The contract judged: adapters that break it are caught. Those that keep it run it in their own packages.
import assert from 'node:assert/strict';
import nodeTest from 'node:test';
import { createTransport } from 'nodemailer';
import { describe, expect, test } from 'vitest';
import {
  type ContractHarness,
  contractCases,
  type ContractRunner,
  type ContractSubject,
} from '../src/contract/index.ts';
import { contractCase } from '../src/contract/bench.ts';
import { describeContract } from '../src/contract/index.ts';
import { outputOf, spilled } from '../src/contract/spill.ts';

const caseNamed = (name: string) => {
  const found = contractCases.find((one) => one.name.includes(name));
  assert.ok(found, `no case named ${name}`);
  return found;
};

/** Claims that all went well, and does nothing. */
const idle: ContractHarness = {
  open: async () => ({
    send: async ({ to }) => ({ accepted: to, rejected: [] }),
    verify: async () => true,
    health: () => ({ status: 'up' }),
    named: () => ({ send: async ({ to }) => ({ accepted: to, rejected: [] }) }),
    close: async () => {},
  }),
};

describe('an adapter that claims to have sent everything', () => {
  // That nobody was written to behind the caller's back is all it keeps.
  const kept = ['a line break in a subject', 'makes no command of its own'];
  test.each(contractCases.map((one) => [one.name, one] as const))('fails: %s', async (name, one) => {
    if (kept.some((part) => name.includes(part))) await one.run(idle);
    else await expect(one.run(idle)).rejects.toBeInstanceOf(assert.AssertionError);
  });
});

/** nodemailer's own transport with a token got by hand: a client of SMTP that knows nothing of this contract. */
const plain = (changes: (subject: ContractSubject) => Partial<ContractSubject> = () => ({})): ContractHarness => ({
  async open({ host, port, ca, user, tokenEndpoint, clientId, clientSecret, scope }) {
    const body = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret, scope };
    const answer = await fetch(tokenEndpoint, { method: 'POST', body: new URLSearchParams(body) });
    const { access_token: accessToken } = (await answer.json()) as { access_token: string };
    const auth = { type: 'OAuth2', user, accessToken } as const;
    const transport = createTransport({ host, port, requireTLS: true, tls: { ca }, auth });
    const subject: ContractSubject = {
      async send(mail) {
        const { accepted, rejected, messageId } = await transport.sendMail(mail);
        return { messageId, accepted: accepted.map(String), rejected: rejected.map(String) };
      },
      close: async () => transport.close(),
    };
    return { ...subject, ...changes(subject) };
  },
});

test('what any client of SMTP gets right, one that was written elsewhere gets right', async () => {
  for (const name of ['a mail arrives', 'cc and bcc', 'text, HTML', 'a refused recipient']) {
    await expect(caseNamed(name).run(plain())).resolves.toBeUndefined();
  }
});

test('a lost answer that is no more than an error is caught', async () => {
  await expect(caseNamed('lost after the dot').run(plain())).rejects.toThrow('mayHaveBeenSent');
});

test('a message sent again after its answer was lost is caught', async () => {
  const again = plain((subject) => ({
    send: (mail) =>
      subject.send(mail).catch(async (reason: Error) => {
        await subject.send(mail);
        throw Object.assign(reason, { mayHaveBeenSent: true });
      }),
  }));
  await expect(caseNamed('lost after the dot').run(again)).rejects.toThrow('strictly deep-equal');
});

test('an adapter that writes into the mail it was given, or leaves listeners on a signal, is caught', async () => {
  const writing = plain((subject) => ({
    send: (mail) => subject.send(Object.assign(mail, { subject: 'Hello', cc: [] })),
  }));
  await expect(caseNamed('stays as it was').run(writing)).rejects.toThrow('strictly deep-equal');
  const listening = plain((subject) => ({
    send: async (mail, { signal } = {}) => {
      signal?.addEventListener('abort', () => {});
      return subject.send(mail).catch((error: unknown) => {
        throw Object.assign(error as Error, { mayHaveBeenSent: false });
      });
    },
  }));
  await expect(caseNamed('outlives many sends').run(listening)).rejects.toThrow('listeners left on the signal');
});

test('an error that is no Error, or has no code, is caught', async () => {
  const mute = plain(() => ({ send: () => Promise.reject(new Error('no')) }));
  await expect(caseNamed('a refused message').run(mute)).rejects.toThrow('an error without a code');
  const words = plain(() => ({ send: () => Promise.reject('no') }));
  await expect(caseNamed('a refused message').run(words)).rejects.toThrow('no Error');
});

test.each(['receipt', 'error', 'subject'])('a secret in the %s is caught', async (where) => {
  const talkative: ContractHarness = {
    async open(account) {
      const subject = await plain().open(account);
      const secret = Buffer.from(`user ${account.clientSecret} end`).toString('base64');
      return {
        ...subject,
        ...(where === 'subject' && { secret }),
        send: async (mail) => ({ ...(await subject.send(mail)), ...(where === 'receipt' && { secret }) }),
        close: async () => {
          await subject.close();
        },
      };
    },
  };
  const judge = contractCase('any', [], async (bench) => {
    const subject = await bench.open();
    await bench.send(subject);
    const cause = where === 'error' ? { clientSecret: bench.account.clientSecret } : {};
    await bench.failure(Promise.reject(Object.assign(new Error('no', { cause }), { code: 'NO' })));
  });
  await expect(judge.run(talkative)).rejects.toThrow('the client secret can be read');
});

test('an access token is found as it is and in the login, whatever stands before it', () => {
  const jwt = 'eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL291dGxvb2sifQ.c2ln';
  expect(spilled(`token ${jwt}`, [])).toBe('an access token');
  for (const user of ['a@b.example', 'ab@b.example', 'abc@b.example']) {
    const initial = Buffer.from(`user=${user}\u0001auth=Bearer ${jwt}\u0001\u0001`).toString('base64');
    expect(spilled(`AUTH XOAUTH2 ${initial}`, [])).toBe('an initial response with an access token');
  }
  expect(spilled('AUTH XOAUTH2 [credentials]', [])).toBeUndefined();
});

test('what is printed is collected, by whatever way, and printing is as before afterwards', async () => {
  const { log } = console;
  const shown = process.listeners('warning');
  process.removeAllListeners('warning'); // Node's own, which would print this one
  const output = await outputOf(async () => {
    console.log('by the console', { deep: { key: 'in an object' } });
    process.stdout.write('');
    process.emitWarning('as a warning');
    await new Promise((resolve) => setImmediate(resolve));
  });
  for (const listener of shown) process.on('warning', listener);
  expect(output).toMatch(/by the console[^]*in an object[^]*as a warning/);
  expect(console.log).toBe(log);
});

test('what an adapter does not promise is declared as skipped, and cannot be run by mistake', async () => {
  const declared: string[] = [];
  const skipped: string[] = [];
  const runner: ContractRunner = {
    describe: (_, body) => body(),
    test: Object.assign((name: string) => declared.push(name), { skip: (name: string) => skipped.push(name) }),
  };
  const harness: ContractHarness = { ...idle, without: ['health'] };
  describeContract(runner, 'idle', harness);
  expect(declared.length + skipped.length).toBe(contractCases.length);
  expect(skipped).toContain('health is not up after a refused login (without health)');
  await expect(caseNamed('health is not up').run(harness)).rejects.toThrow('does not promise: health');
});

test('the runners of vitest and of Node fit', () => {
  const runners: ContractRunner[] = [
    { describe, test },
    { describe: nodeTest.describe, test: nodeTest.test },
  ];
  expect(runners).toHaveLength(2);
});
