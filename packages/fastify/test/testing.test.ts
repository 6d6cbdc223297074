// Fakes in the place of an application's mailers.
import { createSandbox } from '@mailgrant/sandbox';
import { fastify } from 'fastify';
import { describe, expect, test } from 'vitest';
import mail, { defineMail } from '../src/index.ts';
import { createFakeMailClient, fakeMail } from '../src/testing/index.ts';
import { accountOf, FASTIFYS, FROM } from './servers.ts';

const MAIL = { from: FROM, to: 'ada@example.org', subject: 'Hello', text: 'Hi' };
const ACCOUNT = { user: FROM, tenantId: 'contoso.com', clientId: 'id', clientSecret: 'secret' };

describe.each(FASTIFYS)('Fastify %s', (_, create) => {
  test('every mailer is a fake, in whatever scope it is registered, and none connects', async () => {
    await using sandbox = await createSandbox();
    const app = create();
    const fakes = fakeMail(app);
    app.register(mail, accountOf(sandbox, { verifyOnReady: 'fail' }));
    app.register(async (inner) => {
      inner.register(mail, accountOf(sandbox, { name: 'billing' }));
      inner.get('/billing', (request) => request.mail.mailer('billing').send(MAIL));
    });
    app.register(mail, {
      resolve: (name) => (name === 'contoso' ? { account: accountOf(sandbox) as object } : undefined),
    });
    app.get('/tenant/:name', async (request) => {
      const { name } = request.params as { name: string };
      return (await request.mail.resolve(name)).send(MAIL);
    });
    await app.ready();
    await app.mail.send(MAIL);
    await app.inject('/billing');
    expect((await app.inject('/tenant/contoso')).statusCode).toBe(200);
    expect((await app.inject('/tenant/nobody')).json()).toMatchObject({ code: 'ERR_MAIL_CLIENT_UNKNOWN' });
    for (const name of [undefined, 'billing', 'contoso'])
      fakes(name).assertSent({ to: 'ada@example.org' }, { times: 1 });
    await app.close();
    expect([sandbox.sessions, sandbox.tokenRequests]).toEqual([[], []]);
  });

  test('a fake keeps to the rules of the mailer it stands for', async () => {
    const app = create();
    const fakes = fakeMail(app);
    const hooks = { beforeSend: (one: object) => ({ ...one, subject: 'Changed' }) };
    await app.register(mail, { ...ACCOUNT, alwaysTo: 'me@contoso.com', defaults: { from: FROM }, hooks });
    const { from: _from, ...rest } = MAIL;
    await app.mail.send(rest);
    fakes().assertSent({ from: FROM, to: 'me@contoso.com', subject: 'Changed' });
    await expect(app.mail.send({ ...rest, envelope: { from: 'not an address', to: [] } })).rejects.toMatchObject({
      code: 'ERR_INPUT_ADDRESS',
    });
    await app.close();
  });

  test('what goes wrong can be tried', async () => {
    const app = create();
    const fakes = fakeMail(app);
    app.register(mail, ACCOUNT);
    app.get('/', (request) => request.mail.send(MAIL));
    await app.ready();
    fakes().failNext(Object.assign(new Error('out of paper'), { statusCode: 507 }));
    expect((await app.inject('/')).statusCode).toBe(507);
    fakes().assertNothingSent();
    await app.close();
  });

  test('a fake can be waited for', async () => {
    const welcome = defineMail<{ name: string }>({
      name: 'welcome',
      subject: 'Welcome',
      render: ({ name }) => ({ text: `Welcome, ${name}` }),
      preview: { name: 'Ada' },
    });
    const app = create();
    const fakes = fakeMail(app);
    app.register(mail, ACCOUNT);
    app.get('/', async (request) => {
      void request.mail.send(welcome({ name: 'Grace' }, { from: FROM, to: 'grace@example.org' }));
      return 'soon';
    });
    await app.inject('/');
    expect(await fakes().waitFor({ template: welcome })).toMatchObject({ text: 'Welcome, Grace' });
    await app.close();
  });

  test('a fake is a mailer like any other', async () => {
    const fake = createFakeMailClient();
    const app = create();
    await app.register(mail, { mailer: fake });
    await app.mail.send(MAIL);
    expect(fake.assertSent({ subject: 'Hello' })).toMatchObject({ to: ['ada@example.org'] });
    await app.close();
  });
});

test('a fake nobody registered is asked for in vain, and the error says what there is', async () => {
  const app = fastify();
  const fakes = fakeMail(app);
  expect(() => fakes()).toThrow("no mailer 'default' is registered (there is: none); await app.ready() first");
  await app.register(mail, { ...ACCOUNT, name: 'billing' });
  expect(() => fakes('reports')).toThrow('there is: billing');
  await app.close();
});
