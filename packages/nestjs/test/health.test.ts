// Other mail modules log in at every probe, and are always "down" when their mailers have names.
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { Controller, Get, Inject, Module } from '@nestjs/common';
import { HealthCheck, HealthCheckService, HealthIndicatorService, TerminusModule } from '@nestjs/terminus';
import { Test } from '@nestjs/testing';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { MailHealthIndicator, MailHealthModule } from '../src/health/index.ts';
import { getMailerToken, type MailClient, MailModule, type MailModuleExtras, MailRegistry } from '../src/index.ts';
import { accountOf, mailTo, PLATFORMS, serve } from './helpers.ts';

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await createSandbox();
});

afterEach(() => sandbox.close());

@Controller('health')
class HealthController {
  constructor(
    @Inject(HealthCheckService) readonly health: HealthCheckService,
    @Inject(MailHealthIndicator) readonly mail: MailHealthIndicator,
  ) {}

  @Get()
  @HealthCheck()
  passive() {
    return this.health.check([() => this.mail.check()]);
  }

  @Get('login')
  @HealthCheck()
  login() {
    return this.health.check([() => this.mail.checkLogin('login')]);
  }

  @Get('billing')
  @HealthCheck()
  billing() {
    return this.health.check([() => this.mail.check('billing', { mailers: ['billing'] })]);
  }
}

interface Answer {
  readonly details: Record<string, { status: string; mailers: Record<string, { reasons: string[] }> }>;
}

async function start(platform: (typeof PLATFORMS)[number], ...mailers: readonly MailModuleExtras[]) {
  @Module({
    imports: [
      TerminusModule.forRoot({ logger: false }),
      MailHealthModule,
      ...mailers.map((mailer) => MailModule.forRoot({ ...mailer, account: accountOf(sandbox) })),
    ],
    controllers: [HealthController],
  })
  class AppModule {}
  const { app, url } = await serve(AppModule, platform.adapter);
  return {
    app,
    mailer: (name?: string) => app.get<MailClient>(getMailerToken(name), { strict: false }),
    async get(path = '') {
      const response = await fetch(`${url}/health${path}`);
      return { code: response.status, body: (await response.json()) as Answer };
    },
    [Symbol.asyncDispose]: () => app.close(),
  };
}

const knowsDegraded = 'degraded' in new HealthIndicatorService().check('mail');
const up = { status: 'up', pending: 0, reasons: [] };

test.each(PLATFORMS)(
  '$platform.platform: up with named mailers only, and nothing is asked of the servers',
  async (platform) => {
    await using app = await start(platform, { name: 'billing' }, { name: 'alerts' });
    const { code, body } = await app.get();
    expect(code).toBe(200);
    expect(body.details).toEqual({ mail: { status: 'up', mailers: { billing: up, alerts: up } } });
    expect((await app.get('/billing')).body.details).toEqual({ billing: { status: 'up', mailers: { billing: up } } });
    expect(sandbox.tokenRequests).toEqual([]);
    expect(sandbox.sessions).toEqual([]);
  },
);

test('tenants are nobody’s business, unless they are asked for', async () => {
  const app = await Test.createTestingModule({
    imports: [MailModule.forTenants({ resolve: () => ({ account: accountOf(sandbox) }) }), MailHealthModule],
  }).compile();
  await app.get(MailRegistry).resolve('contoso');
  const mail = app.get(MailHealthIndicator);
  expect(mail.check()).toEqual({ mail: { status: 'up', mailers: {} } });
  expect(mail.check('tenant', { mailers: ['contoso'] })).toEqual({
    tenant: { status: 'up', mailers: { contoso: up } },
  });
  expect(() => mail.check('tenant', { mailers: ['fabrikam'] })).toThrow('fabrikam');
  await app.close();
});

test('down after a refused login, which it says without addresses', async () => {
  await using app = await start(PLATFORMS[0], {}, { name: 'billing' });
  sandbox.exchange.next('AUTH', { reply: '535 5.7.3 Authentication unsuccessful for noreply@contoso.com', times: 2 });
  await expect(app.mailer().send(mailTo('ada@example.org'))).rejects.toMatchObject({ code: 'ERR_SMTP_AUTH_REFUSED' });
  const { code, body } = await app.get();
  expect(code).toBe(503);
  expect(body.details['mail']).toMatchObject({
    status: 'down',
    mailers: {
      default: { status: 'down', reasons: [expect.stringContaining('sending is suspended')] },
      billing: up,
    },
  });
  expect(JSON.stringify(body)).not.toContain('@');
});

test('degraded when mail flows with a warning: HTTP 200, and a status of its own where Terminus has one', async () => {
  await using app = await start(PLATFORMS[0], {});
  sandbox.exchange.next('MESSAGE', {
    reply: '554 5.2.252 SendAsDenied; noreply@contoso.com not allowed to send as boss@contoso.com',
  });
  await expect(app.mailer().send({ ...mailTo('ada@example.org'), from: 'boss@contoso.com' })).rejects.toThrow(
    'SendAsDenied',
  );
  const { code, body } = await app.get();
  expect(code).toBe(200);
  expect(body.details['mail']).toMatchObject({
    status: knowsDegraded ? 'degraded' : 'up',
    mailers: {
      default: { status: 'degraded', reasons: [expect.stringContaining('sending as [address] is suspended')] },
    },
  });
  expect(JSON.stringify(body)).not.toContain('@');
});

test('a login on demand: once for all who ask at a time, and not again for a while', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  try {
    await using app = await start(PLATFORMS[0], {});
    const answers = await Promise.all([app.get('/login'), app.get('/login')]);
    answers.push(await app.get('/login'));
    expect(answers.map(({ code }) => code)).toEqual([200, 200, 200]);
    expect(sandbox.sessions).toHaveLength(1);
    sandbox.exchange.disconnectAll();
    vi.setSystemTime(Date.now() + 300_001);
    await app.get('/login');
    expect(sandbox.sessions).toHaveLength(2);
  } finally {
    vi.useRealTimers();
  }
});

test('a login that fails is down, with the code and nothing else', async () => {
  await using app = await start(PLATFORMS[0], {});
  sandbox.entra.next({ aadsts: 7000215, times: Infinity });
  const { code, body } = await app.get('/login');
  expect(code).toBe(503);
  expect(body.details['login']?.mailers['default']?.reasons).toContainEqual('login failed: ERR_OAUTH_REFUSED');
  expect(JSON.stringify(body)).not.toContain('@');
});
