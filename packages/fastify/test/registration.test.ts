// What the plugin can be registered with, how often, and where its mailers are to be seen.
import { clientCredentials, createMailer } from '@mailgrant/core';
import { createMailClient, type MailClient } from '@mailgrant/mail';
import { createFakeMailClient } from '@mailgrant/mail/testing';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { fastify } from 'fastify';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import mail, { type MailPluginOptions } from '../src/index.ts';
import { accountOf, allClosed, FASTIFYS, FROM } from './servers.ts';

const BILLING = 'billing@contoso.com';
const MAIL = { from: FROM, to: 'ada@example.org', subject: 'Hello', text: 'Hi' };

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await createSandbox({ tenants: [{ mailboxes: [FROM, BILLING] }] });
});
beforeEach(() => sandbox.inbox.clear());
afterAll(() => sandbox.close());

const sentBy = () => sandbox.inbox.messages.map(({ identity }) => identity.mailbox);

describe.each(FASTIFYS)('Fastify %s', (_, create) => {
  const server = async (...registrations: MailPluginOptions[]) => {
    const app = create();
    for (const options of registrations) app.register(mail, options);
    await app.ready();
    return app;
  };
  /** What registering fails with. */
  const refusal = async (...registrations: MailPluginOptions[]): Promise<Error> => {
    const app = create();
    for (const options of registrations) app.register(mail, options);
    const error: unknown = await app.ready().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    await app.close();
    if (error instanceof Error) return error;
    throw new Error('it was registered all the same');
  };

  describe('takes', () => {
    test('the fields of an account', async () => {
      const app = await server(accountOf(sandbox, { defaults: { from: FROM } }));
      const { from: _from, ...withoutSender } = MAIL;
      expect(await app.mail.send(withoutSender)).toMatchObject({ accepted: ['ada@example.org'], account: FROM });
      expect(sentBy()).toEqual([FROM]);
      await app.close();
    });

    test('the options of a client, as mailOptionsFromEnv() makes them', async () => {
      const { smtp, ca, tokenEndpoint, mailbox, clientId, clientSecret, scope } = sandbox;
      const options = mail.mailOptionsFromEnv({
        MAIL_USER: mailbox,
        MAIL_HOST: smtp.host,
        MAIL_PORT: String(smtp.port),
        MAIL_CLIENT_ID: clientId,
        MAIL_CLIENT_SECRET: clientSecret,
        MAIL_TENANT_ID: sandbox.tenantId,
      });
      const app = await server({
        ...options,
        account: { ...options.account, ca, tokenEndpoint, scope, tenantId: undefined },
      });
      await app.mail.sendMail(MAIL);
      expect(sentBy()).toEqual([FROM]);
      await app.close();
    });

    test('several mailers by name', async () => {
      const app = await server({
        mailers: { default: accountOf(sandbox), billing: accountOf(sandbox, { user: BILLING }) },
      });
      expect(app.mail.names).toEqual(['billing', 'default']);
      await app.mail.mailer('billing').send({ ...MAIL, from: BILLING });
      await app.mail.mailer().send(MAIL);
      expect(sentBy()).toEqual([BILLING, FROM]);
      await app.close();
    });

    test('a plugin that is still being imported', async () => {
      const app = create();
      app.register(import('../src/index.ts'), accountOf(sandbox));
      await app.ready();
      expect(app.mail.names).toEqual(['default']);
      await app.close();
    });
  });

  describe('what was given', () => {
    const given = (): MailClient => createMailClient({ account: accountOf(sandbox) as object });

    test('stays open when the server is closed', async () => {
      const client = given();
      const app = await server({ mailer: client }, { mailers: { billing: client } });
      await app.close();
      await client.send(MAIL);
      expect(sentBy()).toEqual([FROM]);
      await client.close();
    });

    test.each([
      ['as the mailer', (client: MailClient) => ({ mailer: client, closeClient: true })],
      ['among others', (client: MailClient) => ({ mailers: { default: client }, closeClient: true })],
    ])('is closed with the server where closeClient says so: %s', async (_case, options) => {
      const client = given();
      const app = await server(options(client));
      await app.mail.send(MAIL);
      await app.close();
      await expect(client.send(MAIL)).rejects.toMatchObject({ code: 'ERR_MAILER_CLOSED' });
    });

    test.each([[true], [false]])(
      'a mailer of core is wrapped and closed only with closeClient: %s',
      async (closeClient) => {
        const { smtp, ca, mailbox, tokenEndpoint, clientId, clientSecret, scope } = sandbox;
        const token = clientCredentials({ tokenEndpoint, clientId, clientSecret, scope });
        const mailer = createMailer({ provider: 'microsoft365', ...smtp, ca, user: mailbox, token });
        const app = await server({ mailer, closeClient, defaults: { subject: 'From the defaults' } });
        const { subject: _subject, ...rest } = MAIL;
        await app.mail.send(rest);
        expect(sandbox.inbox.messages.map(({ subject }) => subject)).toEqual(['From the defaults']);
        await app.close();
        const verified = mailer.verify();
        if (closeClient) await expect(verified).rejects.toMatchObject({ code: 'ERR_MAILER_CLOSED' });
        else await expect(verified).resolves.toBeDefined();
        await mailer.close();
      },
    );
  });

  describe('registering again', () => {
    test('adds mailers', async () => {
      const app = await server(accountOf(sandbox), accountOf(sandbox, { name: 'billing', user: BILLING }));
      expect(app.mail.names).toEqual(['billing', 'default']);
      expect(app.mail.mailer('billing').name).toBe('billing');
      await app.close();
    });

    test('under the same name is an error with a code, and nothing of the second is kept', async () => {
      expect(await refusal(accountOf(sandbox), accountOf(sandbox))).toMatchObject({
        code: 'FST_MAIL_NAME_TAKEN',
        message: expect.stringContaining("a mailer 'default' in this scope"),
      });
      expect(
        await refusal(accountOf(sandbox, { name: 'billing' }), {
          mailers: { reports: accountOf(sandbox), billing: accountOf(sandbox) },
        }),
      ).toMatchObject({
        code: 'FST_MAIL_NAME_TAKEN',
        message: expect.stringContaining("'billing'"),
      });
    });

    test('in an inner scope adds them there only, and hides outer ones of the same name', async () => {
      const app = create();
      app.register(mail, accountOf(sandbox));
      app.register(async (inner) => {
        inner.register(mail, accountOf(sandbox, { name: 'billing', user: BILLING }));
        inner.get('/inner', (request) => request.mail.mailer('billing').send({ ...MAIL, from: BILLING }));
        inner.get('/outer-from-inner', (request) => request.mail.send(MAIL));
        inner.get('/names', () => inner.mail.names);
      });
      app.register(async (other) => {
        other.register(mail, accountOf(sandbox, { user: BILLING }));
        other.get('/hidden', (request) => request.mail.send({ ...MAIL, from: BILLING }));
        other.get('/not-here', (request) => request.mail.mailer('billing').send(MAIL));
      });
      app.get('/outer', (request) => request.mail.mailer('billing').send(MAIL));
      await app.ready();
      expect(app.mail.names).toEqual(['default']);
      for (const url of ['/inner', '/outer-from-inner', '/hidden']) {
        expect((await app.inject(url)).statusCode, url).toBe(200);
      }
      expect(sentBy()).toEqual([BILLING, FROM, BILLING]);
      expect((await app.inject('/names')).json()).toEqual(['billing', 'default']);
      for (const url of ['/outer', '/not-here']) {
        expect((await app.inject(url)).json(), url).toMatchObject({ code: 'ERR_MAIL_CLIENT_UNKNOWN' });
      }
      await app.close();
      await allClosed(sandbox);
    });
  });

  test('options that are undefined are as good as none', async () => {
    const nothing = {
      mailers: undefined,
      resolve: undefined,
      mailer: undefined,
      closeClient: undefined,
      limit: undefined,
    };
    const app = await server({ ...accountOf(sandbox), ...nothing } as never);
    expect(app.mail.names).toEqual(['default']);
    await app.close();
  });

  test('something else that is called mail is hidden in inner scopes, and never mistaken for mailers', async () => {
    const app = create();
    app.decorate('mail', { has: () => true } as never);
    app.register(async (inner) => {
      inner.register(mail, accountOf(sandbox));
      inner.get('/', (request) => request.mail.send(MAIL));
      inner.get('/names', () => inner.mail.names);
    });
    expect((await app.inject('/')).statusCode).toBe(200);
    expect((await app.inject('/names')).json()).toEqual(['default']);
    await app.close();
  });

  test('options that do not fit together are refused, each by its name and without its value', async () => {
    const cases: [MailPluginOptions, string, string][] = [
      [{} as never, 'ERR_INPUT_OPTION', 'account'],
      [
        { user: FROM, tenantId: 'contoso.com', clientId: 'x', clientSecret: 'y', frm: 'z' } as never,
        'ERR_INPUT_OPTION',
        'frm',
      ],
      [{ ...accountOf(sandbox), account: accountOf(sandbox) } as never, 'ERR_INPUT_OPTION', 'clientId'],
      [{ user: FROM, password: 'canary-password' } as never, 'ERR_INPUT_OPTION', 'Basic authentication'],
      [{ mailers: {}, defaults: { from: FROM } } as never, 'FST_MAIL_OPTIONS', 'defaults'],
      [{ mailers: { billing: { ...accountOf(sandbox), name: 'mx.contoso.com' } } }, 'FST_MAIL_OPTIONS', 'EHLO'],
      [{ mailers: 'billing' } as never, 'FST_MAIL_OPTIONS', 'mailers'],
      [{ ...accountOf(sandbox), closeClient: true } as never, 'FST_MAIL_OPTIONS', 'closeClient'],
      [{ ...accountOf(sandbox), verifyOnReady: 'yes' } as never, 'FST_MAIL_OPTIONS', 'verifyOnReady'],
      [{ mailer: createFakeMailClient(), alwaysTo: 'me@contoso.com' }, 'FST_MAIL_OPTIONS', 'alwaysTo'],
    ];
    for (const [options, code, word] of cases) {
      const error = await refusal(options);
      expect(error, word).toMatchObject({ code, message: expect.stringContaining(word) });
      expect(error.message).not.toContain('canary-password');
    }
  });

  test('events fire, for mails of requests as for others, until nobody listens any more', async () => {
    const app = await server(accountOf(sandbox));
    const told: string[] = [];
    const mailer = app.mail.mailer();
    const stop = (['sending', 'sent', 'failed'] as const).map((event) =>
      mailer.on(event, ({ client, messageId }) => told.push(`${event} ${client} ${messageId !== undefined}`)),
    );
    await app.mail.send(MAIL);
    await expect(app.mail.send({ ...MAIL, to: 'nobody' })).rejects.toMatchObject({ code: 'ERR_INPUT_ADDRESS' });
    for (const each of stop) each();
    await app.mail.send(MAIL);
    expect(told).toEqual(['sending default true', 'sent default true', 'failed default false']);
    await app.close();
  });

  test('a name nobody registered is an error that names those there are, in its cause', async () => {
    const app = await server(accountOf(sandbox, { name: 'billing' }));
    const attempt = (run: () => unknown) => Promise.resolve().then(run);
    for (const run of [
      () => app.mail.send(MAIL),
      () => app.mail.mailer('nope' as never),
      () => app.mail.resolve('nope'),
    ]) {
      await expect(attempt(run)).rejects.toMatchObject({
        code: 'ERR_MAIL_CLIENT_UNKNOWN',
        statusCode: 500,
        message: 'The mail could not be sent.',
        cause: expect.objectContaining({ message: expect.stringContaining("there is 'billing'") }),
      });
    }
    expect(app.mail.has('billing')).toBe(true);
    expect(app.mail.has('default')).toBe(false);
    await app.close();
  });
});

describe('mailers made at run time', () => {
  test('are never those of the application, whatever customers call themselves', async () => {
    const app = fastify();
    await app.register(mail, accountOf(sandbox));
    await app.register(mail, accountOf(sandbox, { name: 'billing' }));
    expect((await app.mail.resolve('billing')).name).toBe('billing'); // as long as nothing is made at run time
    await app.register(async (inner) => {
      await inner.register(mail, {
        resolve: (name) =>
          name === 'default' ? { account: accountOf(sandbox, { user: BILLING }) as object } : undefined,
      });
      const customer = await inner.mail.resolve('default');
      expect(customer.health().accounts).toMatchObject([{ account: BILLING }]);
      await expect(inner.mail.resolve('billing')).rejects.toMatchObject({ code: 'ERR_MAIL_CLIENT_UNKNOWN' });
      expect(inner.mail.mailer()).toBe(app.mail.mailer());
      expect(inner.mail.names).toEqual(['billing', 'default']);
    });
    await app.ready();
    await app.close();
  });

  test('are found by resolve, once for all who ask, and closed with the server', async () => {
    const asked: string[] = [];
    const [[, create]] = FASTIFYS.slice(-1) as [(typeof FASTIFYS)[number]];
    const app = create();
    app.register(mail, {
      mailers: { default: accountOf(sandbox) },
      resolve: async (tenant) => {
        asked.push(tenant);
        return tenant === 'contoso' ? { account: accountOf(sandbox, { user: BILLING }) as object } : undefined;
      },
    });
    app.get<{ Params: { tenant: string } }>('/:tenant', async (request) => {
      const mailer = await request.mail.resolve(request.params.tenant);
      return mailer.send({ ...MAIL, from: BILLING });
    });
    const [one, two, three] = await Promise.all(['/contoso', '/contoso', '/fabrikam'].map((url) => app.inject(url)));
    expect([one?.statusCode, two?.statusCode]).toEqual([200, 200]);
    expect(three?.json()).toEqual({
      statusCode: 500,
      code: 'ERR_MAIL_CLIENT_UNKNOWN',
      error: 'Internal Server Error',
      message: 'The mail could not be sent.',
    });
    expect(asked.toSorted()).toEqual(['contoso', 'fabrikam']);
    expect(app.mail.names).toEqual(['contoso', 'default']);
    expect(sentBy()).toEqual([BILLING, BILLING]);
    expect(app.mail.health()).toMatchObject({ status: 'up', clients: { contoso: { status: 'up' } } });
    await app.close();
    await allClosed(sandbox);
  });
});
