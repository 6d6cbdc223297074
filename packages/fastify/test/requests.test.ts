// `request.mail`: its log, and its end when the caller hangs up.
import { once } from 'node:events';
import { get, type ClientRequest } from 'node:http';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { fastify } from 'fastify';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import mail, { type SentMail } from '../src/index.ts';
import { accountOf, FASTIFYS, FROM } from './servers.ts';

const MAIL = { from: FROM, to: 'ada@example.org', subject: 'canary-subject', text: 'canary-body' };

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await createSandbox();
});
afterEach(() => sandbox.close());

/** Resolves when a client of the sandbox has said this. */
async function heard(command: string): Promise<void> {
  const said = () => sandbox.sessions.flatMap(({ entries }) => entries.map(({ text }) => text));
  await expect.poll(() => said().some((text) => text.startsWith(command)), { timeout: 10_000 }).toBe(true);
}

describe.each(FASTIFYS)('Fastify %s', (_, create) => {
  /** A server whose route sends, and what became of its mail. */
  async function listening(answerFirst = false) {
    const app = create();
    let outcome: Promise<SentMail> | undefined;
    app.register(mail, accountOf(sandbox));
    app.get('/', async (request) => {
      outcome = request.mail.send(MAIL);
      outcome.catch(() => undefined);
      return answerFirst ? 'answered' : outcome;
    });
    const origin = await app.listen({ host: '127.0.0.1', port: 0 });
    return {
      app,
      call: (): ClientRequest => get(origin, { agent: false }).on('error', () => undefined),
      outcome: () => outcome,
    };
  }

  test('a caller who hangs up before the mail has left ends it', async () => {
    const { app, call, outcome } = await listening();
    sandbox.exchange.next('MAIL', { hang: true });
    const caller = call();
    await heard('MAIL');
    caller.destroy();
    await expect(outcome()).rejects.toMatchObject({ code: 'ERR_SMTP_ABORTED', mayHaveBeenSent: false });
    await app.close();
    expect(sandbox.inbox.messages).toEqual([]);
  });

  test('what was answered before the mail has left is sent to the end', async () => {
    const { app, call, outcome } = await listening(true);
    sandbox.exchange.next('MAIL', { delay: 100 });
    const caller = call();
    const [response] = (await once(caller, 'response')) as [NodeJS.ReadableStream];
    await once(response.resume(), 'end');
    caller.destroy();
    await expect(outcome()).resolves.toMatchObject({ accepted: ['ada@example.org'] });
    await app.close();
  });

  test('a signal of the caller’s own ends it, too', async () => {
    const app = create();
    app.register(mail, accountOf(sandbox));
    const abort = new AbortController();
    app.get('/', (request) => request.mail.send(MAIL, { signal: abort.signal }));
    sandbox.exchange.next('MAIL', { hang: true });
    const answer = app.inject('/');
    await heard('MAIL');
    abort.abort();
    expect((await answer).json()).toMatchObject({ code: 'ERR_SMTP_ABORTED' });
    await app.close();
  });

  test('is the same object throughout a request, and made for none that does not ask', async () => {
    const app = create();
    app.register(mail, accountOf(sandbox));
    app.get('/', async (request) => request.mail === request.mail && Object.hasOwn(request, 'mail') === false);
    expect((await app.inject('/')).json()).toBe(true);
    await app.close();
  });

  test('the log has a line for each mail: the mailer and counts, no address, nothing of the content', async () => {
    const lines: { msg: string; mail?: object }[] = [];
    const stream = { write: (line: string) => void lines.push(JSON.parse(line) as { msg: string }) };
    const app = create({ logger: { stream, level: 'info' } });
    app.register(mail, accountOf(sandbox, { name: 'billing' }));
    app.get('/', (request) => request.mail.mailer('billing').send(MAIL));
    await app.inject('/');
    sandbox.exchange.reply('DATA', '554 5.2.0 canary-reply');
    sandbox.exchange.reply('BDAT', '554 5.2.0 canary-reply');
    await app.inject('/');
    await app.close();
    const ours = lines.filter((line) => line.mail !== undefined);
    expect(ours).toMatchObject([
      { msg: 'mail sent', level: 30, reqId: 'req-1', mail: { mailer: 'billing', accepted: 1, rejected: 0 } },
      {
        msg: 'mail not sent',
        level: 40,
        reqId: 'req-2',
        mail: { mailer: 'billing', code: 'ERR_SMTP_MESSAGE_REFUSED' },
      },
    ]);
    expect(JSON.stringify(ours)).not.toMatch(/ada@|canary/);
    // What the handler threw is logged by Fastify, with its cause.
    expect(JSON.stringify(lines)).toContain('554 5.2.0 canary-reply');
  });
});

test('a handler that takes too long loses its mail: the caller was told that it failed', async () => {
  const app = fastify();
  let outcome: Promise<SentMail> | undefined;
  app.register(mail, accountOf(sandbox));
  app.get('/', { handlerTimeout: 300 }, (request) => (outcome = request.mail.send(MAIL)));
  sandbox.exchange.next('MAIL', { hang: true });
  expect((await app.inject('/')).statusCode).toBe(503);
  await expect(outcome).rejects.toMatchObject({ code: 'ERR_SMTP_ABORTED' });
  await app.close();
});
