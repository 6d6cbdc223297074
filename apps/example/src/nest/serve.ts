// The NestJS application for the demo: on a free port, without a log.
import type { MailModuleOptions } from '@mailgrant/nestjs';
import { NestFactory } from '@nestjs/core';
import type { Served } from '../frameworks.ts';
import { AppModule } from './app.module.ts';

export async function serve(mail: MailModuleOptions): Promise<Served> {
  const app = await NestFactory.create(
    AppModule.with(() => mail),
    { logger: false, abortOnError: false },
  );
  await app.listen(0, '127.0.0.1');
  return { framework: 'NestJS', url: await app.getUrl(), close: () => app.close() };
}
