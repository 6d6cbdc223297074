import { describeContract, type ContractAccount } from '@mailgrant/sandbox/contract';
import { Module } from '@nestjs/common';
import { describe, test } from 'vitest';
import { getMailerToken, MailModule, MailService, type MailClient, type MailModuleOptions } from '../src/index.ts';
import { PLATFORMS, serve } from './helpers.ts';

@Module({})
class AppModule {}

function optionsOf(given: ContractAccount): MailModuleOptions {
  const { tenantId: _, authority: __, ...account } = given; // the token endpoint says it
  return { account: { provider: 'microsoft365', ...account } };
}

for (const { platform, adapter } of PLATFORMS) {
  describeContract({ describe, test }, `NestJS on ${platform}`, {
    async open(account, named = {}) {
      const others = Object.entries(named).map(([name, each]) => MailModule.forRoot({ name, ...optionsOf(each) }));
      const { app } = await serve(
        { module: AppModule, imports: [MailModule.forRoot(optionsOf(account)), ...others] },
        adapter,
      );
      const mail = app.get(MailService, { strict: false });
      return {
        send: (message, options) => mail.send(message, options),
        verify: () => mail.verify(),
        health: () => mail.health(),
        named: (name) => app.get<MailClient>(getMailerToken(name), { strict: false }),
        close: () => app.close(),
      };
    },
  });
}
