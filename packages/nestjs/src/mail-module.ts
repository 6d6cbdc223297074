// One mailer as a Nest module: options in, a client out, verified at the start and closed at the end.
import { InputError } from '@mailgrant/core';
import type { MailClient } from '@mailgrant/mail';
import {
  ConfigurableModuleBuilder,
  type DynamicModule,
  Inject,
  Module,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type Provider,
} from '@nestjs/common';
import { MailCoreModule } from './mail-core-module.ts';
import { type MailClientFactory, MailRegistry } from './mail-registry.ts';
import { MailService } from './mail-service.ts';
import { MailTenantsModule } from './mail-tenants-module.ts';
import type {
  MailModuleAsyncOptions,
  MailModuleExtras,
  MailModuleOptions,
  MailTenantsAsyncOptions,
  MailTenantsOptions,
} from './options.ts';
import { verifyAtStart } from './startup.ts';
import {
  DEFAULT_MAILER,
  getMailerToken,
  MAIL_CLIENT,
  MAIL_CLIENT_FACTORY,
  MAIL_NAME,
  MAIL_OPTIONS,
  MAIL_TENANTS,
} from './tokens.ts';

/** Provides mailers: `forRoot()` or `forRootAsync()` once for each, `forTenants()` for those made at run time. */
@Module({})
export class MailModule implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #name: string;
  readonly #client: MailClient;
  readonly #verify: MailModuleOptions['verifyOnStartup'];
  readonly #shutdown = new AbortController();

  constructor(
    @Inject(MAIL_NAME) name: string,
    @Inject(MAIL_CLIENT) client: MailClient,
    @Inject(MAIL_OPTIONS) { verifyOnStartup }: MailModuleOptions,
    @Inject(MailRegistry) registry: MailRegistry,
  ) {
    this.#name = name;
    this.#client = client;
    this.#verify = verifyOnStartup;
    registry.add(name, client);
  }

  /** A mailer from options at hand. */
  static forRoot({ name, isGlobal, ...options }: MailModuleOptions & MailModuleExtras): DynamicModule {
    return mailer(OptionsProviders.forRoot(options), name, isGlobal);
  }

  /** A mailer whose options come out of a factory, such as `mailConfig.asProvider()` of `@nestjs/config`. */
  static forRootAsync({ name, isGlobal, ...options }: MailModuleAsyncOptions): DynamicModule {
    return mailer(OptionsProviders.forRootAsync(options), name, isGlobal);
  }

  /** Mailers made at run time, for `MailRegistry.resolve(name)`: one for each customer, for instance. Once in an application. */
  static forTenants(options: MailTenantsOptions): DynamicModule {
    return { ...TenantsProviders.forTenants(options), module: MailTenantsModule };
  }

  /** The same, from options that come out of a factory. */
  static forTenantsAsync(options: MailTenantsAsyncOptions): DynamicModule {
    return { ...TenantsProviders.forTenantsAsync(options), module: MailTenantsModule };
  }

  async onApplicationBootstrap(): Promise<void> {
    await verifyAtStart(this.#name, this.#client, this.#verify, this.#shutdown.signal);
  }

  onApplicationShutdown(): void {
    this.#shutdown.abort();
  }
}

// Nest's own way from options, factories and classes to one provider. The classes it makes are never a module.
const { ConfigurableModuleClass: OptionsProviders } = new ConfigurableModuleBuilder<MailModuleOptions>({
  optionsInjectionToken: MAIL_OPTIONS,
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createMailOptions')
  .build();

const { ConfigurableModuleClass: TenantsProviders } = new ConfigurableModuleBuilder<MailTenantsOptions>({
  optionsInjectionToken: MAIL_TENANTS,
})
  .setClassMethodName('forTenants')
  .setFactoryMethodName('createMailTenantsOptions')
  .build();

function mailer(
  { imports = [], providers = [] }: DynamicModule,
  name: string = DEFAULT_MAILER,
  isGlobal: boolean = false,
): DynamicModule {
  const token = getMailerToken(name);
  const client: Provider[] = [
    {
      provide: token,
      useFactory: (registry: MailRegistry, options: MailModuleOptions) => registry.make(name, options),
      inject: [MailRegistry, MAIL_OPTIONS],
    },
    { provide: MAIL_CLIENT, useExisting: token },
    { provide: MAIL_NAME, useValue: name },
  ];
  const service = name === DEFAULT_MAILER ? [MailService] : [];
  return {
    module: MailModule,
    global: isGlobal,
    imports: [MailCoreModule, ...imports],
    providers: [...providers.map(forgiving), ...client, ...service],
    exports: [token, ...service],
  };
}

/** Where mailers are fakes, settings that cannot work do not matter: tests need no MAIL_… variables. */
function forgiving(provider: Provider): Provider {
  if (!('useFactory' in provider) || provider.provide !== MAIL_OPTIONS) return provider;
  return {
    provide: MAIL_OPTIONS,
    useFactory: async (clients: MailClientFactory | undefined, ...injected: readonly unknown[]): Promise<unknown> => {
      try {
        return await provider.useFactory(...injected);
      } catch (error) {
        if (clients?.makesUp === true && error instanceof InputError) return {};
        throw error;
      }
    },
    inject: [{ token: MAIL_CLIENT_FACTORY, optional: true }, ...(provider.inject ?? [])],
  };
}
