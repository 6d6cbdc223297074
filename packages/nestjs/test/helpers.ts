import type { DynamicModule, INestApplication, Type } from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { Sandbox } from '@mailgrant/sandbox';
import type { MailAccount } from '../src/index.ts';

/** How to log in to the sandbox's mailbox. */
export const accountOf = (sandbox: Sandbox): MailAccount => ({
  provider: 'microsoft365',
  ...sandbox.smtp,
  ca: sandbox.ca,
  user: sandbox.mailbox,
  clientId: sandbox.clientId,
  clientSecret: sandbox.clientSecret,
  tokenEndpoint: sandbox.tokenEndpoint,
  scope: sandbox.scope,
});

export const mailTo = (to: string, subject = 'Hello') => ({ from: 'noreply@contoso.com', to, subject, text: 'Hi' });

interface Platform {
  readonly platform: string;
  readonly adapter: () => AbstractHttpAdapter;
}

export const PLATFORMS: readonly [Platform, Platform] = [
  { platform: 'Express', adapter: () => new ExpressAdapter() },
  { platform: 'Fastify', adapter: () => new FastifyAdapter() },
];

/** Lines the application logged: `warn [MailModule] …`. */
export class Lines {
  readonly lines: string[] = [];
  readonly #line =
    (level: string) =>
    (message: unknown, ...more: readonly unknown[]) =>
      void this.lines.push(`${level} [${String(more.at(-1))}] ${String(message)}`);
  readonly log = (): void => {};
  readonly warn = this.#line('warn');
  readonly error = this.#line('error');
}

/** A listening application and its address. */
export async function serve(
  module: Type<unknown> | DynamicModule,
  adapter: Platform['adapter'],
  logger: Lines | false = false,
): Promise<{ app: INestApplication; url: string }> {
  const app = await NestFactory.create(module, adapter(), { logger, abortOnError: false });
  await app.listen(0, '127.0.0.1');
  return { app, url: await app.getUrl() };
}
