import { InjectMailer, type MailClient, MailModule, mailOptionsFromEnv, MailService } from '../../src/index.ts';
import { Injectable, Module } from '@nestjs/common';

@Injectable()
export class Invoices {
  constructor(
    private readonly mail: MailService, // the mailer without a name
    @InjectMailer('billing') private readonly billing: MailClient,
  ) {}

  async send(to: string, number: number): Promise<void> {
    await this.billing.send({ to, subject: `Invoice ${number}`, text: 'Please find it attached.' });
    await this.mail.send({ to: 'books@contoso.com', subject: `Invoice ${number}`, text: 'It was sent.' });
  }
}

@Module({
  imports: [
    MailModule.forRootAsync({ useFactory: () => mailOptionsFromEnv() }),
    MailModule.forRootAsync({
      name: 'billing',
      useFactory: () => mailOptionsFromEnv(process.env, { prefix: 'BILLING_MAIL_' }),
    }),
  ],
  providers: [Invoices],
})
export class AppModule {}
