import { MailExceptionFilter, MailModule, mailOptionsFromEnv, type MailModuleOptions } from '@mailgrant/nestjs';
import { MailHealthModule } from '@mailgrant/nestjs/health';
import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { HealthController } from './health.controller.ts';
import { OrdersController } from './orders.controller.ts';

@Module({})
export class AppModule {
  /** With the account in the MAIL_… variables, unless the demo brings another one. */
  static with(mail: () => MailModuleOptions = mailOptionsFromEnv): DynamicModule {
    return {
      module: AppModule,
      imports: [MailModule.forRootAsync({ useFactory: () => mail() }), TerminusModule, MailHealthModule],
      controllers: [OrdersController, HealthController],
      providers: [{ provide: APP_FILTER, useClass: MailExceptionFilter }],
    };
  }
}
