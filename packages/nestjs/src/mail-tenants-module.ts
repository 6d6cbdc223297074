// Mailers made at run time, as a Nest module.
import { Inject, Module } from '@nestjs/common';
import { MailCoreModule } from './mail-core-module.ts';
import { MailRegistry } from './mail-registry.ts';
import type { MailTenantsOptions } from './options.ts';
import { MAIL_TENANTS } from './tokens.ts';

/** @internal `MailModule.forTenants()` */
@Module({ imports: [MailCoreModule] })
export class MailTenantsModule {
  constructor(@Inject(MAIL_TENANTS) options: MailTenantsOptions, @Inject(MailRegistry) registry: MailRegistry) {
    registry.useTenants(options);
  }
}
