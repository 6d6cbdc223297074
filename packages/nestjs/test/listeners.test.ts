// Other mail modules document events that never fire: these do, and a test hears each of them.
import { setImmediate as turn } from 'node:timers/promises';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import { Controller, Injectable, Scope } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  BeforeMailSend,
  getMailerToken,
  type Mail,
  type MailClient,
  type MailEvents,
  MailModule,
  MailRegistry,
  MailService,
  OnMailEvent,
} from '../src/index.ts';
import { accountOf, Lines, mailTo } from './helpers.ts';

let sandbox: Sandbox;
let lines: Lines;

@Injectable()
class Recorder {
  readonly heard: [string, string][] = [];

  @OnMailEvent('sending')
  sending({ client }: MailEvents['sending']) {
    this.heard.push(['sending', client]);
  }

  @OnMailEvent('sent')
  sent({ client, result }: MailEvents['sent']) {
    this.heard.push([`sent to ${result.accepted.join()}`, client]);
  }

  @OnMailEvent('refused')
  refused({ client, recipients }: MailEvents['refused']) {
    this.heard.push([`refused ${recipients.map(({ address }) => address).join()}`, client]);
  }

  @OnMailEvent('failed')
  failed({ client, error }: MailEvents['failed']) {
    this.heard.push([`failed ${(error as { code?: string }).code}`, client]);
  }

  @OnMailEvent('cancelled')
  cancelled({ client }: MailEvents['cancelled']) {
    this.heard.push(['cancelled', client]);
  }

  @OnMailEvent('token')
  token({ client, event }: MailEvents['token']) {
    this.heard.push([`token ${event.type}`, client]);
  }
}

beforeEach(async () => {
  sandbox = await createSandbox({ smtp: { refuse: [{ match: 'gone@example.org', reply: '550 5.1.1 No such user' }] } });
  lines = new Lines();
});

afterEach(() => sandbox.close());

async function start(...providers: readonly (new (...args: never[]) => unknown)[]) {
  const account = accountOf(sandbox);
  const app = await Test.createTestingModule({
    imports: [MailModule.forRoot({ account }), MailModule.forRoot({ name: 'billing', account })],
    providers: [...providers],
  })
    .setLogger(lines)
    .compile();
  await app.init();
  return {
    app,
    mail: app.get(MailService),
    billing: app.get<MailClient>(getMailerToken('billing')),
    registry: app.get(MailRegistry),
    [Symbol.asyncDispose]: () => app.close(),
  };
}

test('@OnMailEvent hears every kind of event, of every mailer', async () => {
  await using started = await start(Recorder);
  const { app, mail, billing, registry } = started;
  await mail.send(mailTo('ada@example.org'));
  await expect(billing.send(mailTo('gone@example.org'))).rejects.toMatchObject({ code: 'ERR_SMTP_RECIPIENTS_REFUSED' });
  registry.beforeSend(() => false, { mailer: 'billing' });
  await expect(billing.send(mailTo('ada@example.org'))).rejects.toMatchObject({ code: 'ERR_MAIL_CANCELLED' });
  const { heard } = app.get(Recorder);
  expect(heard.filter(([, client]) => client === 'default')).toEqual([
    ['sending', 'default'],
    ['token renewed', 'default'],
    ['sent to ada@example.org', 'default'],
  ]);
  expect(heard.filter(([, client]) => client === 'billing').map(([what]) => what)).toEqual(
    expect.arrayContaining(['sending', 'refused gone@example.org', 'failed ERR_SMTP_RECIPIENTS_REFUSED', 'cancelled']),
  );
});

test('methods of controllers hear, several events on one, of one mailer only', async () => {
  @Controller()
  class Audit {
    readonly heard: string[] = [];

    @OnMailEvent('sending', { mailer: 'billing' })
    @OnMailEvent('sent', { mailer: 'billing' })
    note({ client }: MailEvents['sent']) {
      this.heard.push(client);
    }
  }
  const app = await Test.createTestingModule({
    imports: [
      MailModule.forRoot({ account: accountOf(sandbox) }),
      MailModule.forRoot({ name: 'billing', account: accountOf(sandbox) }),
    ],
    controllers: [Audit],
  }).compile();
  await app.init();
  await app.get(MailService).send(mailTo('ada@example.org'));
  await app.get<MailClient>(getMailerToken('billing')).send(mailTo('ada@example.org'));
  await app.close();
  expect(app.get(Audit).heard).toEqual(['billing', 'billing']);
});

test('@BeforeMailSend changes mails and cancels them', async () => {
  @Injectable()
  class Policy {
    readonly tag = '[contoso] ';

    @BeforeMailSend()
    async tagged(mail: Mail) {
      return { ...mail, subject: `${this.tag}${mail.subject}` };
    }

    @BeforeMailSend({ mailer: 'billing' })
    closed() {
      return false as const;
    }
  }
  await using started = await start(Policy);
  await started.mail.send(mailTo('ada@example.org'));
  await expect(started.billing.send(mailTo('ada@example.org'))).rejects.toMatchObject({ code: 'ERR_MAIL_CANCELLED' });
  expect(sandbox.inbox.messages.map(({ subject }) => subject)).toEqual(['[contoso] Hello']);
});

test("the hook of a mailer's own options comes first, and what a hook throws fails the send", async () => {
  const beforeSend = (mail: Mail): Mail => ({ ...mail, subject: `${mail.subject}, first` });
  const app = await Test.createTestingModule({
    imports: [MailModule.forRoot({ account: accountOf(sandbox), hooks: { beforeSend } })],
  }).compile();
  const registry = app.get(MailRegistry);
  const takeAway = registry.beforeSend((mail) => ({ ...mail, subject: `${mail.subject}, second` }));
  registry.beforeSend((mail) => {
    if (mail.to === 'eve@example.org') throw new Error('not her');
  });
  await app.get(MailService).send(mailTo('ada@example.org'));
  takeAway();
  await app.get(MailService).send(mailTo('ada@example.org'));
  await expect(app.get(MailService).send(mailTo('eve@example.org'))).rejects.toThrow('not her');
  await app.close();
  expect(sandbox.inbox.messages.map(({ subject }) => subject)).toEqual(['Hello, first, second', 'Hello, first']);
});

test('a listener that throws breaks no mail, and the log names it', async () => {
  @Injectable()
  class Careless {
    @OnMailEvent('sent')
    async metrics() {
      throw new Error('no metrics today');
    }
  }
  await using started = await start(Careless);
  await started.mail.send(mailTo('ada@example.org'));
  const takeAway = started.registry.on('sent', () => {
    throw new Error('nor here');
  });
  await started.billing.send(mailTo('ada@example.org'));
  takeAway();
  await started.billing.send(mailTo('ada@example.org'));
  await turn();
  expect(lines.lines.map((line) => line.replace(/^error \[.*?\] /s, ''))).toEqual([
    'Careless.metrics failed at the event "sent": Error: no metrics today',
    'a mail listener failed at the event "sent": Error: nor here',
    'Careless.metrics failed at the event "sent": Error: no metrics today',
    'Careless.metrics failed at the event "sent": Error: no metrics today',
  ]);
});

test('a provider made for each request cannot listen, which the log says', async () => {
  @Injectable({ scope: Scope.REQUEST })
  class PerRequest {
    @OnMailEvent('sent')
    hear() {}
  }
  await using started = await start(PerRequest);
  await started.mail.send(mailTo('ada@example.org'));
  expect(lines.lines).toEqual([
    'warn [MailModule] PerRequest.hear hears nothing of mails: it is made anew for each request',
  ]);
});
