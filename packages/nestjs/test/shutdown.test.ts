// Other mail modules close their connections while requests are still being answered, and leave timers and workers behind.
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setImmediate as turn } from 'node:timers/promises';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import {
  type BeforeApplicationShutdown,
  Controller,
  Inject,
  Module,
  type OnApplicationShutdown,
  Post,
} from '@nestjs/common';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MailModule, MailService } from '../src/index.ts';
import { accountOf, Lines, mailTo, PLATFORMS, serve } from './helpers.ts';

let sandbox: Sandbox;

/** Opened once. */
class Gate {
  open: () => void = () => {};
  readonly opened: Promise<void> = new Promise((resolve) => {
    this.open = resolve;
  });
}

/** Without keep-alive, for which servers wait when they close. */
async function post(url: string): Promise<string> {
  const [response] = (await once(request(url, { method: 'POST', agent: false }).end(), 'response')) as [
    IncomingMessage,
  ];
  return text(response);
}

beforeEach(async () => {
  sandbox = await createSandbox();
});

afterEach(() => sandbox.close());

test.each(PLATFORMS)(
  '$platform: a request in flight while the application closes gets its mail out',
  async ({ adapter }) => {
    const arrived = new Gate();
    const closing = new Gate();

    @Controller()
    class Orders implements BeforeApplicationShutdown {
      constructor(@Inject(MailService) readonly mail: MailService) {}

      @Post('orders')
      async order() {
        arrived.open();
        await closing.opened;
        const { accepted } = await this.mail.send(mailTo('ada@example.org'));
        return { accepted };
      }

      /** The last hook before the server waits for its requests. */
      beforeApplicationShutdown() {
        setImmediate(closing.open);
      }
    }
    @Module({ imports: [MailModule.forRoot({ account: accountOf(sandbox) })], controllers: [Orders] })
    class AppModule {}

    const { app, url } = await serve(AppModule, adapter);
    const response = post(`${url}/orders`);
    await arrived.opened;
    await app.close();
    expect(JSON.parse(await response)).toEqual({ accepted: ['ada@example.org'] });
    expect(sandbox.inbox.messages).toHaveLength(1);
    await expect(app.get(MailService, { strict: false }).send(mailTo('ada@example.org'))).rejects.toMatchObject({
      code: 'ERR_MAILER_CLOSED',
    });
  },
);

test('others may send at their own end', async () => {
  class Farewell implements OnApplicationShutdown {
    constructor(@Inject(MailService) readonly mail: MailService) {}

    async onApplicationShutdown() {
      await this.mail.send(mailTo('ops@example.org', 'Going down'));
    }
  }
  @Module({ imports: [MailModule.forRoot({ account: accountOf(sandbox) })], providers: [Farewell] })
  class AppModule {}
  const { app } = await serve(AppModule, PLATFORMS[0].adapter);
  await app.close();
  expect(sandbox.inbox.messages.map(({ subject }) => subject)).toEqual(['Going down']);
});

test('a send that nobody waits for is waited for', async () => {
  const { app } = await serve(
    { module: class {}, imports: [MailModule.forRoot({ account: accountOf(sandbox) })] },
    PLATFORMS[0].adapter,
  );
  const sent = app.get(MailService, { strict: false }).send(mailTo('ada@example.org'));
  await app.close();
  expect(sandbox.inbox.messages).toHaveLength(1);
  await sent;
});

test('nothing is left running: no connection, no timer', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const connections = () => sandbox.exchange.traffic(sandbox.mailbox).connections;
  const before = timers();
  const { app } = await serve(
    { module: class {}, imports: [MailModule.forRoot({ account: accountOf(sandbox) })] },
    PLATFORMS[0].adapter,
  );
  await app.get(MailService, { strict: false }).send(mailTo('ada@example.org'));
  expect(connections()).toBe(1);
  await app.close();
  while (connections() > 0) await turn(); // the server hears of it a turn later
  expect(timers()).toBeLessThanOrEqual(before);
});

test('a mailer that cannot be closed is told of, and the others are closed', async () => {
  const lines = new Lines();
  const mailer = {
    send: () => Promise.reject(new Error('stuck')),
    close: () => Promise.reject(new Error('stuck')),
    health: () => ({ status: 'up', reasons: [], pending: 0 }),
  };
  const { app } = await serve(
    {
      module: class {},
      imports: [
        MailModule.forRoot({ name: 'stuck', mailer: mailer as never, closeMailer: true }),
        MailModule.forRoot({ account: accountOf(sandbox) }),
      ],
    },
    PLATFORMS[0].adapter,
    lines,
  );
  await app.close();
  expect(lines.lines).toEqual(['error [MailModule] A mailer could not be closed: Error: stuck']);
  await expect(app.get(MailService, { strict: false }).verify()).rejects.toMatchObject({ code: 'ERR_MAILER_CLOSED' });
});
