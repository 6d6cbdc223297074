// The outbox as a Nest module: in front of a worker somewhere else, or with the worker in this process.
import type { HostOptions } from '@mailgrant/worker';
import {
  ConfigurableModuleBuilder,
  type ConfigurableModuleAsyncOptions,
  type DynamicModule,
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { LateHost } from './late-host.ts';
import { getOutboxToken } from './outbox-token.ts';
import { SchedulesFinder } from './schedules-finder.ts';

/** One of `outbox`, `dir`, `socket`, `store` and `worker`. */
export interface MailWorkerModuleOptions extends HostOptions {}

/** `imports`, `inject` and one of `useFactory`, `useClass`, `useExisting`. */
export interface MailWorkerModuleAsyncOptions extends ConfigurableModuleAsyncOptions<
  MailWorkerModuleOptions,
  'createMailWorkerOptions'
> {
  /** Every module can inject the outbox without importing this one. Default `false`. */
  readonly isGlobal?: boolean;
}

const OPTIONS: unique symbol = Symbol.for('@mailgrant/nestjs:worker-options');
const HOST: unique symbol = Symbol.for('@mailgrant/nestjs:worker-host');

/**
 * Provides the outbox, for `@InjectOutbox()`. With `worker`, mails are sent in this process, from when the application has started
 * until it shuts down, and so are those of `@ScheduledMail()`; without it, a worker somewhere else sends them.
 * Once in an application.
 */
@Module({})
export class MailWorkerModule implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #host: LateHost;

  constructor(@Inject(HOST) host: LateHost) {
    this.#host = host;
  }

  static forRoot({ isGlobal, ...options }: MailWorkerModuleOptions & { readonly isGlobal?: boolean }): DynamicModule {
    return complete(OptionsProviders.forRoot(options), isGlobal);
  }

  static forRootAsync({ isGlobal, ...options }: MailWorkerModuleAsyncOptions): DynamicModule {
    return complete(OptionsProviders.forRootAsync(options), isGlobal);
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.#host.start();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#host.close();
  }
}

// Nest's own way from options, factories and classes to one provider. The class it makes is never a module.
const { ConfigurableModuleClass: OptionsProviders } = new ConfigurableModuleBuilder<MailWorkerModuleOptions>({
  optionsInjectionToken: OPTIONS,
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createMailWorkerOptions')
  .build();

function complete({ imports = [], providers = [] }: DynamicModule, isGlobal: boolean = false): DynamicModule {
  const outbox = getOutboxToken();
  return {
    module: MailWorkerModule,
    global: isGlobal,
    imports: [DiscoveryModule, ...imports],
    providers: [
      ...providers,
      SchedulesFinder,
      {
        provide: HOST,
        useFactory: (options: HostOptions, finder: SchedulesFinder) => new LateHost(options, finder),
        inject: [OPTIONS, SchedulesFinder],
      },
      { provide: outbox, useFactory: (host: LateHost) => host.outbox, inject: [HOST] },
    ],
    exports: [outbox],
  };
}
