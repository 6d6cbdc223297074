// What must compile, and what must not.
import type { DynamicModule } from '@nestjs/common';
import { registerAs } from '@nestjs/config';
import {
  BeforeMailSend,
  type MailEvents,
  MailModule,
  mailOptionsFromEnv,
  type MailService,
  type MailTenantsOptions,
  OnMailEvent,
} from '../src/index.ts';

const account = { user: 'noreply@contoso.com', tenantId: 't', clientId: 'c', clientSecret: 's' };

export const modules: DynamicModule[] = [
  MailModule.forRoot({ account, name: 'billing', isGlobal: true, verifyOnStartup: 'warn' }),
  MailModule.forRootAsync({ name: 'billing', useFactory: () => mailOptionsFromEnv() }),
  MailModule.forRootAsync(registerAs('mail', () => mailOptionsFromEnv()).asProvider()),
  MailModule.forRootAsync({ ...registerAs('mail', () => mailOptionsFromEnv()).asProvider(), name: 'billing' }),
  MailModule.forTenants({ resolve: async () => undefined, idleAfter: 1 }),
];

// @ts-expect-error a misspelt option
MailModule.forRoot({ account, verifyOnStart: 'warn' });
// @ts-expect-error a word that is none of the three
MailModule.forRoot({ account, verifyOnStartup: true });
// @ts-expect-error a factory of something else
MailModule.forRootAsync({ useFactory: () => ({ account: { user: 1 } }) });
// @ts-expect-error nothing to look tenants up with
MailModule.forTenants({ idleAfter: 1 });

export const tenants: MailTenantsOptions = { resolve: (name) => (name === 'contoso' ? { account } : undefined) };

export class Listener {
  @OnMailEvent('sent')
  sent({ result }: MailEvents['sent']): readonly string[] {
    return result.accepted;
  }

  // @ts-expect-error there is no such event
  @OnMailEvent('delivered')
  delivered(): void {}

  @BeforeMailSend()
  cancel(): false {
    return false;
  }
}

export async function send(mail: MailService): Promise<string> {
  // @ts-expect-error a mail is an object
  await mail.send('Hello');
  const { response } = await mail.sendMail({ to: 'ada@example.org' }, { signal: AbortSignal.timeout(1) });
  return response;
}
