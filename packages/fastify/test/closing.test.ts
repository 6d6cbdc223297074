// Closing: the mail of requests under way gets out, nothing is left open, the process ends. Beside it, what another plugin does.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { fastify } from 'fastify';
// @ts-expect-error: it has no types
import theirs from 'fastify-mailer';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import mail from '../src/index.ts';
import { accountOf, allClosed, FASTIFYS, FROM } from './servers.ts';

const MAIL = { from: FROM, to: 'ada@example.org', subject: 'Hello', text: 'Hi' };

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await createSandbox();
});
afterEach(() => sandbox.close());

describe.each(FASTIFYS)('Fastify %s', (_, create) => {
  test('a request under way when the server is closed still gets its mail out', async () => {
    const app = create();
    let begun: () => void = () => undefined;
    const requested = new Promise<void>((resolve) => (begun = resolve));
    let sendNow: () => void = () => undefined;
    const later = new Promise<void>((resolve) => (sendNow = resolve));
    app.register(mail, accountOf(sandbox));
    app.get('/', async (request) => {
      begun();
      await later;
      return request.mail.send(MAIL);
    });
    const preClosed = new Promise<void>((resolve) => app.addHook('preClose', async () => resolve()));
    const origin = await app.listen({ host: '127.0.0.1', port: 0 });
    const answer = once(get(origin, { agent: false }), 'response') as Promise<[IncomingMessage]>;
    await requested;
    const closing = app.close();
    await preClosed;
    sendNow();
    const [response] = await answer;
    expect(await json(response)).toMatchObject({ accepted: ['ada@example.org'] });
    await closing;
    expect(sandbox.inbox.messages).toHaveLength(1);
    await allClosed(sandbox);
    await expect(app.mail.send(MAIL)).rejects.toMatchObject({ code: 'ERR_MAILER_CLOSED' });
  });

  test('what onClose hooks of the application send gets out, too', async () => {
    const app = create();
    await app.register(mail, accountOf(sandbox));
    app.addHook('onClose', async (server) => void (await server.mail.send({ ...MAIL, subject: 'closing' })));
    await app.ready();
    await app.close();
    expect(sandbox.inbox.messages.map(({ subject }) => subject)).toEqual(['closing']);
  });

  test('mails that nobody waits for are sent before the server has closed', async () => {
    const app = create();
    app.register(mail, accountOf(sandbox));
    app.get('/', async (request) => {
      void request.mail.send(MAIL).catch(() => undefined);
      return 'soon';
    });
    sandbox.exchange.next('MESSAGE', { delay: 100 });
    await app.inject('/');
    await app.close();
    expect(sandbox.inbox.messages).toHaveLength(1);
    await allClosed(sandbox);
  });
});

test('the pool is closed with the server; that of fastify-mailer stays open', async () => {
  const app = fastify();
  await app.register(mail, accountOf(sandbox));
  await app.mail.send(MAIL);
  expect(sandbox.sessions.filter(({ open }) => open)).toHaveLength(1);
  await app.close();
  await allClosed(sandbox);

  const other = fastify();
  const auth = { type: 'OAuth2', user: sandbox.mailbox, accessToken: await sandbox.entra.issue() };
  const transport = { ...sandbox.smtp, pool: true, requireTLS: true, tls: { ca: sandbox.ca }, auth };
  await other.register(theirs, { transport });
  const { mailer } = other as unknown as { mailer: { sendMail(mail: object): Promise<unknown>; close(): void } };
  await mailer.sendMail(MAIL);
  await other.close();
  expect(sandbox.sessions.filter(({ open }) => open)).toHaveLength(1);
  mailer.close();
  await allClosed(sandbox);
});

test('a process that has closed its server ends, its connections having been in use', async () => {
  const script = fileURLToPath(new URL('./server-process.ts', import.meta.url));
  const args = ['--conditions=@mailgrant/source', '--no-warnings', script, JSON.stringify(accountOf(sandbox))];
  // If something holds it, it is killed, and the test fails.
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { timeout: 15_000 });
  expect({ stdout, stderr }).toEqual({ stdout: 'sent, closed\n', stderr: '' });
});
