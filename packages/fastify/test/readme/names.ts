import type { FastifyInstance } from 'fastify';
import mail, { type MailAccount } from '../../src/index.ts';

declare module '../../src/index.ts' {
  interface MailerNames {
    billing: true; // mailer('biling') no longer compiles
  }
}

export async function invoices(app: FastifyInstance, accounts: { noreply: MailAccount; billing: MailAccount }) {
  await app.register(mail, { ...accounts.noreply, defaults: { from: 'Contoso <noreply@contoso.com>' } });
  await app.register(mail, { ...accounts.billing, name: 'billing', defaults: { from: 'billing@contoso.com' } });

  app.post<{ Params: { number: string } }>('/invoices/:number', async (request) => {
    const subject = `Invoice ${request.params.number}`;
    await request.mail.mailer('billing').send({ to: 'ada@example.org', subject, text: 'Please find it attached.' });
    await request.mail.send({ to: 'books@contoso.com', subject: `${subject} was sent`, text: '' });
    return { sent: true };
  });
}
