import type { FastifyInstance } from 'fastify';
import mail, { type MailClientOptions } from '../../src/index.ts';

/** Your own: where the settings of customers are. */
export interface Customers {
  mailOptions(customer: string): Promise<MailClientOptions | undefined>;
}

export async function reminders(app: FastifyInstance, customers: Customers) {
  await app.register(mail, {
    resolve: (customer) => customers.mailOptions(customer),
    idleAfter: 600_000, // milliseconds without a mail, then its connections are closed
  });

  app.post<{ Params: { customer: string } }>('/:customer/reminders', async (request) => {
    const mailer = await request.mail.resolve(request.params.customer);
    await mailer.send({ to: 'ada@example.org', subject: 'Your appointment', text: 'See you tomorrow.' });
    return { sent: true };
  });
}
