import { Injectable, Inject, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { expect, test } from 'vitest';
import {
  InjectMailer,
  type MailClient,
  type MailEvents,
  MailModule,
  type MailModuleOptions,
  mailOptionsFromEnv,
  MailRegistry,
  MailService,
  OnMailEvent,
} from '../src/index.ts';
import { fakeMailer, MailTestingModule, sentMailMatching } from '../src/testing/index.ts';
import { mailMatchers } from '../src/testing/vitest.ts';
import { mailTo } from './helpers.ts';

@Injectable()
class Orders {
  readonly heard: string[] = [];

  constructor(
    @Inject(MailService) readonly mail: MailService,
    @InjectMailer('billing') readonly billing: MailClient,
    @Inject(MailRegistry) readonly registry: MailRegistry,
  ) {}

  async order(to: string) {
    await this.mail.send(mailTo(to, 'Your order'));
    await this.billing.sendMail(mailTo(to, 'Your invoice'));
    await (await this.registry.resolve('contoso')).send(mailTo(to, 'Welcome'));
  }

  @OnMailEvent('sent')
  sent({ client }: MailEvents['sent']) {
    this.heard.push(client);
  }
}

/** Leads nowhere: a test that reached it would fail. */
const account = {
  host: '127.0.0.1',
  port: 1,
  user: 'noreply@contoso.com',
  token: () => Promise.reject(new Error('asked')),
};

@Module({
  imports: [
    MailModule.forRoot({ account, isGlobal: true, defaults: { replyTo: 'answers@contoso.com' } }),
    MailModule.forRootAsync({ name: 'billing', useFactory: () => ({ account, alwaysTo: 'staging@contoso.com' }) }),
    MailModule.forTenants({ resolve: (name) => (name === 'contoso' ? { account } : undefined) }),
  ],
  providers: [Orders],
})
class AppModule {}

test('a whole application sends nothing, and its options, hooks and events still hold', async () => {
  const app = await Test.createTestingModule({ imports: [AppModule, MailTestingModule.forRoot()] }).compile();
  await app.init();
  const orders = app.get(Orders);
  await orders.order('ada@example.org');
  const mail = fakeMailer(app);
  expect(mail.sent).toHaveLength(1);
  mail.assertSent({ to: 'ada@example.org', subject: 'Your order' });
  expect(mail.sent[0]?.mail.replyTo).toBe('answers@contoso.com');
  fakeMailer(app, 'billing').assertSent({ to: 'staging@contoso.com', subject: 'Your invoice' });
  fakeMailer(app, 'contoso').assertSent({ subject: 'Welcome' });
  expect(orders.heard).toEqual(['default', 'billing', 'contoso']);
  await expect(orders.registry.resolve('nobody')).rejects.toThrow(/nobody/);
  await app.close();
});

test('a part that imports no MailModule is given its mailers', async () => {
  const app = await Test.createTestingModule({
    imports: [MailTestingModule.forRoot({ mailers: ['default', 'billing'] })],
    providers: [Orders],
  }).compile();
  await app.init();
  const waiting = fakeMailer(app, 'billing').waitFor({ subject: 'Your invoice' });
  await app.get(Orders).order('ada@example.org');
  expect((await waiting).mail.to).toBe('ada@example.org');
  fakeMailer(app).assertSent({ to: 'ada@example.org' });
  fakeMailer(app, 'contoso').assertSent({ subject: 'Welcome' });
  expect(app.get(Orders).heard).toEqual(['default', 'billing', 'contoso']);
  await app.close();
});

test('the next mail can be made to fail', async () => {
  const app = await Test.createTestingModule({ imports: [AppModule, MailTestingModule.forRoot()] }).compile();
  fakeMailer(app).failNext(new Error('mailbox full'));
  await expect(app.get(Orders).order('ada@example.org')).rejects.toThrow('mailbox full');
  fakeMailer(app).assertNothingSent();
  await app.close();
});

test('matchers say what was sent instead, for vitest and for every other runner', async () => {
  expect.extend(mailMatchers);
  const app = await Test.createTestingModule({ imports: [AppModule, MailTestingModule.forRoot()] }).compile();
  await app.get(Orders).order('ada@example.org');
  const mail = fakeMailer(app);
  expect(mail).toHaveSentMail({ to: 'ada@example.org' });
  expect(mail).not.toHaveSentMail({ subject: 'Your invoice' });
  expect(() => expect(mail).toHaveSentMail({ to: 'eve@example.org' })).toThrow('to ada@example.org: "Your order"');
  expect(sentMailMatching(mail, { subject: /order/ }).pass).toBe(true);
  await app.close();
});

test('settings that are missing do not matter, those that are wrong in another way do', async () => {
  const compile = (useFactory: () => MailModuleOptions) =>
    Test.createTestingModule({
      imports: [MailModule.forRootAsync({ useFactory }), MailTestingModule.forRoot()],
    }).compile();
  const app = await compile(() => mailOptionsFromEnv({}));
  await app.get(MailService).send({ to: 'ada@example.org', subject: 'Hello', text: 'Hi' });
  fakeMailer(app).assertSent({ to: 'ada@example.org' });
  await app.close();
  const broken = compile(() => {
    throw new Error('no such table');
  });
  await expect(broken).rejects.toThrow('no such table');
});

test('a name nobody asked for is told', async () => {
  const app = await Test.createTestingModule({ imports: [AppModule, MailTestingModule.forRoot()] }).compile();
  await app.init();
  expect(() => fakeMailer(app, 'biling')).toThrow(/"biling".*default, billing/);
  await app.close();
});

test('applications do not see each other’s mails', async () => {
  const compile = () => Test.createTestingModule({ imports: [AppModule, MailTestingModule.forRoot()] }).compile();
  const [one, other] = await Promise.all([compile(), compile()]);
  await one.get(MailService, { strict: false }).send(mailTo('ada@example.org'));
  expect(fakeMailer(one).sent).toHaveLength(1);
  expect(fakeMailer(other).sent).toEqual([]);
  await Promise.all([one.close(), other.close()]);
});
