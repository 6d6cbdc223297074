// How the mailers stand: health, what is checked when the server is ready, what the log is told of tokens.
import underPressure from '@fastify/under-pressure';
import '@mailgrant/core/diagnosis'; // compiled beforehand: what is loaded late must not be late for that
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { fastify } from 'fastify';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import mail from '../src/index.ts';
import { accountOf, FASTIFYS, FROM } from './servers.ts';

const MAIL = { from: FROM, to: 'ada@example.org', subject: 'Hello', text: 'Hi' };

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly mailer?: string;
}

let sandbox: Sandbox;
let lines: Line[];
const logger = { level: 'info', stream: { write: (line: string) => void lines.push(JSON.parse(line) as Line) } };
beforeEach(async () => {
  sandbox = await createSandbox();
  lines = [];
});
afterEach(async () => {
  vi.useRealTimers();
  await sandbox.close();
});

const refuseLogins = () => sandbox.exchange.reply('AUTH', '535 5.7.3 Authentication unsuccessful', { times: Infinity });

describe.each(FASTIFYS)('Fastify %s', (_, create) => {
  test('health is known with named mailers only, from what happened, and costs no login', async () => {
    const app = create();
    app.register(mail, accountOf(sandbox, { name: 'billing' }));
    app.register(mail, accountOf(sandbox, { name: 'reports' }));
    await app.ready();
    expect(app.mail.health()).toMatchObject({
      status: 'up',
      clients: { billing: { status: 'up', pending: 0 }, reports: { status: 'up' } },
    });
    expect(sandbox.sessions).toEqual([]);
    refuseLogins();
    await app.mail
      .mailer('billing')
      .send(MAIL)
      .catch(() => undefined);
    const health = app.mail.health();
    expect(health.status).toBe('degraded');
    expect(health.clients['billing']?.status).not.toBe('up');
    expect(health.clients['reports']?.status).toBe('up');
    await app.close();
  });

  describe('verifyOnReady', () => {
    test('off: a mail service that is away keeps no server from starting', async () => {
      const app = create({ logger });
      app.register(mail, { ...accountOf(sandbox), port: 1 });
      await app.ready();
      expect(sandbox.sessions).toEqual([]);
      await app.close();
      expect(lines.filter(({ level }) => level > 30)).toEqual([]);
    });

    test('warn: the server starts, and the log says why mail will not flow, and what to do', async () => {
      refuseLogins();
      const app = create({ logger });
      app.register(mail, accountOf(sandbox, { verifyOnReady: 'warn' }));
      await app.ready();
      await expect.poll(() => lines.filter(({ level }) => level === 40), { timeout: 10_000 }).toHaveLength(1);
      expect(lines.find(({ level }) => level === 40)).toMatchObject({
        mailer: 'default',
        msg: expect.stringMatching(/^the mailer cannot log in: \w/),
        err: { code: 'ERR_SMTP_AUTH_REFUSED' },
        remedy: expect.anything(),
      });
      await app.close();
    });

    test('warn: a good login is worth a line; mails wait for nothing', async () => {
      const app = create({ logger });
      app.register(mail, accountOf(sandbox, { verifyOnReady: 'warn' }));
      await app.ready();
      await app.mail.send(MAIL);
      await expect.poll(() => lines.map(({ msg }) => msg), { timeout: 10_000 }).toContain('the mailer can log in');
      await app.close();
    });

    test('warn: a server that is closed meanwhile does not wait for it, and says nothing', async () => {
      sandbox.exchange.next('EHLO', { hang: true });
      const app = create({ logger });
      app.register(mail, accountOf(sandbox, { verifyOnReady: 'warn' }));
      await app.ready();
      await expect.poll(() => sandbox.sessions.length, { timeout: 10_000 }).toBe(1);
      await app.close();
      expect(lines.filter(({ level }) => level > 30)).toEqual([]);
    });

    test('fail: the server does not start, and the error says which mailer and why', async () => {
      refuseLogins();
      const app = create();
      app.register(mail, accountOf(sandbox, { name: 'billing', verifyOnReady: 'fail' }));
      await expect(app.ready()).rejects.toMatchObject({
        code: 'FST_MAIL_VERIFICATION',
        message: expect.stringMatching(/^the mailer 'billing' could not log in: \w/),
        cause: expect.objectContaining({ code: 'ERR_SMTP_AUTH_REFUSED' }),
      });
      await app.close();
    });

    test('fail: a server that does not answer is told as such, before Fastify gives up on the plugin', async () => {
      sandbox.exchange.next('GREETING', { hang: true, times: Infinity });
      const app = create({ pluginTimeout: 2500 });
      app.register(mail, accountOf(sandbox, { verifyOnReady: 'fail' }));
      await expect(app.ready()).rejects.toMatchObject({
        code: 'FST_MAIL_VERIFICATION',
        cause: expect.objectContaining({ code: 'ERR_SMTP_DEADLINE' }),
      });
      await app.close();
    });

    test('fail: a good login lets it start', async () => {
      const app = create();
      app.register(mail, accountOf(sandbox, { verifyOnReady: 'fail' }));
      await app.ready();
      expect(sandbox.sessions).toHaveLength(1);
      await app.close();
    });
  });
});

test('a token that cannot be renewed is in the log while mails still go out', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const app = fastify({ logger });
  app.register(mail, accountOf(sandbox));
  await app.ready();
  await app.mail.send(MAIL);
  sandbox.entra.next({ status: 503, times: Infinity });
  vi.setSystemTime(Date.now() + 3_300_000); // of an hour; another five minutes are left
  sandbox.exchange.disconnectAll(); // so that a login is needed
  await app.mail.send(MAIL);
  await expect
    .poll(() => lines, { timeout: 10_000 })
    .toContainEqual(
      expect.objectContaining({
        level: 40,
        mailer: 'default',
        msg: 'the access token could not be renewed',
        err: expect.objectContaining({ code: 'ERR_OAUTH_UNAVAILABLE' }),
        usableUntil: expect.stringMatching(/^\d{4}-/),
      }),
    );
  await app.close();
});

test('the recipe with under-pressure: a mail service that is down is seen from outside, without a login for each probe', async () => {
  const app = fastify();
  await app.register(mail, accountOf(sandbox));
  await app.register(underPressure, {
    exposeStatusRoute: { url: '/ready', routeOpts: {}, routeResponseSchemaOpts: { mail: { type: 'string' } } },
    healthCheck: async () => ({ mail: app.mail.health().status }),
  });
  expect((await app.inject('/ready')).json()).toMatchObject({ status: 'ok', mail: 'up' });
  refuseLogins();
  await app.mail.send(MAIL).catch(() => undefined);
  const sessions = sandbox.sessions.length;
  expect((await app.inject('/ready')).json()).toMatchObject({ mail: 'down' });
  expect(sandbox.sessions).toHaveLength(sessions);
  await app.close();
});
