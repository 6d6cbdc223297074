// `beforeCommit`: a place to note that a message may be out, at the last moment when it certainly is not.
import { EventEmitter, once } from 'node:events';
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { type Sandbox, createSandbox } from '@mailgrant/sandbox';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Mailer, type MessageBody, type WireLevel, clientCredentials, createMailer } from '../src/index.ts';
import { WIRE_LEVELS } from '../src/smtp/wire-ladder.ts';

let sandbox: Sandbox;
let mailer: Mailer | undefined;
beforeEach(async () => {
  sandbox = await createSandbox();
});
afterEach(async () => {
  await mailer?.close({ deadline: 0 });
  await sandbox.close();
});

function open(wire: WireLevel, retries = 0): Mailer {
  const { tokenEndpoint, clientId, clientSecret, scope, smtp, ca, mailbox } = sandbox;
  const token = clientCredentials({ tokenEndpoint, clientId, clientSecret, scope });
  return (mailer = createMailer({ provider: 'microsoft365', ...smtp, ca, user: mailbox, token, wire, retries }));
}
const message = 'Subject: x\r\n\r\nhello\r\n';
const mail = (body: MessageBody = message) => ({
  envelope: { from: sandbox.mailbox, to: ['ada@example.com'] },
  message: body,
});

test.each(WIRE_LEVELS)(
  '%s: it runs once, when nothing can have arrived, and the message arrives whole',
  async (wire) => {
    const seen: number[] = [];
    const beforeCommit = async (): Promise<void> => void seen.push(sandbox.inbox.messages.length);
    const mailer = open(wire);
    await mailer.send(mail(), { beforeCommit });
    await mailer.send(mail(Readable.from([message.slice(0, 9), message.slice(9)])), { beforeCommit });
    await mailer.send(mail());
    expect(seen).toEqual([0, 1]);
    expect(sandbox.inbox.messages.map(({ raw }) => Buffer.from(raw).toString())).toEqual([message, message, message]);
  },
);

test.each(WIRE_LEVELS)('%s: where it fails nothing is sent, and the next message goes', async (wire) => {
  const mailer = open(wire, 2);
  await mailer.send(mail());
  const reason = new Error('the store is away');
  const refused = mailer.send(mail(), { beforeCommit: () => Promise.reject(reason) });
  await expect(refused).rejects.toMatchObject({ code: 'ERR_SMTP_HELD', cause: reason, mayHaveBeenSent: false });
  expect(sandbox.inbox.messages).toHaveLength(1);
  await mailer.send(mail());
  expect(sandbox.inbox.messages).toHaveLength(2);
  expect(mailer.health().status).toBe('up');
});

test('a message that is put off asks again for each attempt', async () => {
  let asked = 0;
  sandbox.exchange.next('MESSAGE', { reply: '452 4.3.1 Insufficient system resources' });
  const { tokenEndpoint, clientId, clientSecret, scope, smtp, ca, mailbox } = sandbox;
  const token = clientCredentials({ tokenEndpoint, clientId, clientSecret, scope });
  mailer = createMailer({ provider: 'microsoft365', ...smtp, ca, user: mailbox, token, retries: 1, retryDelay: 0 });
  await mailer.send(mail(), { beforeCommit: async () => void (asked += 1) });
  expect(asked).toBe(2);
});

test('one that never ends is ended by the deadline, and the message was not sent', async () => {
  const mailer = open('grouped');
  const sending = mailer.send(mail(), { deadline: 500, beforeCommit: () => new Promise(() => {}) });
  await expect(sending).rejects.toMatchObject({ code: 'ERR_SMTP_DEADLINE', mayHaveBeenSent: false });
  expect(sandbox.inbox.messages).toHaveLength(0);
});

test.each(['grouped', 'chunked'] as const)(
  '%s: it does not run for a message that was given up while its last piece was waited for',
  async (wire) => {
    let asked = 0;
    const gate = new EventEmitter();
    const controller = new AbortController();
    async function* body(): AsyncGenerator<string> {
      yield message;
      setImmediate(() => controller.abort());
      await once(gate, 'open');
    }
    const options = { signal: controller.signal, beforeCommit: async () => void (asked += 1) };
    const refusal = { code: 'ERR_SMTP_ABORTED', mayHaveBeenSent: false };
    await expect(open(wire).send(mail(body()), options)).rejects.toMatchObject(refusal);
    gate.emit('open');
    for (let i = 0; i < 5; i += 1) await turn();
    expect(asked).toBe(0);
  },
);

test('anything but a function is refused', async () => {
  const options = { beforeCommit: 'yes' as never };
  await expect(open('grouped').send(mail(), options)).rejects.toMatchObject({ code: 'ERR_INPUT_OPTION' });
});
