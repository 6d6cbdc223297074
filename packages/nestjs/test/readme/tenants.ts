import { type MailClientOptions, MailModule, MailRegistry } from '../../src/index.ts';
import { Injectable, Module } from '@nestjs/common';

/** Your own: where the settings of customers are. */
export abstract class Customers {
  abstract mailOptions(customer: string): Promise<MailClientOptions | undefined>;
}

@Injectable()
export class Reminders {
  constructor(private readonly mailers: MailRegistry) {}

  async remind(customer: string, to: string): Promise<void> {
    const mail = await this.mailers.resolve(customer);
    await mail.send({ to, subject: 'Your appointment', text: 'See you tomorrow.' });
  }
}

@Module({
  imports: [
    MailModule.forTenantsAsync({
      inject: [Customers],
      useFactory: (customers: Customers) => ({
        resolve: (customer) => customers.mailOptions(customer),
        idleAfter: 600_000, // milliseconds
      }),
    }),
  ],
  providers: [Reminders],
})
export class RemindersModule {}
