// What people hand to MailModule.
import type { MailClientOptions, MailClientsOptions } from '@mailgrant/mail';
import type { ConfigurableModuleAsyncOptions } from '@nestjs/common';

/** One mailer: the options of a mail client, and what the application does with it when it starts. */
export interface MailModuleOptions extends Omit<MailClientOptions, 'name'> {
  /**
   * Whether the application logs in to the server when it starts. `'warn'` does so beside everything else and logs a failure
   * with its remedy; `'fail'` waits for it, up to 30 s, and a failure ends the start. Default `'off'`: a mail server that is
   * away for a while keeps nobody from starting.
   */
  readonly verifyOnStartup?: 'off' | 'warn' | 'fail' | undefined;
}

/** What has to be known of a mailer before its options are. */
export interface MailModuleExtras {
  /** For `@InjectMailer(name)`. Default: the mailer that has no name, injected as `MailService`. */
  readonly name?: string;
  /** Every module can inject the mailer without importing this one. Default `false`. */
  readonly isGlobal?: boolean;
}

/** For `useClass` and `useExisting`. */
export interface MailOptionsFactory {
  createMailOptions(): MailModuleOptions | Promise<MailModuleOptions>;
}

/** `imports`, `inject` and one of `useFactory`, `useClass`, `useExisting`; what `registerAs(…).asProvider()` returns fits. */
export interface MailModuleAsyncOptions
  extends ConfigurableModuleAsyncOptions<MailModuleOptions, 'createMailOptions'>, MailModuleExtras {}

/** Mailers that are made at run time, such as one for each customer. */
export interface MailTenantsOptions extends Omit<MailClientsOptions, 'clients' | 'resolve'> {
  /**
   * The options of the mailer of this name, looked up when it is first asked for; `undefined` when there is none. Names come
   * from your callers: look them up, do not make file names or queries of them.
   */
  readonly resolve: (name: string) => MailClientOptions | undefined | Promise<MailClientOptions | undefined>;
}

/** For `useClass` and `useExisting`. */
export interface MailTenantsOptionsFactory {
  createMailTenantsOptions(): MailTenantsOptions | Promise<MailTenantsOptions>;
}

export interface MailTenantsAsyncOptions extends ConfigurableModuleAsyncOptions<
  MailTenantsOptions,
  'createMailTenantsOptions'
> {}
