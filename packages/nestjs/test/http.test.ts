// What a client of the application gets to see of a failed mail.
import { EventEmitter } from 'node:events';
import { ConnectionError } from '@mailgrant/core';
import { createSandbox, type Sandbox } from '@mailgrant/sandbox';
import {
  type ArgumentsHost,
  Body,
  Controller,
  Get,
  HttpException,
  Inject,
  Logger,
  Module,
  NotFoundException,
  Post,
} from '@nestjs/common';
import { APP_FILTER, HttpAdapterHost } from '@nestjs/core';
import { firstValueFrom, type Observable } from 'rxjs';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { MailExceptionFilter, MailModule, MailService } from '../src/index.ts';
import { accountOf, Lines, PLATFORMS, serve } from './helpers.ts';

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await createSandbox({
    smtp: {
      refuse: [
        { match: 'canary-recipient@example.org', reply: '550 5.1.1 canary-recipient@example.org: canary-reply' },
      ],
    },
  });
});

afterEach(() => sandbox.close());

@Controller()
class Orders {
  constructor(@Inject(MailService) readonly mail: MailService) {}

  @Post('orders')
  async order(@Body() { to }: { to: string }) {
    await this.mail.send({ from: 'noreply@contoso.com', to, subject: 'canary-subject', text: 'canary-body' });
  }

  @Get('orders')
  none() {
    throw new NotFoundException('no such order');
  }

  @Get('teapot')
  teapot() {
    throw new HttpException('short and stout', 418);
  }
}

function appModule(withFilter: boolean) {
  @Module({
    imports: [MailModule.forRoot({ account: accountOf(sandbox) })],
    controllers: [Orders],
    providers: withFilter ? [{ provide: APP_FILTER, useClass: MailExceptionFilter }] : [],
  })
  class AppModule {}
  return AppModule;
}

const order = (url: string, to: string) =>
  fetch(`${url}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ to }),
  });

test.each(PLATFORMS)(
  '$platform: a refused recipient is a status, a code and a general sentence',
  async ({ adapter }) => {
    const lines = new Lines();
    const { app, url } = await serve(appModule(true), adapter, lines);
    const response = await order(url, 'canary-recipient@example.org');
    const body = await response.text();
    await app.close();
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(JSON.parse(body)).toEqual({
      statusCode: response.status,
      message: expect.stringMatching(/\w/),
      code: 'ERR_SMTP_RECIPIENTS_REFUSED',
    });
    expect(body + [...response.headers].join()).not.toMatch(/canary/);
    expect(lines.lines).toEqual(['error [MailExceptionFilter] ReplyError ERR_SMTP_RECIPIENTS_REFUSED at RCPT']);
  },
);

test.each(PLATFORMS)('$platform: a caller is told when to come again', async ({ adapter }) => {
  const { app, url } = await serve(appModule(true), adapter);
  sandbox.entra.next({ status: 503, retryAfter: 7, times: Infinity });
  const response = await order(url, 'ada@example.org');
  await app.close();
  expect(await response.json()).toMatchObject({ statusCode: 503, code: 'ERR_OAUTH_UNAVAILABLE' });
  expect(response.headers.get('retry-after')).toBe('7');
});

test.each(PLATFORMS)('$platform: other errors stay as they are', async ({ adapter }) => {
  const { app, url } = await serve(appModule(true), adapter);
  const answers = await Promise.all([fetch(`${url}/orders`), fetch(`${url}/teapot`)]);
  expect(answers.map(({ status }) => status)).toEqual([404, 418]);
  expect(await answers[0]?.json()).toMatchObject({ message: 'no such order' });
  await app.close();
});

test.each(PLATFORMS)('$platform: without the filter nothing leaks either', async ({ adapter }) => {
  const { app, url } = await serve(appModule(false), adapter);
  const response = await order(url, 'canary-recipient@example.org');
  await app.close();
  expect(await response.text()).not.toMatch(/canary/);
  expect(response.status).toBe(500);
});

describe('what asked by another way', () => {
  const error = new ConnectionError('ERR_SMTP_CONNECT', 'no way to canary.example.org for canary@example.org');
  const filter = new MailExceptionFilter(new HttpAdapterHost());
  const answer = { status: 'error', message: 'The mail could not be sent at present.', code: 'ERR_SMTP_CONNECT' };
  const host = (type: string, client?: EventEmitter): ArgumentsHost =>
    ({ getType: () => type, switchToWs: () => ({ getClient: () => client }) }) as never;

  beforeAll(() => Logger.overrideLogger(false));

  test('a microservice gets an error to pass on', async () => {
    await expect(firstValueFrom(filter.catch(error, host('rpc')) as Observable<unknown>)).rejects.toEqual(answer);
  });

  test('a WebSocket client gets the event Nest has for it', () => {
    const client = new EventEmitter();
    const heard: unknown[] = [];
    client.on('exception', (event) => heard.push(event));
    filter.catch(error, host('ws', client));
    expect(heard).toEqual([answer]);
  });

  test('GraphQL, which shows messages, gets one that may be shown', () => {
    expect(() => filter.catch(error, host('graphql'))).toThrow(
      expect.objectContaining({
        message: answer.message,
        response: { statusCode: 503, message: answer.message, code: answer.code },
      }),
    );
  });
});
