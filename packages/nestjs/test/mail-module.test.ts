import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { Inject, Injectable, Module } from '@nestjs/common';
import { ConfigModule, registerAs } from '@nestjs/config';
import { Test } from '@nestjs/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import {
  getMailerToken,
  InjectMailer,
  type MailClient,
  MailModule,
  mailOptionsFromEnv,
  type MailModuleOptions,
  type MailOptionsFactory,
  MailRegistry,
  MailService,
} from '../src/index.ts';
import { accountOf, Lines, mailTo } from './helpers.ts';

let sandbox: Sandbox;
let options: MailModuleOptions;
const closing: { close(): Promise<unknown> }[] = [];

beforeAll(async () => {
  sandbox = await createSandbox();
  options = { account: accountOf(sandbox) };
});

afterEach(async () => {
  await Promise.all(closing.splice(0).map((each) => each.close()));
  sandbox.inbox.clear();
});

afterAll(() => sandbox.close());

const SETTINGS = Symbol('settings');

@Injectable()
class Settings implements MailOptionsFactory {
  createMailOptions = () => options;
}

@Module({ providers: [Settings, { provide: SETTINGS, useFactory: () => options }], exports: [Settings, SETTINGS] })
class SettingsModule {}

type Imports = NonNullable<Parameters<typeof Test.createTestingModule>[0]['imports']>;

async function start(imports: Imports, more: Pick<Parameters<typeof Test.createTestingModule>[0], 'providers'> = {}) {
  const app = await Test.createTestingModule({ imports, ...more })
    .setLogger(new Lines())
    .compile();
  closing.push(app);
  return app.init();
}

test.each([
  ['forRoot', () => MailModule.forRoot(options)],
  ['useFactory', () => MailModule.forRootAsync({ useFactory: async () => options })],
  [
    'useFactory with imports and inject',
    () =>
      MailModule.forRootAsync({
        imports: [SettingsModule],
        inject: [SETTINGS],
        useFactory: (given: MailModuleOptions) => given,
      }),
  ],
  ['useClass', () => MailModule.forRootAsync({ useClass: Settings })],
  ['useExisting', () => MailModule.forRootAsync({ imports: [SettingsModule], useExisting: Settings })],
  [
    'registerAs(…).asProvider()',
    () => MailModule.forRootAsync(registerAs('mail', (): MailModuleOptions => options).asProvider()),
  ],
] as const)('%s: MailService sends', async (_, module) => {
  const app = await start([await ConfigModule.forRoot({ ignoreEnvFile: true }), module()]);
  const mail = app.get(MailService, { strict: false });
  expect(await mail.send(mailTo('ada@example.org', 'one'))).toMatchObject({ accepted: ['ada@example.org'] });
  expect(await mail.sendMail(mailTo('ada@example.org', 'two'))).toMatchObject({ accepted: ['ada@example.org'] });
  expect(sandbox.inbox.messages.map(({ subject }) => subject)).toEqual(['one', 'two']);
});

test('several mailers by name, each with its own options, beside the one without', async () => {
  @Injectable()
  class Office {
    constructor(
      @Inject(MailService) readonly mail: MailService,
      @InjectMailer() readonly same: MailClient,
      @InjectMailer('billing') readonly billing: MailClient,
      @InjectMailer('alerts') readonly alerts: MailClient,
    ) {}
  }
  const app = await start(
    [
      MailModule.forRoot(options),
      MailModule.forRoot({ name: 'billing', ...options, defaults: { replyTo: 'billing@contoso.com' } }),
      MailModule.forRootAsync({ name: 'alerts', useFactory: () => options }),
    ],
    { providers: [Office] },
  );
  const { mail, same, billing, alerts } = app.get(Office);
  expect([mail, same, billing, alerts].map(({ name }) => name)).toEqual(['default', 'default', 'billing', 'alerts']);
  await billing.send(mailTo('ada@example.org'));
  expect(Buffer.from(sandbox.inbox.messages[0]?.raw ?? []).toString()).toMatch(/^Reply-To: billing@contoso\.com\r$/m);
  expect(app.get(MailRegistry).names).toEqual(['default', 'billing', 'alerts']);
  expect(app.get(MailRegistry).get('alerts')).toBe(alerts);
  expect(() => app.get(MailRegistry).get('nobody')).toThrow('nobody');
});

test('MailService does what its mailer does', async () => {
  const app = await start([MailModule.forRoot(options)]);
  const mail = app.get(MailService, { strict: false });
  const sent: string[] = [];
  const takeAway = mail.on('sent', ({ client }) => sent.push(client));
  expect(mail.health()).toMatchObject({ status: 'up', pending: 0 });
  expect((await mail.verify({ deadline: 15_000 })).accounts).toMatchObject([{ account: sandbox.mailbox }]);
  mail.resume();
  await mail.send(mailTo('ada@example.org'));
  takeAway();
  await mail.send(mailTo('ada@example.org'));
  expect(sent).toEqual(['default']);
});

test('a mailer is seen where its module is imported, and everywhere with isGlobal', async () => {
  @Injectable()
  class Deep {
    constructor(@Inject(MailService) readonly mail: MailService) {}
  }
  @Module({ providers: [Deep] })
  class DeepModule {}
  await expect(start([MailModule.forRoot(options), DeepModule])).rejects.toThrow(/MailService/);
  const app = await start([MailModule.forRoot({ ...options, isGlobal: true }), DeepModule]);
  expect(app.get(Deep, { strict: false }).mail.name).toBe('default');
});

test('two mailers of one name: a warning, and each works where its module is imported', async () => {
  const lines = new Lines();
  const app = await Test.createTestingModule({ imports: [MailModule.forRoot(options), MailModule.forRoot(options)] })
    .setLogger(lines)
    .compile();
  closing.push(app);
  expect(lines.lines).toEqual([
    expect.stringMatching(/^warn \[MailModule\] There are two mailers with the name "default"/),
  ]);
});

test('overrideProvider(getMailerToken()) replaces what MailService and the registry use', async () => {
  const app = await Test.createTestingModule({ imports: [MailModule.forRoot(options)] })
    .overrideProvider(getMailerToken())
    .useValue({ send: () => 'instead', on: () => () => {} })
    .compile();
  expect(app.get(MailService).send(mailTo('ada@example.org'))).toBe('instead');
  expect(app.get(MailRegistry).get()).toBe(app.get(getMailerToken()));
});

test('a password for Microsoft is refused with an explanation when the application starts', async () => {
  const account = { user: 'noreply@contoso.com', password: 'Sommer2026!' };
  const error: unknown = await start([MailModule.forRoot({ account })]).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'ERR_INPUT_OPTION', message: expect.stringMatching(/Basic authentication/i) });
  expect(String(error)).not.toContain('Sommer2026!');
});

test('mailOptionsFromEnv() reports all problems at once, when the application starts', async () => {
  const module = MailModule.forRootAsync({
    useFactory: () => mailOptionsFromEnv({ MAIL_PORT: 'canary-port', MAIL_DEADLINE: 'canary-deadline' }),
  });
  const error: unknown = await start([module]).catch((reason: unknown) => reason);
  expect(String(error)).toMatch(/MAIL_PORT[^]*MAIL_DEADLINE/);
  expect(String(error)).not.toContain('canary');
});
