// Stands for the application of whoever reads the README; not shown there.
import type { FastifyInstance } from 'fastify';
import mail from '../../src/index.ts';

export async function application(app: FastifyInstance): Promise<void> {
  const account = { tenantId: 'contoso.com', clientId: 'id', clientSecret: 'secret' };
  await app.register(mail, { ...account, user: 'noreply@contoso.com', defaults: { from: 'noreply@contoso.com' } });
  await app.register(mail, { ...account, user: 'billing@contoso.com', name: 'billing' });
  app.post<{ Body: { to: string } }>('/orders', async (request) => {
    await request.mail.send({ to: request.body.to, subject: 'Your order', text: 'Thank you!' });
    return { ordered: true };
  });
}
