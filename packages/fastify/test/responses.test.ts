// What an HTTP response tells of a mail that could not be sent: nothing a stranger must not know, whoever writes the response.
import { types } from 'node:util';
import { isTransient, LimitError, mayHaveBeenSent, MailError, ReplyError, TokenError } from '@mailgrant/core';
import { createFakeMailClient } from '@mailgrant/mail/testing';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { fastify } from 'fastify';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import mail from '../src/index.ts';
import { accountOf, FASTIFYS, FROM } from './servers.ts';

const SECRET = 'canary-secret';
const CANARIES = /canary|ada@|grace@|noreply@|AADSTS|eyJ/;
const MAIL = { from: FROM, to: 'ada@example.org', subject: 'canary-subject', text: 'canary-body' };

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await createSandbox({ tenants: [{ apps: [{ secrets: [SECRET] }] }] });
});
afterEach(() => sandbox.close());

describe.each(FASTIFYS)('Fastify %s', (_, create) => {
  const failures: readonly (readonly [name: string, cause: () => unknown, expected: object])[] = [
    [
      'the token endpoint says 401, which is no answer to the caller',
      () => sandbox.entra.next({ aadsts: 7000215, times: Infinity }),
      { statusCode: 502, error: 'Bad Gateway', code: 'ERR_OAUTH_REFUSED', message: 'The mail could not be sent.' },
    ],
    [
      'the server repeats the recipient',
      () => sandbox.exchange.reply('RCPT', '550 5.1.1 <ada@example.org> canary unknown'),
      { statusCode: 422, code: 'ERR_SMTP_RECIPIENTS_REFUSED', error: 'Unprocessable Entity' },
    ],
    [
      'the server asks to come back later',
      () => sandbox.exchange.reply('MAIL', '451 4.7.0 canary for noreply@contoso.com', { times: Infinity }),
      { statusCode: 503, code: 'ERR_SMTP_SENDER_REFUSED', message: 'The mail could not be sent at present.' },
    ],
    [
      'the answer to the message is lost',
      () => sandbox.exchange.next('MESSAGE', { close: 'reset' }),
      { statusCode: 502, message: 'It is not certain whether the mail was sent.' },
    ],
  ];

  test.each(failures)('%s', async (_name, cause, expected) => {
    const app = create();
    app.register(mail, accountOf(sandbox, { retries: 0 }));
    app.get('/default', () => app.mail.send(MAIL));
    app.get('/request', (request) => request.mail.send(MAIL));
    app.get('/message', async (request, reply) => {
      // What many an application does with errors.
      await request.mail.send(MAIL).catch((error: Error) => reply.code(500).send({ sorry: error.message }));
    });
    app.get('/json', async (request, reply) => {
      await request.mail.send(MAIL).catch((error: unknown) => reply.code(500).send(JSON.stringify(error)));
    });
    await app.ready();
    for (const url of ['/default', '/request', '/message', '/json']) {
      cause();
      const { body, headers } = await app.inject(url);
      if (url === '/default') expect(JSON.parse(body), url).toMatchObject(expected);
      expect(body + JSON.stringify(headers), url).not.toMatch(CANARIES);
    }
    await app.close();
  });

  test('an address that is none: 400, without the address', async () => {
    const app = create();
    app.register(mail, accountOf(sandbox));
    app.get('/', () => app.mail.send({ ...MAIL, to: 'canary at nowhere' }));
    const { body, statusCode } = await app.inject('/');
    expect(statusCode).toBe(400);
    expect(JSON.parse(body)).toMatchObject({ code: 'ERR_INPUT_ADDRESS' });
    expect(body).not.toMatch(CANARIES);
    await app.close();
  });

  test('a limit that ends by itself: 503, and when to try again', async () => {
    const client = createFakeMailClient();
    client.failNext(new LimitError('ERR_MAILER_SUSPENDED', 'canary', { retryAfter: 61_500 }));
    const app = create();
    app.register(mail, { mailer: client });
    app.get('/', () => app.mail.send(MAIL));
    const { statusCode, headers, body } = await app.inject('/');
    expect([statusCode, headers['retry-after']]).toEqual([503, '62']);
    expect(body).not.toMatch(CANARIES);
    await app.close();
  });

  test('errors that are not of mail stay as they are', async () => {
    const app = create();
    const thrown = Object.assign(new Error('No such invoice'), { statusCode: 404 });
    const beforeSend = () => {
      throw thrown;
    };
    app.register(mail, accountOf(sandbox, { hooks: { beforeSend } }));
    await app.ready();
    await expect(app.mail.send(MAIL)).rejects.toBe(thrown);
    await app.close();
  });
});

test('the error keeps its class, code and facts, and its cause has all the words', async () => {
  const app = fastify();
  app.register(mail, accountOf(sandbox, { retries: 0 }));
  await app.ready();
  sandbox.exchange.reply('RCPT', '450 4.2.1 <ada@example.org> is busy');
  const refused = await app.mail.send(MAIL).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(ReplyError);
  expect(types.isNativeError(refused)).toBe(true);
  const { reply, recipients, cause, stack, name } = refused as ReplyError;
  expect({ name, code: reply.code, recipients: recipients.map(({ address }) => address) }).toEqual({
    name: 'ReplyError',
    code: 450,
    recipients: ['ada@example.org'],
  });
  expect([isTransient(refused), mayHaveBeenSent(refused)]).toEqual([true, false]);
  expect(cause).toBeInstanceOf(ReplyError);
  expect((cause as Error).message).toContain('<ada@example.org> is busy');
  expect(stack).toMatch(
    /^ReplyError \[ERR_SMTP_RECIPIENTS_REFUSED\]: The mail could not be sent at present\.\n {4}at /,
  );
  expect(stack).not.toMatch(CANARIES);

  sandbox.exchange.next('MESSAGE', { close: 'reset' });
  const unknown = await app.mail.send(MAIL).catch((error: unknown) => error);
  expect(unknown).toBeInstanceOf(MailError);
  expect([unknown, mayHaveBeenSent(unknown)]).toMatchObject([{ mayHaveBeenSent: true, statusCode: 502 }, true]);

  const other = fastify();
  sandbox.entra.next({ aadsts: 7000215 });
  other.register(mail, accountOf(sandbox));
  await other.ready();
  const denied = await other.mail
    .mailer()
    .verify()
    .catch((error: unknown) => error);
  expect(denied).toBeInstanceOf(TokenError);
  expect(denied).toMatchObject({ error: 'invalid_client', aadsts: 7000215, statusCode: 502 });
  await Promise.all([app.close(), other.close()]);
});
